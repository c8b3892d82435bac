import { payment } from "../payment/payment.ts";
import { applyEffects } from "./effects.ts";
import { placedOrder } from "./fulfilment.ts";
import { settlePayment } from "./payments.ts";
import { type ProcessContext, processOf } from "./process.ts";
import type { Shop } from "./shop.ts";

export interface RefundRequest {
  refundId: string;
  /** Minor units; all that is left when it is left out. */
  amount?: number;
  reason: string;
  cause: "return" | "goodwill";
}

/**
 * Gives money of an order back: the payment's stream says so first, then the gateway is asked.
 * @throws Problem illegal_transition when it is more than was captured and not refunded yet; unavailable when
 *   the gateway does not answer: the refund stays open and is done later
 */
export async function refundOrder(
  shop: Shop,
  orderId: string,
  request: RefundRequest,
  context: ProcessContext,
): Promise<void> {
  const { paymentId } = await placedOrder(shop, orderId);
  const process = processOf(shop, paymentId, context);
  await process.decide(payment, paymentId, "RequestRefund", request);
  await settlePayment(shop, paymentId, process.context);
  await applyEffects(shop, orderId, process.context);
}
