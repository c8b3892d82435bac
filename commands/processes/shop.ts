import type { Engine } from "../../src/engine/write/engine.ts";
import type { PaymentGateway } from "../../src/gateways/gateway.ts";
import type { OrderNumbers } from "../claim/order-numbers.ts";
import type { TaxSettings } from "../pricing.ts";

export const shippingMethods = ["standard", "express", "overnight"] as const;
export type ShippingMethod = (typeof shippingMethods)[number];

/** What a shop decides for itself, from the configuration. Durations in milliseconds. */
export interface ShopSettings {
  currency: string;
  timeZone: string;
  tax: TaxSettings;
  /** Minor units. */
  shippingPrices: Readonly<Record<ShippingMethod, number>>;
  /** When an authorized payment is captured: at checkout, or with the first shipment. */
  capture: "checkout" | "shipment";
  orderNumberPrefix: string;
  reservationMs: number;
  cartLifeMs: number;
  /** How long after a delivery its customer may announce a return. */
  returnMs: number;
  /** How long a transfer is waited for; 0 is for ever. */
  transferMs: number;
  /** Minor units from which on a refund waits for its approval; 0 is never. */
  refundApprovalFrom: number;
  /** Who approves an announced return: staff, or nobody, for it is approved as it is. */
  returnApproval: "staff" | "auto";
  /** Whether a checkout has to name what its customer has agreed to. */
  checkoutNeedsQuote: boolean;
  gatewayTimeoutMs: number;
}

/** Goes on with imports of products that were handed in. */
export interface ProductImporter {
  /** Until an import is over, or whoever does what is due stops. Doing it again, or twice at once, does nothing twice. */
  run(importId: string): Promise<void>;
}

/** What the processes that span several streams work with. Nothing in it decides for other machines. */
export interface Shop {
  engine: Engine;
  gateway: PaymentGateway;
  numbers: OrderNumbers;
  imports: ProductImporter;
  settings: ShopSettings;
}
