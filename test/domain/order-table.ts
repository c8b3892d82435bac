import type { OrderStatus, PaymentStatus } from "../../commands/order/status.ts";

/** Statuses of an order and of its payment that may come together. */
export const tablePairs: Readonly<Record<OrderStatus, readonly PaymentStatus[]>> = {
  pending: ["pending", "failed", "paid"],
  confirmed: ["pending", "failed", "partially_refunded"],
  paid: ["paid", "partially_refunded", "refunded"],
  processing: ["pending", "paid", "failed", "refunded", "partially_refunded"],
  shipped: ["pending", "paid", "failed", "partially_refunded"],
  delivered: ["pending", "paid", "failed", "partially_refunded"],
  refunded: ["pending", "paid", "failed", "refunded", "partially_refunded"],
  cancelled: ["pending", "paid", "failed", "refunded", "partially_refunded"],
};
