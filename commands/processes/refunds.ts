import type { Refund } from "../order/credits.ts";
import { order } from "../order/order.ts";
import { applyEffects } from "./effects.ts";
import { placedOrder } from "./fulfilment.ts";
import { settlePayment } from "./payments.ts";
import { type ProcessContext, processOf } from "./process.ts";
import type { Shop } from "./shop.ts";

/**
 * Gives money of an order back: the order says what for, then its payment's stream how much, then the gateway is
 * asked.
 * @throws Problem illegal_transition when it is more than is left; unavailable when the gateway does not answer: the
 *   refund stays open and is done later
 */
export async function refundOrder(
  shop: Shop,
  orderId: string,
  request: Refund,
  context: ProcessContext,
): Promise<void> {
  const { paymentId } = await placedOrder(shop, orderId);
  const process = processOf(shop, orderId, context);
  await process.decide(order, orderId, "Refund", request);
  await applyEffects(shop, orderId, process.context);
  await settlePayment(shop, paymentId, process.context);
}
