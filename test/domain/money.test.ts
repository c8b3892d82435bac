import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  add,
  allocate,
  applyBasisPoints,
  CurrencyMismatch,
  compare,
  currencyDecimals,
  currencySchema,
  formatMoney,
  isZero,
  moneySchema,
  multiply,
  parseMoney,
  priceSchema,
  scale,
  subtract,
  toDecimal,
} from "../../src/values/money.ts";

const usd = (amount: number) => ({ amount, currency: "USD" });
const max = Number.MAX_SAFE_INTEGER;

describe("currencies", () => {
  it("have the decimals of ISO 4217, also where Intl displays fewer", () => {
    const decimals = Object.fromEntries(
      ["JPY", "KWD", "USD", "HUF", "IDR", "COP", "IQD", "ISK"].map((code) => [code, currencyDecimals(code)]),
    );
    expect(decimals).toEqual({ JPY: 0, KWD: 3, USD: 2, HUF: 2, IDR: 2, COP: 2, IQD: 3, ISK: 0 });
  });

  it.each(["GBP", "BRL", "XOF", "XCG"])("%s circulates", (code) => {
    expect(currencySchema.safeParse(code).success).toBe(true);
  });

  it.each(["XDR", "XSU", "HRK", "BGN", "ANG", "DEM", "XXX", "ABC", "usd", "US", "", "toString"])(
    "%j is refused by name",
    (code) => {
      const result = moneySchema.safeParse({ amount: 1, currency: code });
      expect(result.error?.issues).toMatchObject([
        { path: ["currency"], message: expect.stringContaining(`unknown currency "${code}"`) },
      ]);
      expect(() => currencyDecimals(code)).toThrow(RangeError);
    },
  );
});

describe("money from outside", () => {
  it.each([1.5, max + 1, "1", null, Number.NaN])("has no amount %j", (amount) => {
    expect(moneySchema.safeParse({ amount, currency: "USD" }).success).toBe(false);
  });

  it("has no other fields", () => {
    expect(moneySchema.safeParse({ amount: 1, currency: "USD", cents: 1 }).success).toBe(false);
    expect(moneySchema.parse(usd(-1))).toEqual(usd(-1));
  });

  it.each([
    ["USD", 99_999_999],
    ["JPY", 999_999],
    ["KWD", 999_999_990],
  ])("is a price in %s from 0 to %i", (currency, highest) => {
    const accepts = (amount: number) => priceSchema.safeParse({ amount, currency }).success;
    expect([-1, 0, highest, highest + 1].map(accepts)).toEqual([false, true, true, false]);
  });

  it("says what is wrong with a price", () => {
    expect(priceSchema.safeParse(usd(-1)).error?.issues).toMatchObject([
      { path: ["amount"], message: "a price in USD is 0 to 99999999 minor units" },
    ]);
    expect(priceSchema.safeParse({ amount: -1, currency: "ABC" }).error?.issues).toMatchObject([
      { path: ["currency"] },
    ]);
    expect(priceSchema.safeParse({ amount: 0.5, currency: "USD" }).error?.issues).toMatchObject([
      { path: ["amount"] },
    ]);
  });
});

describe("arithmetic", () => {
  it("stays in one currency", () => {
    expect(add(usd(1), usd(2))).toEqual(usd(3));
    expect(subtract(usd(1), usd(2))).toEqual(usd(-1));
    expect(multiply(usd(29_999), 3)).toEqual(usd(89_997));
    expect(multiply(usd(0), -1)).toEqual(usd(0));
    expect([compare(usd(1), usd(2)) < 0, compare(usd(2), usd(2)), compare(usd(3), usd(2)) > 0]).toEqual([
      true,
      0,
      true,
    ]);
    expect([isZero(usd(0)), isZero(usd(1))]).toEqual([true, false]);
  });

  it.each([add, subtract, compare])("refuses two currencies: %o", (operation) => {
    expect(() => operation(usd(1), { amount: 1, currency: "EUR" })).toThrow(CurrencyMismatch);
  });

  it("refuses to leave the safe integers", () => {
    expect(() => add(usd(max), usd(1))).toThrow(RangeError);
    expect(() => subtract(usd(-max), usd(1))).toThrow(RangeError);
    expect(() => multiply(usd(max), 2)).toThrow(RangeError);
    expect(() => multiply(usd(1), 0.5)).toThrow(RangeError);
    expect(() => applyBasisPoints(max, 10_001, "half_up")).toThrow(RangeError);
    expect(() => allocate(1, [max, 1])).toThrow(RangeError);
  });
});

describe("basis points", () => {
  it("are exact (rule 2)", () => {
    expect(applyBasisPoints(3 * 29_999, 2000, "half_up")).toBe(17_999);
    expect(3 * 29_999 - 17_999).toBe(71_998);
    expect(applyBasisPoints(71_800, 700, "half_up")).toBe(5026);
  });

  it("round a half up, or to even, and mirror it below 0", () => {
    expect([25, 75, -25, -75, -1].map((amount) => applyBasisPoints(amount, 200, "half_up"))).toEqual([
      1, 2, -1, -2, 0,
    ]);
    expect([25, 75, -25, -75, -1].map((amount) => applyBasisPoints(amount, 200, "half_even"))).toEqual([
      0, 2, 0, -2, 0,
    ]);
  });

  it("agree with big integers on both paths", () => {
    const amounts = fc.maxSafeInteger();
    fc.assert(
      fc.property(
        amounts,
        fc.nat(10_000),
        fc.constantFrom("half_up", "half_even"),
        (amount, bp, rounding) => {
          // Compared without dividing: twice the error is at most one whole, and only a half may be tied.
          const result = BigInt(applyBasisPoints(amount, bp, rounding));
          const error = 2n * (BigInt(amount) * BigInt(bp) - result * 10_000n);
          const size = error < 0n ? -error : error;
          expect(size <= 10_000n).toBe(true);
          if (size < 10_000n) return;
          if (rounding === "half_even") expect(result % 2n).toBe(0n);
          else expect(error < 0n).toBe(amount > 0);
        },
      ),
    );
  });

  it("refuse a rate that is negative or no integer", () => {
    expect(() => applyBasisPoints(1, -1, "half_up")).toThrow(RangeError);
    expect(() => applyBasisPoints(1, 0.5, "half_up")).toThrow(RangeError);
    expect(() => scale(1, 1, 0, "half_up")).toThrow(RangeError);
  });
});

describe("allocation by largest remainder", () => {
  it.each([
    [1000, [1999, 500, 1], [800, 200, 0]], // rule 1
    [100, [1, 1, 1], [34, 33, 33]], // rule 1
    [-100, [1, 1, 1], [-34, -33, -33]],
    [5, [0, 3, 0, 3], [0, 3, 0, 2]],
    [5, [0, 0], [3, 2]], // no weight at all counts as equal weights
    [0, [0, 0], [0, 0]],
    [0, [], []],
  ])("%i over %j is %j", (total, weights, parts) => {
    expect(allocate(total, weights)).toEqual(parts);
  });

  it("refuses negative weights, and something over nobody", () => {
    expect(() => allocate(1, [2, -1])).toThrow(RangeError);
    expect(() => allocate(1, [])).toThrow(RangeError);
  });

  it("sums to the whole, is fair within 1, and keeps the order of equal weights", () => {
    const weights = fc.oneof(
      fc.array(fc.nat(5), { minLength: 1, maxLength: 30 }),
      fc.array(fc.nat(2 ** 47), { minLength: 1, maxLength: 30 }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.nat(1000), fc.maxSafeNat()), weights, (total, given) => {
        const parts = allocate(total, given);
        expect(parts.reduce((sum, part) => sum + BigInt(part), 0n)).toBe(BigInt(total));
        const even = given.every((weight) => weight === 0);
        const counted = even ? given.map(() => 1) : given;
        const sum = BigInt(counted.reduce((running, weight) => running + weight, 0));
        for (const [index, part] of parts.entries()) {
          const weight = counted[index] ?? 0;
          const error = BigInt(part) * sum - BigInt(total) * BigInt(weight);
          expect(part >= 0 && error > -sum && error < sum).toBe(true);
          const twin = counted.indexOf(weight);
          expect([0, 1]).toContain((parts[twin] ?? 0) - part);
        }
        expect(allocate(-total, given)).toEqual(parts.map((part) => 0 - part));
      }),
    );
  });
});

describe("decimal text", () => {
  it.each([
    ["2.55", "GBP", 255],
    ["0.001", "GBP", 0],
    ["0.005", "GBP", 1],
    ["-0.004", "GBP", 0],
    ["-0.005", "GBP", -1],
    ["1.005", "USD", 101], // 1.005 * 100 is 100.49999999999999 in floats
    ["0.00499999999999999999999999999", "USD", 0],
    ["9.995", "USD", 1000],
    ["-11062.06", "GBP", -1_106_206],
    ["+7", "USD", 700],
    ["7.5", "JPY", 8],
    ["7.5", "KWD", 7500],
    ["90071992547409.91", "USD", max],
  ])("%s %s is %i minor units", (text, currency, amount) => {
    expect(parseMoney(text, currency)).toEqual({ amount, currency });
  });

  it.each(["", "-", "1e3", "1,000.00", ".5", "5.", " 1", "0x1", "NaN", "1.2.3"])("%j is refused", (text) => {
    expect(() => parseMoney(text, "USD")).toThrow(SyntaxError);
  });

  it("refuses what no safe integer holds", () => {
    expect(() => parseMoney("90071992547409.92", "USD")).toThrow(RangeError);
    expect(() => parseMoney("1", "ABC")).toThrow(RangeError);
  });

  it("comes back as it went out", () => {
    expect([5, -5, 100, 0].map((amount) => toDecimal(usd(amount)))).toEqual([
      "0.05",
      "-0.05",
      "1.00",
      "0.00",
    ]);
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.constantFrom("USD", "JPY", "KWD"), (amount, currency) => {
        expect(parseMoney(toDecimal({ amount, currency }), currency)).toEqual({ amount, currency });
      }),
    );
  });

  it("is written for people", () => {
    expect(formatMoney(usd(-123_456))).toBe("-$1,234.56");
    expect(formatMoney({ amount: 1999, currency: "EUR" }, "de")).toBe("19,99\u00a0€");
    expect(formatMoney({ amount: 500, currency: "JPY" })).toBe("¥500");
    expect(formatMoney({ amount: 1250, currency: "HUF" })).toBe("HUF\u00a012.50");
    expect(formatMoney(usd(max))).toBe("$90,071,992,547,409.91");
  });
});
