import { currencyDecimals, parseMoney } from "../../values/money.ts";

type Sign = "." | ",";

const currencySign = /^(?:[A-Z]{0,3}\p{Sc}|[A-Z]{3})\s*|\s*(?:[A-Z]{0,3}\p{Sc}|[A-Z]{3})$/u;
const spaces = /(?<=\d)[\s\u00a0\u2009\u202f'’](?=\d{3}(?!\d))/g;
const plain = /^\d{1,15}(?:\.\d{1,2})?$/;

/** Why a text is no number; what a reject says. */
export class NoNumber extends Error {}

/**
 * Reads numbers that people have written: `1,234.56`, `1.234,56`, `£ 2.55`, `-3`. Which of point and comma is the
 * decimal sign, the whole file tells: `look` at all numbers first, then `read` them.
 */
export class Decimals {
  private readonly currency: string;
  private readonly assumed: Sign | undefined;
  private readonly signs: ReadonlySet<string>;
  private readonly seen = new Set<Sign>();

  /** @param assumed the decimal sign where nothing in the file tells */
  constructor(currency: string, assumed?: Sign) {
    this.currency = currency;
    this.assumed = assumed;
    const shown = (["narrowSymbol", "symbol"] as const).map((currencyDisplay) =>
      new Intl.NumberFormat("en", { style: "currency", currency, currencyDisplay })
        .formatToParts(0)
        .find(({ type }) => type === "currency")
        ?.value.trim(),
    );
    this.signs = new Set([currency, ...shown.filter((sign) => sign !== undefined)]);
  }

  /** Notes which decimal sign a text can only have. */
  look(text: string): void {
    if (plain.test(text)) {
      if (text.includes(".")) this.seen.add(".");
      return;
    }
    try {
      const sign = signOf(this.bare(text).digits);
      if (sign) this.seen.add(sign);
    } catch {
      // It is rejected when it is read.
    }
  }

  /**
   * Minor units, decimals beyond the currency's rounded half up; the sign is the text's own: 0.001 is above 0.
   * @throws NoNumber
   */
  money(text: string): { amount: number; sign: -1 | 0 | 1 } {
    const decimal = plain.test(text) ? text : this.decimalText(text);
    try {
      const { amount } = parseMoney(decimal, this.currency);
      const sign = /[1-9]/.test(decimal) ? (decimal.startsWith("-") ? -1 : 1) : 0;
      return { amount, sign };
    } catch {
      throw new NoNumber("is more than can be counted");
    }
  }

  /**
   * Minor units, where the text has no more decimals than the currency.
   * @throws NoNumber
   */
  price(text: string): number {
    const decimal = this.decimalText(text);
    const [, fraction = ""] = decimal.split(".");
    if (/[1-9]/.test(fraction.slice(currencyDecimals(this.currency))))
      throw new NoNumber(`has more decimals than ${this.currency}`);
    try {
      return parseMoney(decimal, this.currency).amount;
    } catch {
      throw new NoNumber("is more than can be counted");
    }
  }

  /** A number with decimals, whatever it counts. @throws NoNumber */
  number(text: string): number {
    return Number(this.decimalText(text));
  }

  /** @throws NoNumber for what is none, or more than can be counted */
  whole(text: string): number {
    const [whole = "", fraction = ""] = this.decimalText(text).split(".");
    const value = Number(whole);
    if (/[1-9]/.test(fraction) || !Number.isSafeInteger(value)) throw new NoNumber("is no whole number");
    return value;
  }

  /** Of the whole file; what is assumed when nothing tells, or it has both. */
  private get decimal(): Sign | undefined {
    if (this.seen.size !== 1) return this.assumed;
    return this.seen.has(",") ? "," : ".";
  }

  /** As `parseMoney` reads it. */
  private decimalText(text: string): string {
    const { minus, digits } = this.bare(text);
    const own = signOf(digits);
    const sign = own ?? this.decimal;
    if (own === undefined && sign === undefined && /[.,]/.test(digits))
      throw new NoNumber("may be thousands or decimals: the file has nothing that tells which");
    const [whole = "", fraction] = sign === undefined ? [digits] : digits.split(sign);
    const grouped = whole.replace(/[.,]/g, "") || "0";
    return `${minus}${grouped}${fraction === undefined || fraction === "" ? "" : `.${fraction}`}`;
  }

  /** Without sign, currency and what sets thousands apart by spaces. */
  private bare(text: string): { minus: string; digits: string } {
    let rest = text.trim().replace("\u2212", "-");
    let minus = "";
    const takeMinus = () => {
      if (!/^[+-]/.test(rest)) return;
      if (rest.startsWith("-")) minus = "-";
      rest = rest.slice(1).trim();
    };
    takeMinus();
    const given = currencySign.exec(rest)?.[0];
    if (given !== undefined) {
      if (!this.signs.has(given.trim())) throw new NoNumber(`is not in ${this.currency}`);
      rest = rest.replace(given, "").trim();
      if (minus === "") takeMinus();
    }
    const digits = rest.replace(spaces, "");
    if (!/^\d*(?:[.,]\d+)*[.,]?$/.test(digits) || !/\d/.test(digits)) throw new NoNumber("is no number");
    return { minus, digits };
  }
}

/**
 * The decimal sign that a number can only have.
 * @returns undefined when it has none, or one that may set thousands apart
 * @throws NoNumber when its signs fit no number
 */
function signOf(digits: string): Sign | undefined {
  const points = digits.split(".").length - 1;
  const commas = digits.split(",").length - 1;
  if (points + commas === 0) return undefined;
  const last: Sign = digits.lastIndexOf(".") > digits.lastIndexOf(",") ? "." : ",";
  const other: Sign = last === "." ? "," : ".";
  const [whole = "", fraction = ""] = digits.split(last);
  if (points > 0 && commas > 0) {
    if (digits.split(last).length > 2 || !isGrouped(whole, other)) throw new NoNumber("is no number");
    return last;
  }
  if (points + commas > 1) {
    if (!isGrouped(digits, last)) throw new NoNumber("is no number");
    return other;
  }
  const mayGroup = fraction.length === 3 && /^[1-9]\d{0,2}$/.test(whole);
  return mayGroup ? undefined : last;
}

function isGrouped(text: string, sign: Sign): boolean {
  return text.split(sign).every((part, index) => (index === 0 ? /^\d{1,3}$/ : /^\d{3}$/).test(part));
}
