import type { Address } from "../../commands/address.ts";
import type { ShopEvents } from "../../commands/events.ts";
import type { Book } from "../../commands/order/book.ts";
import type { OrderStatus, PaymentStatus, ReturnStatus } from "../../commands/order/status.ts";
import type { Uncounted } from "../../commands/order/uncounted.ts";
import type { DataOf } from "../../src/engine/decider.ts";
import type { Money } from "../../src/values/money.ts";

export type Data<K extends keyof ShopEvents> = DataOf<ShopEvents, K>;
export type PlacedData = Data<"OrderPlaced">;

/** A row of an order, small because there may be two thousand. Minor units; "" without a category. */
export type OrderLineRow = [
  sku: string,
  productId: string,
  name: string,
  category: string,
  quantity: number,
  unitPrice: number,
  subtotal: number,
  discount: number,
  tax: number,
  total: number,
];

export interface OrderShipmentDoc {
  id: string;
  lines: Data<"ShipmentDispatched">["lines"];
  carrier?: string;
  trackingNumber?: string;
  dispatchedAt: number;
  /** When the last of it arrived. */
  deliveredAt?: number;
  failures?: { outcome: Data<"DeliveryFailed">["outcome"]; lines: OfLine[]; at: number }[];
}

type OfLine = Data<"DeliveryFailed">["lines"][number];

export interface OrderReturnDoc {
  id: string;
  status: ReturnStatus;
  lines: Data<"ReturnRequested">["lines"];
  reason?: string;
  rejection?: string;
  /** As inspection found it. */
  received?: Data<"ReturnReceived">["lines"];
  requestedAt: number;
}

/** The state of an order. Amounts are minor units of its currency, times epoch milliseconds. */
export interface OrderDoc {
  /** Of its stream, after the last event. */
  revision: number;
  number: string;
  /** What the book says. */
  status: OrderStatus;
  paymentStatus: PaymentStatus;
  book: Book;
  paymentMethod: string;
  paymentId: string;
  cartId: string;
  currency: string;
  email?: string;
  customerId?: string;
  lines: OrderLineRow[];
  totals: PlacedData["totals"];
  tax: PlacedData["tax"];
  shippingMethod: string;
  shippingAddress?: Address;
  billingAddress?: Address;
  shipments: OrderShipmentDoc[];
  returns: OrderReturnDoc[];
  /** Left out while stock has counted all that has left. */
  uncounted?: Uncounted;
  /** Refunds that came to nothing. */
  unpaid?: string[];
  refunds: { id: string; amount: number; cause: Data<"OrderRefunded">["cause"]; at: number }[];
  timeline: TimelineRow[];
  placedAt: number;
  updatedAt: number;
}

/** `text` is for everybody, null where customers are told nothing; `forStaff` is what staff reads instead. */
export type TimelineRow = [at: number, type: TimelineType, text: string | null, forStaff?: string];

export const timelineTypes = [
  "placed",
  "confirmed",
  "paid",
  "payment_failed",
  "processing",
  "shipped",
  "delivered",
  "delivery_failed",
  "shipment_returned",
  "reshipment",
  "return_requested",
  "return_approved",
  "return_rejected",
  "return_received",
  "return_inspected",
  "return_withdrawn",
  "return_closed",
  "items_cancelled",
  "edited",
  "address_changed",
  "exchange_agreed",
  "credited",
  "disputed",
  "dispute_ended",
  "refund_failed",
  "cancelled",
  "refunded",
  "note",
] as const;
export type TimelineType = (typeof timelineTypes)[number];

/** An order as lists show it. */
export interface OrderSummary {
  id: string;
  number: string;
  status: OrderStatus;
  paymentStatus: PaymentStatus;
  email?: string;
  customerId?: string;
  total: Money;
  /** Pieces over all lines. */
  itemCount: number;
  lineCount: number;
  placedAt: string;
  updatedAt: string;
}
