import { stock } from "../stock/stock.ts";
import { withRoom } from "./expiry.ts";
import { isRefusal, type Process } from "./process.ts";

type Demand = readonly (readonly [sku: string, quantity: number])[];

/**
 * Promises an order more pieces of each SKU, all or nothing, where they are there or may be on backorder. Doing it
 * again changes nothing. After an error that is no refusal it is not known how far it came: the same again, or
 * `undoClaims`, ends it.
 * @param claimId of what they are for, once per order
 * @throws Problem out_of_stock, and then nothing more is promised; illegal_transition once it was undone
 */
export async function claimMore(
  process: Process,
  orderId: string,
  claimId: string,
  demand: Demand,
): Promise<void> {
  const results = await Promise.allSettled(
    demand.map(([sku, quantity]) =>
      withRoom(process, sku, () =>
        process.again(stock, sku, "Claim", { sku, reservationId: orderId, claimId, quantity }),
      ),
    ),
  );
  const errors = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  const refused = errors.find(isRefusal);
  if (refused !== undefined) await undoClaims(process, orderId, claimId, demand, refused.code);
  if (errors.length > 0) throw refused ?? errors[0];
}

/** Takes back what `claimMore` has promised, and what it may still be about to: none of it can be promised later. */
export async function undoClaims(
  process: Process,
  orderId: string,
  claimId: string,
  demand: Demand,
  reason: string,
): Promise<void> {
  await Promise.all(
    demand.map(([sku, quantity]) =>
      process.once(["unclaim", claimId, sku], stock, sku, "Unclaim", {
        reservationId: orderId,
        claimId,
        quantity,
        reason,
      }),
    ),
  );
}
