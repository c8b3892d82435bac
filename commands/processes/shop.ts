import type { CommandContext, Engine } from "../../src/engine/write/engine.ts";
import type { Exclusive } from "../../src/engine/write/exclusive.ts";
import type { PaymentGateway } from "../../src/gateways/gateway.ts";
import { deriveId } from "../../src/values/ids.ts";
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
  gatewayTimeoutMs: number;
}

/** What the processes that span several streams work with. */
export interface Shop {
  engine: Engine;
  gateway: PaymentGateway;
  /** One checkout, one payment, one order's effects at a time. */
  exclusive: Exclusive;
  settings: ShopSettings;
}

/** On whose behalf a process runs, and by which clock (an import lives in the past). */
export type ProcessContext = Omit<CommandContext, "commandId" | "now"> & {
  clock: () => number;
};

/** The context of one step of a process: the same names are the same command, however often it is sent. */
export function stepContext(
  { clock, expectedRevision: _, ...who }: ProcessContext,
  ...names: (string | number)[]
): CommandContext {
  return { ...who, now: clock(), commandId: deriveId("step", ...names) };
}

/** The context of the step that decides: the only one that an expected revision is meant for. */
export function decidingStep(context: ProcessContext, ...names: (string | number)[]): CommandContext {
  const step = stepContext(context, ...names);
  const { expectedRevision } = context;
  return expectedRevision === undefined ? step : { ...step, expectedRevision };
}
