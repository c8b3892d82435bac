import { z } from "zod";

/** How an exact amount that lies halfway between two minor units is rounded. */
export const roundingSchema = z.enum(["half_up", "half_even"]);

export type Rounding = z.output<typeof roundingSchema>;

// Intl lists these, but nobody can pay with them: units of account (XDR, XSU), and those that ISO 4217
// has withdrawn: CUC 2021, HRK 2023, SLL 2024, ZWL 2024, ANG 2025 (now XCG), BGN 2026 (now EUR).
const notCirculating = new Set(["XDR", "XSU", "CUC", "HRK", "SLL", "ZWL", "ANG", "BGN"]);

// The minor units of ISO 4217 where they are not 2. Not taken from Intl's maximumFractionDigits: that is
// CLDR's opinion of what is displayed (HUF, IDR, COP, IQD: 0 since CLDR-11586), it changes with the version
// of Node, and with it would change what every amount on the log is worth and what a gateway charges.
const isoDecimals = new Map([
  ...isoCodes("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF", 0),
  ...isoCodes("BHD IQD JOD KWD LYD OMR TND", 3),
]);

const decimalsByCurrency = new Map(
  Intl.supportedValuesOf("currency")
    .filter((code) => !notCirculating.has(code))
    .map((code) => [code, isoDecimals.get(code) ?? 2]),
);

/** An ISO 4217 code, in capitals, of a currency in circulation. */
export const currencySchema = z.string().refine((code) => decimalsByCurrency.has(code), {
  abort: true,
  error: (issue) =>
    `unknown currency ${JSON.stringify(String(issue.input).slice(0, 10))}: give the ISO 4217 code of a currency in circulation, such as USD`,
});

/** Integer minor units (cents, yen, fils) of one currency; negative where money goes the other way. */
export const moneySchema = z.strictObject({ amount: z.int(), currency: currencySchema });

export type Money = z.output<typeof moneySchema>;

/** What a price may be: 0 to 999,999.99 major units, cut to the decimals that the currency has. */
export const priceSchema = moneySchema.refine(
  (price) => price.amount >= 0 && price.amount <= priceMax(price.currency),
  {
    path: ["amount"],
    error: (issue) => {
      // The amount may be no safe integer: that it is refused must not throw.
      const { currency } = issue.input as { currency: string };
      return `a price in ${currency} is 0 to ${priceMax(currency)} minor units`;
    },
  },
);

/** Two amounts of different currencies met where one currency is needed. */
export class CurrencyMismatch extends Error {
  override readonly name = "CurrencyMismatch";

  constructor(left: string, right: string) {
    super(`${left} and ${right} cannot be mixed`);
  }
}

/** How many decimals the currency's minor unit has in ISO 4217. Throws RangeError for an unknown code. */
export function currencyDecimals(currency: string): number {
  const decimals = decimalsByCurrency.get(currency);
  if (decimals === undefined) throw new RangeError(`unknown currency ${currency}`);
  return decimals;
}

/** Throws CurrencyMismatch, or RangeError when the sum is no safe integer. */
export function add(left: Money, right: Money): Money {
  assertSameCurrency(left, right);
  return { amount: safe(left.amount + right.amount), currency: left.currency };
}

/** Throws CurrencyMismatch, or RangeError when the difference is no safe integer. */
export function subtract(left: Money, right: Money): Money {
  assertSameCurrency(left, right);
  return { amount: safe(left.amount - right.amount), currency: left.currency };
}

/** Throws RangeError when `quantity` or the product is no safe integer. */
export function multiply(money: Money, quantity: number): Money {
  return { amount: safe(money.amount * safe(quantity)), currency: money.currency };
}

/** Below, at or above 0 as `left` is less than, equal to or more than `right`. Throws CurrencyMismatch. */
export function compare(left: Money, right: Money): number {
  assertSameCurrency(left, right);
  return left.amount - right.amount;
}

export function isZero(money: Money): boolean {
  return money.amount === 0;
}

/**
 * `amount` x `numerator` / `denominator` in minor units, exact until the one rounding at the end.
 * Half up means away from zero, so that a refund mirrors its charge.
 * Throws RangeError for a negative numerator, a denominator below 1, and outside the safe integers.
 */
export function scale(amount: number, numerator: number, denominator: number, rounding: Rounding): number {
  const magnitude = Math.abs(safe(amount));
  const { quotient, remainder } = divide(magnitude, natural(numerator), denominator);
  const rest = denominator - remainder;
  const up = remainder > rest || (remainder === rest && (rounding === "half_up" || quotient % 2 === 1));
  const rounded = safe(up ? quotient + 1 : quotient);
  return amount < 0 ? 0 - rounded : rounded;
}

/** `bp` basis points (1/10,000; not negative) of `amount`; errors and rounding as `scale`. */
export function applyBasisPoints(amount: number, bp: number, rounding: Rounding): number {
  return scale(amount, bp, 10_000, rounding);
}

/**
 * Splits `total` over `weights` by largest remainder (DOMAIN.md, rule 1): each part is its exact share cut
 * to a whole unit, and the units left go to the largest cut-off fractions, the earlier first on a tie. The
 * parts sum to `total`, each lies within 1 of its exact share and none has the other sign. When all weights
 * are 0 they count as equal. Throws RangeError for a weight that is negative or no safe integer, for
 * weights whose sum is none, and for a total other than 0 over no weights.
 */
export function allocate(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((running, weight) => safe(running + natural(weight)), 0);
  const magnitude = Math.abs(safe(total));
  if (weights.length === 0 && magnitude > 0) throw new RangeError("nothing to allocate to");
  if (magnitude === 0) return weights.map(() => 0);
  if (sum === 0)
    return allocate(
      total,
      weights.map(() => 1),
    );

  const shares = weights.map((weight) => divide(magnitude, weight, sum));
  let left = magnitude;
  for (const share of shares) left -= share.quotient;
  // The sort is stable, which is what puts the earlier first. Fewer units are left than there are
  // remainders above 0, so a weight of 0 never gets one.
  const largestFirst = left === 0 ? [] : shares.toSorted((a, b) => b.remainder - a.remainder);
  for (const share of largestFirst.slice(0, left)) share.quotient += 1;
  return shares.map((share) => (total < 0 ? 0 - share.quotient : share.quotient));
}

/**
 * A plain decimal text (`-12.5`, no exponent, no grouping) as money. More decimals than the currency has
 * are rounded half up, away from zero, on the digits themselves: `1.005` USD is 101.
 * Throws SyntaxError for other text, RangeError for an unknown currency or outside the safe integers.
 */
export function parseMoney(text: string, currency: string): Money {
  const match = /^([+-]?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (match === null) throw new SyntaxError(`not a decimal amount: ${JSON.stringify(text.slice(0, 40))}`);
  const [, sign, whole = "", fraction = ""] = match;
  const decimals = currencyDecimals(currency);
  const kept = fraction.slice(0, decimals).padEnd(decimals, "0");
  const up = fraction.charAt(decimals) >= "5" ? 1 : 0;
  const magnitude = safe(Number(whole + kept) + up);
  return { amount: sign === "-" ? 0 - magnitude : magnitude, currency };
}

/** The amount in major units as plain decimal text, `-0.05`: what `parseMoney` reads. */
export function toDecimal(money: Money): string {
  const decimals = currencyDecimals(money.currency);
  const digits = String(Math.abs(money.amount)).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const text = decimals === 0 ? whole : `${whole}.${digits.slice(-decimals)}`;
  return money.amount < 0 ? `-${text}` : text;
}

// A formatter is slow to make; locales come from outside, so their number is bounded.
const formattersMax = 200;
const formatters = new Map<string, Intl.NumberFormat>();

/** The amount as people of `locale` (BCP 47) write it. Throws RangeError for a malformed locale. */
export function formatMoney(money: Money, locale = "en"): string {
  const key = `${locale} ${money.currency}`;
  let formatter = formatters.get(key);
  if (formatter === undefined) {
    const digits = currencyDecimals(money.currency);
    formatter = new Intl.NumberFormat(locale, {
      style: "currency",
      currency: money.currency,
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
    if (formatters.size >= formattersMax) formatters.clear();
    formatters.set(key, formatter);
  }
  // As text, because a large amount divided by 100 has no exact float.
  return formatter.format(toDecimal(money) as Intl.StringNumericLiteral);
}

function isoCodes(codes: string, decimals: number): [string, number][] {
  return codes.split(" ").map((code) => [code, decimals]);
}

function priceMax(currency: string): number {
  return Math.floor((99_999_999 * 10 ** currencyDecimals(currency)) / 100);
}

/** Throws CurrencyMismatch when an amount is in another currency than is needed. */
export function requireCurrency(money: Money | undefined, currency: string): void {
  if (money && money.currency !== currency) throw new CurrencyMismatch(money.currency, currency);
}

function assertSameCurrency(left: Money, right: Money): void {
  if (left.currency !== right.currency) throw new CurrencyMismatch(left.currency, right.currency);
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no safe integer`);
  return value + 0; // -0 becomes 0
}

function natural(value: number): number {
  if (value < 0) throw new RangeError(`${value} is negative`);
  return safe(value);
}

/** factor x factor / divisor, all natural, as whole quotient and remainder. */
function divide(left: number, right: number, divisor: number): { quotient: number; remainder: number } {
  if (safe(divisor) < 1) throw new RangeError(`${divisor} is below 1`);
  const product = left * right;
  if (product <= Number.MAX_SAFE_INTEGER) {
    const remainder = product % divisor;
    return { quotient: (product - remainder) / divisor, remainder };
  }
  const exact = BigInt(left) * BigInt(right);
  return { quotient: Number(exact / BigInt(divisor)), remainder: Number(exact % BigInt(divisor)) };
}
