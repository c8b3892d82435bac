import { isoTime } from "../../src/values/clock.ts";
import type { Money } from "../../src/values/money.ts";
import { Problem, problemOf, requireRevision } from "../../src/values/problem.ts";
import type { Address } from "../address.ts";
import { itemOf } from "../cart/quote.ts";
import type { NamedLine } from "../order/credits.ts";
import type { Edit } from "../order/edits.ts";
import { order } from "../order/order.ts";
import type { RequestReturn } from "../order/returns.ts";
import type { OrderLine, PlacedOrder } from "../order/state.ts";
import { demandOf } from "../order/state.ts";
import { priceOrder } from "../pricing.ts";
import { claimMore } from "./claims.ts";
import { applyEffects } from "./effects.ts";
import { placedOrder } from "./fulfilment.ts";
import { isRefusal, type Process, type ProcessContext, processOf } from "./process.ts";
import type { ShippingMethod, Shop } from "./shop.ts";
import { refusalFor } from "./undo-checkout.ts";

/** How long a customer has to send back what was credited in advance. */
const advanceMs = 30 * 86_400_000;

export interface EditRequest {
  editId: string;
  add?: readonly { sku: string; quantity: number }[] | undefined;
  remove?: readonly NamedLine[] | undefined;
  shippingMethod?: ShippingMethod | undefined;
  shippingAddress?: Address | undefined;
  acceptedTotal?: Money | undefined;
}

/**
 * Changes an order that has not left: what is new at the prices of now, promised by stock before the order says so;
 * what is not wanted any more is cancelled, and its money goes back.
 * @throws Problem out_of_stock, not_found, not_for_sale, price_changed; illegal_transition for what is too late
 */
export async function editOrder(
  shop: Shop,
  orderId: string,
  request: EditRequest,
  context: ProcessContext,
): Promise<void> {
  const { editId, add = [], remove, shippingMethod, shippingAddress, acceptedTotal } = request;
  const found = await shop.engine.read(order, orderId, (_, revision) => revision);
  const placed = await placedOrder(shop, orderId);
  const command: Edit = {
    editId,
    add: await pricedLines(shop, placed, add),
    remove,
    shippingAddress,
    acceptedTotal: acceptedTotal?.amount,
    ...(shippingMethod && { shipping: shippingOf(shop, placed, shippingMethod) }),
  };
  const known = { ...placed, edits: new Map(placed.edits).set(editId, { adds: [], requestedAt: 0 }) };
  // What is refused asks stock for nothing: decided first as if it were promised.
  requireRevision(context.expectedRevision, found);
  if (!placed.edits.has(editId)) order.decide.Edit(known, command);
  const decide = (process: Process) => process.decide(order, orderId, "Edit", command);
  await withPromise(shop, orderId, { editId, adds: command.add }, context, decide);
}

export interface ExchangeRequest {
  returnId: string;
  returns: RequestReturn["lines"];
  add: readonly { sku: string; quantity: number }[];
  /** What is to come back is credited at once. */
  advance?: boolean | undefined;
}

/**
 * Kept pieces are to come back, and others are sent for them.
 * @throws Problem out_of_stock, not_found, not_for_sale; illegal_transition for what cannot come back
 */
export async function exchangeLines(
  shop: Shop,
  orderId: string,
  { returnId, returns, add, advance }: ExchangeRequest,
  context: ProcessContext,
): Promise<void> {
  const placed = await placedOrder(shop, orderId);
  const advanceBy = advance ? { advanceBy: isoTime(context.clock() + advanceMs) } : {};
  const command = { returnId, returns, add: await pricedLines(shop, placed, add), ...advanceBy };
  const known = { ...placed, edits: new Map(placed.edits).set(returnId, { adds: [], requestedAt: 0 }) };
  if (!placed.edits.has(returnId)) order.decide.Exchange(known, command, { now: context.clock() });
  const decide = (process: Process) => process.decide(order, orderId, "Exchange", command);
  await withPromise(shop, orderId, { editId: returnId, adds: command.add }, context, decide);
}

/** Asks stock, which the order's stream says first, and then decides; what is refused is promised to nobody. */
async function withPromise(
  shop: Shop,
  orderId: string,
  { editId, adds }: { editId: string; adds: readonly { sku: string; quantity: number }[] },
  context: ProcessContext,
  decide: (process: Process) => Promise<unknown>,
): Promise<void> {
  const process = processOf(shop, orderId, context);
  const known = (await placedOrder(shop, orderId)).edits.get(editId);
  if (known?.refusal) throw problemOf(known.refusal);
  try {
    if (adds.length > 0) {
      const { expectedRevision: _, ...unconditional } = context;
      const asked = { editId, adds: adds.map(({ sku, quantity }) => ({ sku, quantity })) };
      await process.once(["edit", editId], order, orderId, "RequestEdit", asked);
      await claimMore(process, orderId, editId, demandOf(adds));
      await decide(processOf(shop, orderId, unconditional));
    } else await decide(process);
  } catch (error) {
    if (isRefusal(error) && adds.length > 0) {
      await process.again(order, orderId, "RefuseEdit", { editId, refusal: refusalFor(error) });
      await applyEffects(shop, orderId, process.context);
    }
    throw error;
  }
  await applyEffects(shop, orderId, process.context);
}

async function pricedLines(
  { engine }: Shop,
  { currency, tax }: PlacedOrder,
  add: readonly { sku: string; quantity: number }[],
): Promise<OrderLine[]> {
  const items = await Promise.all(
    add.map(async ({ sku, quantity }) => {
      const offered = await itemOf(engine, sku, quantity);
      if (offered.currency !== currency)
        throw new Problem("currency_mismatch", `${sku} is priced in ${offered.currency}`);
      return offered.item;
    }),
  );
  const { lines } = priceOrder(items, 0, tax);
  return items.map((item, index) => {
    const amounts = lines[index];
    if (!amounts) throw new Error("a line was not priced");
    return { ...item, ...amounts };
  });
}

function shippingOf({ settings }: Shop, { tax }: PlacedOrder, method: ShippingMethod) {
  const price = settings.shippingPrices[method];
  return { method, price, tax: priceOrder([], price, tax).shippingTax };
}
