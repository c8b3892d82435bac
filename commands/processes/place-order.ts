import { hash } from "node:crypto";
import { noStream, type Position } from "../../src/stores/event-store/event-store.ts";
import { dayOf } from "../../src/values/calendar.ts";
import { isoTime } from "../../src/values/clock.ts";
import { Problem } from "../../src/values/problem.ts";
import { order } from "../order/order.ts";
import type { PlacedOrder } from "../order/state.ts";
import { priceOrder } from "../pricing.ts";
import { type Attempt, isPaidAtOnce } from "./checkout-attempt.ts";
import { type Process, stepId } from "./process.ts";
import { paidStep } from "./settle-payment.ts";
import type { Shop, ShopSettings } from "./shop.ts";

/** Names of the steps on the order's stream, as `once` takes them. */
const placeStep = ["place"] as const;
const confirmStep = ["confirm"] as const;
const placeLargeStep = ["place large"] as const;

/**
 * The order as its checkout first told it: one that had to wait when it was placed, else when it was confirmed and
 * paid. Undefined for an order that is not placed.
 */
export async function orderAsTold(
  { engine, settings }: Shop,
  orderId: string,
): Promise<{ state: PlacedOrder; revision: number; position: Position; waiting: boolean } | undefined> {
  const waited = await engine.find(order, orderId, [stepId(orderId, ...placeStep)], noStream);
  const placing = [stepId(orderId, ...placeLargeStep), stepId(orderId, ...confirmStep)];
  let found = waited ?? (await engine.find(order, orderId, placing, noStream));
  if (found?.state.phase !== "placed") return undefined;
  // Paid by its checkout, that is, and not by a transfer, a carrier or a shipment that came later.
  const paysAtOnce = !waited && isPaidAtOnce(found.state, settings);
  if (paysAtOnce)
    found = (await engine.find(order, orderId, [paidStep(found.state.paymentId)], found.revision)) ?? found;
  if (found.state.phase !== "placed") return undefined;
  return { ...found, state: found.state, waiting: waited !== undefined };
}

/** @param confirm whether nothing has to be waited for */
export async function place(process: Process, attempt: Attempt, confirm: boolean): Promise<void> {
  const { orderId, request } = attempt;
  const data = {
    ...orderOf(attempt, attempt.number ?? (await numberFor(process, attempt))),
    ...payByOf(process.shop.settings, attempt),
  };
  const identity = request.customerId ?? request.email?.toLowerCase();
  const buyer = identity === undefined ? {} : { buyer: hash("sha256", identity, "hex").slice(0, 32) };
  try {
    const command = { ...data, ...(confirm && { confirm: buyer }) };
    await process.once(confirm ? confirmStep : placeStep, order, orderId, "Place", command);
  } catch (error) {
    // A very large order takes one append to be placed, and another to be confirmed.
    const large = error instanceof Problem && error.code === "payload_too_large";
    if (!large || !confirm) throw error;
    await process.once(placeLargeStep, order, orderId, "Place", data);
    await process.once(confirmStep, order, orderId, "Confirm", buyer);
  }
}

/** A checkout that version 0.1 began has no number yet. */
function numberFor({ shop }: Process, { startedAt }: Attempt): Promise<string> {
  return shop.numbers.next(dayOf(startedAt, shop.settings.timeZone));
}

/** Until when a transfer is waited for. */
function payByOf({ transferMs }: ShopSettings, { request, startedAt }: Attempt): { payBy?: string } {
  if (request.payment.method !== "bank_transfer" || transferMs === 0 || request.quote.total === 0) return {};
  return { payBy: isoTime(startedAt + transferMs) };
}

function orderOf({ paymentId, cartId, currency, request, lines }: Attempt, number: string) {
  const { quote, payment: paid, shippingMethod, email, customerId, ...addresses } = request;
  const priced = priceOrder(lines, quote.shipping, quote.tax);
  if (priced.totals.total !== quote.total)
    throw new Problem("price_changed", `quoted ${quote.total}, priced ${priced.totals.total} minor units`);
  const orderLines = lines.map(({ lineId: _, ...line }, index) => {
    const amounts = priced.lines[index];
    if (!amounts) throw new Error("a line was not priced");
    return { ...line, ...amounts };
  });
  return {
    number,
    cartId,
    paymentId,
    paymentMethod: paid.method,
    currency,
    lines: orderLines,
    totals: priced.totals,
    tax: quote.tax,
    shippingMethod,
    ...(email !== undefined && { email }),
    ...(customerId !== undefined && { customerId }),
    ...addresses,
  };
}
