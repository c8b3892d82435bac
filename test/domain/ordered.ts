import type { Cancel, NamedLine, Refund } from "../../commands/order/credits.ts";
import { order } from "../../commands/order/order.ts";
import { payment } from "../../commands/payment/payment.ts";
import { cancelOrder, shipOrder, voidPayment } from "../../commands/processes/fulfilment.ts";
import { addPayment } from "../../commands/processes/further-payment.ts";
import { capturePayment } from "../../commands/processes/payments.ts";
import { judgeRefund, refundOrder, refundOrderAgain } from "../../commands/processes/refunds.ts";
import { unlessSilent } from "../../commands/processes/settle-payment.ts";
import type { ShopSettings } from "../../commands/processes/shop.ts";
import { processes } from "../../commands/processes/tasks.ts";
import { handleWebhook, keepWebhook } from "../../commands/processes/webhooks.ts";
import { taskKinds } from "../../projections/tasks/documents.ts";
import { tasksProjection } from "../../projections/tasks/tasks.ts";
import type { WebhookOutcome } from "../../src/gateways/gateway.ts";
import { logStart } from "../../src/stores/event-store/event-store.ts";
import { newId } from "../../src/values/ids.ts";
import { type CheckoutOptions, createShop, type Line, type TestShop } from "../support/shop.ts";
import { temporaryLog } from "../support/stores.ts";
import { Documents } from "./projections/support.ts";

const noTax = { rateBp: 0, included: false, per: "line" as const, rounding: "half_up" as const };
const tasksDueAfterMs = 10 * 60_000;
const workRoundsMax = 6;

/** A shop of its own, with what is open in it by the log, and somebody to do it. */
export async function openShop(settings: Partial<ShopSettings> = {}) {
  const events = await temporaryLog();
  const shop = createShop({ events, settings: { tax: noTax, ...settings } });
  for (const sku of ["A", "B", "C", "FREE"]) await shop.receive(sku, 50);
  const tasks = async () => {
    const documents = new Documents(tasksProjection);
    // A store may read what an event says only when it is asked for.
    for (const event of (await events.readAll({ after: logStart, maxCount: 1_000 })).events)
      documents.add({ ...event, data: event.data });
    return [...documents.all().keys()];
  };
  return {
    shop,
    /** The keys of what is still to be done, by itself or by staff. */
    tasks,
    /** What is done by itself is done, again and again while a gateway is silent. */
    work: async () => {
      for (let round = 0; round < workRoundsMax; round++) {
        shop.clock.now += tasksDueAfterMs;
        for (const key of await tasks()) {
          const kind = taskKinds.find((kind) => key.startsWith(`${kind}/`));
          if (kind) await processes[kind](shop, key.slice(kind.length + 1), shop.context).catch(unlessSilent);
        }
      }
    },
    killAt: (command: string, nth?: number) => killAt(shop, command, nth),
    paymentWith: (id: string) =>
      shop.engine.read(payment, id, (state) => {
        if (state.phase === "absent") throw new Error("there is no payment");
        return state;
      }),
    tell: async (paymentId: string, outcome: WebhookOutcome) => {
      const id = await keepWebhook(shop, { id: newId(), paymentId, outcome }, shop.context);
      await handleWebhook(shop, id, shop.context);
    },
  };
}

/** An order in a shop of its own: A x 1 at 1000 and shipping 500, if nothing else is said. */
export async function ordered(
  options: CheckoutOptions = {},
  { lines = [{ sku: "A" }], ...settings }: Partial<ShopSettings> & { lines?: Line[] } = {},
) {
  const { shop, tell, ...its } = await openShop(settings);
  const { orderId, paymentId } = await shop.checkOut(lines, options);
  return {
    ...its,
    shop,
    orderId,
    paymentId,
    money: async () => {
      const { due, captured, refunded, payouts } = (await shop.orderOf(orderId)).book;
      return { due, captured, refunded, pending: payouts.reduce((sum, [, amount]) => sum + amount, 0) };
    },
    cancel: (what: Partial<Cancel> = {}) =>
      cancelOrder(shop, orderId, { cancelId: newId(), reason: "r", ...what }, shop.context),
    capture: (amount: number, movementId = "m") =>
      capturePayment(shop, paymentId, { movementId, amount }, shop.context),
    /** All that is left where there are no lines. */
    ship: (lines?: readonly NamedLine[], shipmentId = "s") =>
      shipOrder(shop, orderId, { shipmentId, ...(lines && { lines }) }, shop.context),
    /** A parcel does not arrive. */
    fail: (outcome: "lost" | "refused", shipmentId = "s") =>
      shop.engine.execute(order, orderId, "FailDelivery", { shipmentId, outcome }, shop.by()),
    refund: (what: Partial<Refund>) =>
      refundOrder(shop, orderId, { refundId: "f", reason: "r", cause: "goodwill", ...what }, shop.context),
    /** Staff approves a refund, or says why not. */
    judge: (rejection?: string) => judgeRefund(shop, orderId, { refundId: "f", rejection }, shop.context),
    /** Staff has given back by other means what a refund did not. */
    byHand: (failed: string) =>
      refundOrderAgain(shop, orderId, { refundId: newId(), failed, manual: true }, shop.context),
    further: (method: "credit_card" | "bank_transfer", token = "tok_ok") =>
      addPayment(shop, orderId, { paymentId: "second", method, token, byStaff: true }, shop.context),
    giveUp: () => voidPayment(shop, paymentId, "r", shop.context),
    tell: (outcome: WebhookOutcome) => tell(paymentId, outcome),
  };
}

/** The process is killed when it is about to do this for the nth time. @returns starts it again */
function killAt({ engine }: TestShop, command: string, nth = 1): () => void {
  const { execute } = engine;
  let times = 0;
  engine.execute = ((...args: Parameters<typeof execute>) => {
    if (args[2] === command) times++;
    return times < nth ? execute.apply(engine, args) : Promise.reject(new Error("killed"));
  }) as typeof execute;
  return () => {
    engine.execute = execute;
  };
}
