import { z } from "zod";
import { allocate, roundingSchema, scale } from "../src/values/money.ts";

/** How a store taxes. It is recorded on the order, so that an old order prices as it did. */
export const taxSettingsSchema = z.strictObject({
  /** Basis points: 19 % is 1900. */
  rateBp: z.int().min(0).max(100_000),
  /** Whether prices and shipping hold the tax already, or it is added to them. */
  included: z.boolean(),
  /** Whether tax is rounded on every line, or once on the total and then spread. */
  per: z.enum(["line", "total"]),
  rounding: roundingSchema,
});

export type TaxSettings = z.output<typeof taxSettingsSchema>;

/** Minor units of the order's one currency; `discount` is on the whole line, coupons spread in. */
export interface LineInput {
  quantity: number;
  unitPrice: number;
  discount?: number;
}

/** Minor units. `total` is what the customer pays for the line, tax and all. */
export interface PricedLine {
  subtotal: number;
  discount: number;
  tax: number;
  total: number;
}

/** Minor units. `tax` is the tax of lines and shipping; `shipping` holds its own only where it is included. */
export interface PricedTotals extends PricedLine {
  shipping: number;
}

export interface PricedOrder {
  lines: PricedLine[];
  /** The part of `totals.tax` that is on shipping, in minor units. */
  shippingTax: number;
  totals: PricedTotals;
}

/**
 * The price of an order (DOMAIN.md, rules 2 to 4). Discounts come before tax. Shipping is taxed like a line.
 * With tax per total, the tax of everything is rounded once and spread on lines and shipping by largest
 * remainder. Always: the lines' totals + shipping (+ its tax where tax is excluded) = the total.
 * Throws RangeError for a quantity below 1, a negative amount, a discount above its line, and outside the
 * safe integers.
 */
export function priceOrder(
  lines: readonly LineInput[],
  shipping: number,
  settings: TaxSettings,
): PricedOrder {
  const subtotals = lines.map((line) => inRange(line.quantity, 1) * inRange(line.unitPrice, 0));
  const discounts = lines.map((line, index) => inRange(line.discount ?? 0, 0, subtotals[index]));
  const nets = subtotals.map((subtotal, index) => inRange(subtotal - (discounts[index] ?? 0), 0));
  const taxable = [...nets, inRange(shipping, 0)];

  const taxes = taxOf(taxable, settings);
  const priced = subtotals.map((subtotal, index) => {
    const [discount = 0, net = 0, tax = 0] = [discounts[index], nets[index], taxes[index]];
    return { subtotal, discount, tax, total: settings.included ? net : net + tax };
  });
  const tax = sum(taxes);
  const total = sum(taxable) + (settings.included ? 0 : tax);
  return {
    lines: priced,
    shippingTax: taxes[lines.length] ?? 0,
    totals: {
      subtotal: inRange(sum(subtotals), 0),
      discount: sum(discounts),
      shipping,
      tax,
      total: inRange(total, 0),
    },
  };
}

/** A line of an order as placed, of which `refunded` units were given back and `units` more shall be. */
export interface RefundInput {
  /** What was paid for the whole line, minor units: after its discount, so a unit's share follows it. */
  total: number;
  quantity: number;
  refunded: number;
  units: number;
}

/**
 * What `units` further units of a line are worth, in minor units (DOMAIN.md, rule 12). The running total is
 * rounded (half up), not the single refund: however a line is split into refunds they sum to its total, the
 * last one takes the remainder, and at no time is more than half a minor unit too much or too little back.
 * Throws RangeError when more units would come back than there are.
 */
export function refundShare({ total, quantity, refunded, units }: RefundInput): number {
  inRange(total, 0);
  inRange(refunded, 0, inRange(quantity, 1));
  inRange(units, 0, quantity - refunded);
  return worth(refunded + units) - worth(refunded);

  function worth(count: number): number {
    return scale(total, count, quantity, "half_up");
  }
}

function taxOf(taxable: readonly number[], { rateBp, included, per, rounding }: TaxSettings): number[] {
  const divisor = included ? 10_000 + rateBp : 10_000;
  if (per === "line") return taxable.map((amount) => scale(amount, rateBp, divisor, rounding));
  return allocate(scale(sum(taxable), rateBp, divisor, rounding), taxable);
}

// Every summand is a natural number, so a sum that leaves the safe integers cannot come back: checking the
// result is enough.
function sum(amounts: readonly number[]): number {
  return amounts.reduce((running, amount) => running + amount, 0);
}

function inRange(value: number, min: number, max = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(value) || value < min || value > max)
    throw new RangeError(`${value} is not an integer from ${min} to ${max}`);
  return value;
}
