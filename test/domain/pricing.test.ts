import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type LineInput, priceOrder, refundShare, type TaxSettings } from "../../commands/pricing.ts";
import { applyBasisPoints } from "../../src/values/money.ts";

const settings = (rateBp: number, more: Partial<TaxSettings> = {}): TaxSettings => ({
  rateBp,
  included: false,
  per: "line",
  rounding: "half_up",
  ...more,
});
const one = (unitPrice: number): LineInput => ({ quantity: 1, unitPrice });
const sum = (amounts: number[]) => amounts.reduce((running, amount) => running + amount, 0);

describe("the price of an order", () => {
  it("is 719.98 for 3 x 299.99 with 20 % off (rule 2)", () => {
    const discount = applyBasisPoints(89_997, 2000, "half_up");
    expect(priceOrder([{ quantity: 3, unitPrice: 29_999, discount }], 0, settings(0))).toEqual({
      lines: [{ subtotal: 89_997, discount: 17_999, tax: 0, total: 71_998 }],
      shippingTax: 0,
      totals: { subtotal: 89_997, discount: 17_999, shipping: 0, tax: 0, total: 71_998 },
    });
  });

  it("adds 7 % of 71,800 as 5,026 (rule 2)", () => {
    expect(priceOrder([one(71_800)], 0, settings(700)).totals).toMatchObject({ tax: 5026, total: 76_826 });
  });

  it("is 3.86 for 1.08 x 3 at 19 % rounded per line, 3.87 as three lines of one unit (rule 3)", () => {
    const perLine = priceOrder([{ quantity: 3, unitPrice: 108 }], 0, settings(1900));
    const perUnit = priceOrder([one(108), one(108), one(108)], 0, settings(1900));
    expect([perLine.totals.total, perUnit.totals.total]).toEqual([386, 387]);
  });

  it("has 2.32 of tax on 4 lines of 2.50 at 23 % per line, 2.30 on the total (rule 3)", () => {
    const lines = [one(250), one(250), one(250), one(250)];
    const perLine = priceOrder(lines, 0, settings(2300));
    const onTotal = priceOrder(lines, 0, settings(2300, { per: "total" }));
    expect([perLine.totals.tax, onTotal.totals.tax]).toEqual([232, 230]);
    expect(onTotal.lines.map((line) => line.tax)).toEqual([58, 58, 57, 57]);
  });

  it.each(["line", "total"] as const)("16.00 including 19 %% holds 2.55, per %s (rule 3)", (per) => {
    expect(priceOrder([one(1600)], 0, settings(1900, { included: true, per })).totals).toMatchObject({
      tax: 255,
      total: 1600,
    });
  });

  it("rounds a half up or to even as the settings say", () => {
    const tax = (rounding: TaxSettings["rounding"]) =>
      priceOrder([one(250)], 0, settings(500, { rounding })).totals.tax;
    expect([tax("half_up"), tax("half_even")]).toEqual([13, 12]);
  });

  it("takes discounts off before tax (rule 3)", () => {
    const { lines } = priceOrder([{ quantity: 1, unitPrice: 1000, discount: 500 }], 0, settings(2000));
    expect(lines).toEqual([{ subtotal: 1000, discount: 500, tax: 100, total: 600 }]);
  });

  it("taxes shipping like a line, and free shipping not at all (rule 4)", () => {
    const added = priceOrder([one(1000)], 500, settings(2000));
    expect(added.shippingTax).toBe(100);
    expect(added.totals).toEqual({ subtotal: 1000, discount: 0, shipping: 500, tax: 300, total: 1800 });
    const included = priceOrder([one(1000)], 500, settings(2000, { included: true, per: "total" }));
    expect(included.totals).toEqual({ subtotal: 1000, discount: 0, shipping: 500, tax: 250, total: 1500 });
    expect(priceOrder([one(1000)], 0, settings(2000, { per: "total" }))).toMatchObject({
      shippingTax: 0,
      totals: { tax: 200, total: 1200 },
    });
  });

  it("may be nothing (rule 4)", () => {
    const lines = [{ quantity: 2, unitPrice: 50, discount: 100 }, one(0)];
    for (const per of ["line", "total"] as const)
      expect(priceOrder(lines, 0, settings(1900, { per })).totals).toMatchObject({ tax: 0, total: 0 });
    expect(priceOrder([], 0, settings(1900)).totals.total).toBe(0);
  });

  it.each<[string, LineInput, number]>([
    ["a quantity of 0", { quantity: 0, unitPrice: 1 }, 0],
    ["half a unit", { quantity: 0.5, unitPrice: 2 }, 0],
    ["a negative price", { quantity: 1, unitPrice: -1 }, 0],
    ["a discount above the line", { quantity: 1, unitPrice: 1, discount: 2 }, 0],
    ["a negative discount", { quantity: 1, unitPrice: 1, discount: -1 }, 0],
    ["negative shipping", one(1), -1],
    ["an unsafe product", { quantity: 2, unitPrice: Number.MAX_SAFE_INTEGER }, 0],
    ["an unsafe total", one(Number.MAX_SAFE_INTEGER), 1],
  ])("refuses %s", (_, line, shipping) => {
    for (const per of ["line", "total"] as const)
      expect(() => priceOrder([line], shipping, settings(1900, { per }))).toThrow(RangeError);
    expect(() => priceOrder([one(1)], 0, settings(-1))).toThrow(RangeError);
  });

  it("is conserved under any settings", () => {
    const line = fc
      .record({
        quantity: fc.integer({ min: 1, max: 1000 }),
        unitPrice: fc.nat(99_999_999),
        part: fc.nat(10_000),
      })
      .map(({ part, ...priced }) => ({
        ...priced,
        discount: applyBasisPoints(priced.quantity * priced.unitPrice, part, "half_up"),
      }));
    const anySettings = fc.record({
      rateBp: fc.nat(30_000),
      included: fc.boolean(),
      per: fc.constantFrom("line" as const, "total" as const),
      rounding: fc.constantFrom("half_up" as const, "half_even" as const),
    });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), fc.nat(99_999), anySettings, (lines, shipping, tax) => {
        const { lines: priced, shippingTax, totals } = priceOrder(lines, shipping, tax);
        const added = tax.included ? 0 : 1;
        expect(sum(priced.map((each) => each.total)) + shipping + added * shippingTax).toBe(totals.total);
        expect(sum(priced.map((each) => each.tax)) + shippingTax).toBe(totals.tax);
        expect(totals.subtotal - totals.discount + shipping + added * totals.tax).toBe(totals.total);
        const divisor = tax.included ? 10_000 + tax.rateBp : 10_000;
        for (const each of priced) {
          const net = each.subtotal - each.discount;
          expect(each.total).toBe(net + added * each.tax);
          expect(each.tax).toBeGreaterThanOrEqual(0);
          if (tax.included) expect(each.tax).toBeLessThanOrEqual(each.total);
          // Spreading moves a part by less than 1, rounding the total by half a unit more.
          expect(Math.abs(each.tax - (net * tax.rateBp) / divisor)).toBeLessThan(
            tax.per === "line" ? 0.51 : 1.51,
          );
        }
      }),
    );
  });
});

describe("a refund", () => {
  it("follows the discount that the unit got, and the last takes the remainder (rule 12)", () => {
    const line = { total: 71_998, quantity: 3 };
    const shares = [0, 1, 2].map((refunded) => refundShare({ ...line, refunded, units: 1 }));
    expect(shares).toEqual([23_999, 24_000, 23_999]);
    expect(refundShare({ ...line, refunded: 1, units: 2 })).toBe(71_998 - 23_999);
  });

  it("never gives back more units than there are", () => {
    const line = { total: 100, quantity: 3 };
    expect(refundShare({ ...line, refunded: 3, units: 0 })).toBe(0);
    for (const [refunded, units] of [
      [2, 2],
      [4, 0],
      [0, -1],
      [0, 0.5],
    ] as const)
      expect(() => refundShare({ ...line, refunded, units })).toThrow(RangeError);
    expect(() => refundShare({ total: -1, quantity: 1, refunded: 0, units: 1 })).toThrow(RangeError);
  });

  it("sums to the line's total however it is split", () => {
    const splits = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.oneof(fc.nat(50), fc.maxSafeNat()), splits, (total, split) => {
        const quantity = sum(split);
        let [refunded, given] = [0, 0];
        for (const units of split) {
          const share = refundShare({ total, quantity, refunded, units });
          expect(share).toBeGreaterThanOrEqual(0);
          refunded += units;
          given += share;
          expect(given).toBeLessThanOrEqual(total);
        }
        expect(given).toBe(total);
      }),
    );
  });
});
