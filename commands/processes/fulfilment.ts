import { Problem } from "../../src/values/problem.ts";
import { cart } from "../cart/cart.ts";
import { cancellationEffect, deliveryEffect, order, type PlacedOrder, refundEffect } from "../order/order.ts";
import { manualGateway, payment } from "../payment/payment.ts";
import { stock } from "../stock/stock.ts";
import { runCheckout } from "./checkout.ts";
import { capturePayment, refundPayment, voidOrRefund } from "./payments.ts";
import { decidingStep, type ProcessContext, type Shop, stepContext } from "./shop.ts";

const reservationGone = "the order was cancelled";

/**
 * Does what events of an order ask for elsewhere: stock shipped, taken back or freed, money given back or
 * booked. Each effect stays open on the order until it is done, so a crash in between is made good by doing
 * this again.
 */
export function applyEffects(shop: Shop, orderId: string, context: ProcessContext): Promise<void> {
  return shop.exclusive(`order:${orderId}`, async () => {
    const effects = await shop.engine.read(order, orderId, (state) =>
      state.phase === "absent" ? [] : [...state.openEffects].map((of) => ({ of, ...effectOf(state, of) })),
    );
    for (const { of, paymentId, apply } of effects) {
      await apply(shop, orderId, paymentId, context);
      const step = stepContext(context, orderId, "applied", of);
      await shop.engine.execute(order, orderId, "MarkEffectsApplied", { of }, step);
    }
  });
}

type Apply = (shop: Shop, orderId: string, paymentId: string, context: ProcessContext) => Promise<void>;

function effectOf(state: PlacedOrder, of: string): { paymentId: string; apply: Apply } {
  const { paymentId } = state;
  if (of === cancellationEffect) return { paymentId, apply: releaseAll([...state.pieces.keys()]) };
  if (of === deliveryEffect) return { paymentId, apply: bookCash };
  if (of === refundEffect) return { paymentId, apply: freeAll([...state.pieces.keys()], "refunded in full") };
  const shipment = state.shipments.get(of);
  if (shipment) return { paymentId, apply: shipLines(of, shipment.lines) };
  const returned = state.returns.get(of);
  if (returned?.received) return { paymentId, apply: takeBack(of, returned.received) };
  throw new Error(`order has an effect ${of} that nothing explains`);
}

function releaseAll(skus: string[]): Apply {
  const free = freeAll(skus, reservationGone);
  return async (shop, orderId, paymentId, context) => {
    await free(shop, orderId, paymentId, context);
    await voidOrRefund(shop, paymentId, reservationGone, context);
  };
}

function freeAll(skus: string[], reason: string): Apply {
  return async (shop, orderId, _, context) => {
    await Promise.all(
      skus.map((sku) =>
        shop.engine.execute(
          stock,
          sku,
          "Release",
          { reservationId: orderId, reason },
          stepContext(context, orderId, "cancel", sku, context.clock()),
        ),
      ),
    );
  };
}

const bookCash: Apply = async (shop, _, paymentId, context) => {
  await capturePayment(shop, paymentId, context);
};

function shipLines(shipmentId: string, lines: readonly { sku: string; quantity: number }[]): Apply {
  return async (shop, orderId, _, context) => {
    await Promise.all(
      lines.map(({ sku, quantity }) =>
        shop.engine.execute(
          stock,
          sku,
          "Ship",
          { sku, reservationId: orderId, shipmentId, quantity },
          stepContext(context, orderId, "ship", shipmentId, sku),
        ),
      ),
    );
  };
}

function takeBack(
  returnId: string,
  lines: readonly { sku: string; sellable: number; damaged: number }[],
): Apply {
  return async (shop, orderId, _, context) => {
    await Promise.all(
      lines.map(({ sku, sellable, damaged }) =>
        shop.engine.execute(
          stock,
          sku,
          "TakeBack",
          // Two orders may have returns of one name, and the SKU's stream is theirs together.
          { returnId: `${orderId}/${returnId}`, sellable, damaged },
          stepContext(context, orderId, "take back", returnId, sku),
        ),
      ),
    );
  };
}

export interface ShipmentRequest {
  shipmentId: string;
  lines?: readonly { sku: string; quantity: number }[];
  carrier?: string;
  trackingNumber?: string;
}

/**
 * Ships what is left of an order, or the given part.
 * @throws Problem illegal_transition when the order is not ready; out_of_stock for backordered pieces
 */
export async function shipOrder(
  shop: Shop,
  orderId: string,
  request: ShipmentRequest,
  context: ProcessContext,
): Promise<void> {
  const plan = await shop.engine.read(order, orderId, (state) => {
    if (state.phase === "absent") throw new Problem("not_found", "there is no such order");
    const left = [...state.pieces].map(([sku, { ordered, shipped }]) => ({
      sku,
      quantity: ordered - shipped,
    }));
    const { paymentId, paymentStatus, status } = state;
    const done = state.shipments.has(request.shipmentId);
    return { left, paymentId, unpaid: paymentStatus === "pending" && status === "confirmed", done };
  });
  if (!plan.done) {
    await requireOnShelf(shop, orderId, request.lines ?? plan.left);
    if (plan.unpaid && shop.settings.capture === "shipment")
      await captureIfAuthorized(shop, plan.paymentId, context);
    await shop.engine.execute(
      order,
      orderId,
      "Ship",
      request,
      decidingStep(context, orderId, "ship", request.shipmentId),
    );
  }
  await applyEffects(shop, orderId, context);
}

async function captureIfAuthorized(shop: Shop, paymentId: string, context: ProcessContext): Promise<void> {
  const authorized = await shop.engine.read(payment, paymentId, ({ phase }) => phase === "authorized");
  if (authorized) await capturePayment(shop, paymentId, context);
}

/** Pieces that are promised but not there cannot leave. */
async function requireOnShelf(
  shop: Shop,
  orderId: string,
  lines: readonly { sku: string; quantity: number }[],
): Promise<void> {
  for (const { sku, quantity } of lines) {
    const missing = await shop.engine.read(stock, sku, ({ reservations }) => {
      const reservation = reservations.get(orderId);
      if (!reservation) return 0;
      return quantity - (reservation.quantity - reservation.shipped - reservation.backordered);
    });
    if (missing > 0)
      throw new Problem("out_of_stock", `${missing} of ${sku} are on backorder`, { sku, missing });
  }
}

/** One shipment arrived, or all. Cash on delivery is booked with the last. */
export async function deliverOrder(
  shop: Shop,
  orderId: string,
  shipmentId: string | undefined,
  context: ProcessContext,
): Promise<void> {
  const command = shipmentId === undefined ? {} : { shipmentId };
  const step = decidingStep(context, orderId, "deliver", shipmentId ?? "", context.clock());
  await shop.engine.execute(order, orderId, "Deliver", command, step);
  await applyEffects(shop, orderId, context);
}

/** @throws Problem illegal_transition once anything has been shipped */
export async function cancelOrder(
  shop: Shop,
  orderId: string,
  reason: string,
  context: ProcessContext,
): Promise<void> {
  await shop.engine.execute(order, orderId, "Cancel", { reason }, decidingStep(context, orderId, "cancel"));
  await applyEffects(shop, orderId, context);
  await endCheckout(shop, orderId, context);
}

/** A cart whose checkout was waiting for its payment is open again. What fails here is taken up later. */
async function endCheckout(shop: Shop, orderId: string, context: ProcessContext): Promise<void> {
  const cartId = await shop.engine.read(order, orderId, (state) =>
    state.phase === "absent" ? "" : state.cartId,
  );
  const waiting = await shop.engine.read(
    cart,
    cartId,
    (state) => state.phase === "locked" && state.checkout.orderId === orderId,
  );
  if (waiting) await runCheckout(shop, cartId, context).catch(() => {});
}

/** @throws Problem illegal_transition when it is more than was captured and not refunded yet */
export async function refundOrder(
  shop: Shop,
  orderId: string,
  request: { refundId: string; amount?: number; reason: string; cause: "return" | "goodwill" },
  context: ProcessContext,
): Promise<void> {
  const paymentId = await shop.engine.read(order, orderId, (state) => {
    if (state.phase === "absent") throw new Problem("not_found", "there is no such order");
    return state.paymentId;
  });
  await refundPayment(shop, paymentId, request, context);
  await applyEffects(shop, orderId, context);
}

/** @throws Problem illegal_transition when the payment's order lives on or the payment was captured */
export async function voidPayment(
  shop: Shop,
  paymentId: string,
  reason: string,
  context: ProcessContext,
): Promise<void> {
  const state = await shop.engine.read(payment, paymentId, (state) => {
    if (state.phase === "absent") throw new Problem("not_found", "there is no such payment");
    return { phase: state.phase, orderId: state.orderId, gateway: state.gateway };
  });
  if (state.phase === "captured")
    throw new Problem("illegal_transition", "a captured payment is refunded, not voided");
  if (state.phase === "initiated" && state.gateway !== manualGateway)
    throw new Problem("illegal_transition", "the payment is being authorized");
  // An order that cannot be paid any more cannot be fulfilled either.
  await cancelOrder(shop, state.orderId, reason, context);
}
