import { lineQuantityMax } from "../../../commands/cart/events.ts";
import { skuSchema } from "../../../commands/product/fields.ts";
import { priceSchema } from "../../values/money.ts";
import { spelledSku } from "../../values/sku.ts";
import { type Decimals, NoNumber } from "../csv/decimals.ts";
import type { CsvRow } from "../csv/rows.ts";
import { type Dates, NoDate } from "./dates.ts";
import type { Field, Layout } from "./layout.ts";

const nameCharactersMax = 255;
const textCharactersMax = 200;
const emailCharactersMax = 320;

/** Why a line cannot be used: the column as the file calls it, what stands there, and what is wrong with it. */
export interface Fault {
  field: string;
  value: string;
  reason: string;
}

/** So many pieces at a price in minor units. */
export interface PricedPart {
  quantity: number;
  unitPrice: number;
}

/** One line of an order, as it was read. */
export interface OrderLine {
  line: number;
  order: string;
  sku: string;
  name: string;
  /** Below 0 for what goes back or out. */
  quantity: number;
  price: "above 0" | "0" | "below 0";
  /** Of one unit price, or of two where the line's total does not divide. None where the price is no sale's. */
  parts: PricedPart[];
  /** Epoch milliseconds. */
  at: number;
  customer: string;
  email: string;
}

class Unfit extends Error {
  readonly field: Field;
  constructor(field: Field, reason: string) {
    super(reason);
    this.field = field;
  }
}

/** Makes order lines of rows, each amount of one currency. */
export class LineReader {
  private readonly layout: Layout;
  private readonly dates: Dates;
  private readonly decimals: Decimals;
  private readonly currency: string;

  constructor(layout: Layout, dates: Dates, decimals: Decimals, currency: string) {
    this.layout = layout;
    this.dates = dates;
    this.decimals = decimals;
    this.currency = currency;
  }

  /** The order that a row belongs to, as far as it says so. */
  orderOf(row: CsvRow): string {
    return withoutDecimals(this.text(row, "order"));
  }

  read(row: CsvRow): OrderLine | Fault {
    try {
      return this.line(row);
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      const { field, message: reason } = error;
      return { field: this.layout.places.get(field)?.title ?? field, value: this.text(row, field), reason };
    }
  }

  private line(row: CsvRow): OrderLine {
    const { columns } = this.layout;
    if (row.fields.length > columns && row.fields.slice(columns).some((field) => field.trim() !== ""))
      throw new Unfit("order", "stands in a line of more fields than the header has");
    const order = this.orderOf(row);
    requireText("order", order);
    if (order === "") throw new Unfit("order", "is empty");
    const sku = spelledSku(this.text(row, "sku"));
    if (!skuSchema.safeParse(sku).success || /\p{Cf}/u.test(sku))
      throw new Unfit("sku", "is no SKU: 1 to 64 characters that can be seen");
    const customer = customerOf(this.text(row, "customer"));
    requireText("customer", customer);
    const email = this.text(row, "email");
    if (email.length > emailCharactersMax || (email !== "" && !/^[^\s@]+@[^\s@]+$/.test(email)))
      throw new Unfit("email", "is no e-mail address");
    const quantity = this.quantity(row);
    const at = readAs("at", () => this.dates.read(this.text(row, "at")));
    const priced = this.priced(row, quantity);
    const name = nameOf(this.text(row, "name"), sku);
    return { line: row.line, order, sku, name, quantity, ...priced, at, customer, email };
  }

  private text({ fields }: CsvRow, field: Field): string {
    const place = this.layout.places.get(field);
    return place === undefined ? "" : (fields[place.index] ?? "").trim();
  }

  private quantity(row: CsvRow): number {
    const quantity = readAs("quantity", () => this.decimals.whole(this.text(row, "quantity")));
    if (Math.abs(quantity) > lineQuantityMax)
      throw new Unfit("quantity", `is more than ${lineQuantityMax} pieces`);
    return quantity;
  }

  private priced(row: CsvRow, quantity: number): Pick<OrderLine, "price" | "parts"> {
    const field = this.layout.places.has("lineTotal") ? "lineTotal" : "unitPrice";
    const { amount, sign } = readAs(field, () => this.decimals.money(this.text(row, field)));
    // The total of what goes back is below 0 in one file, and above 0 in another.
    const goesBack = field === "lineTotal" && quantity < 0;
    if (sign === 0) return { price: "0", parts: [] };
    if (sign < 0 && !goesBack) return { price: "below 0", parts: [] };
    const given = Math.abs(amount);
    const pieces = Math.abs(quantity);
    const discount = this.discount(row);
    if (field === "unitPrice" && discount === 0)
      return this.checked(field, [{ quantity: pieces, unitPrice: given }]);
    const total = (field === "unitPrice" ? given * pieces : given) - discount;
    if (total < 0) throw new Unfit("discount", "is more than the line comes to");
    if (total === 0 || pieces === 0) return { price: "0", parts: [] };
    return this.checked(field, split(total, pieces));
  }

  /** Off the whole line; some write it below 0. */
  private discount(row: CsvRow): number {
    const text = this.text(row, "discount");
    return text === "" ? 0 : Math.abs(readAs("discount", () => this.decimals.money(text)).amount);
  }

  private checked(field: Field, parts: PricedPart[]): Pick<OrderLine, "price" | "parts"> {
    const amount = Math.max(...parts.map(({ unitPrice }) => unitPrice));
    const checked = priceSchema.safeParse({ amount, currency: this.currency });
    if (!checked.success) throw new Unfit(field, checked.error.issues[0]?.message ?? "is no price");
    return { price: "above 0", parts };
  }
}

function readAs<T>(field: Field, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof NoNumber || error instanceof NoDate) throw new Unfit(field, error.message);
    throw error;
  }
}

function requireText(field: Field, text: string): void {
  if (text.length > textCharactersMax)
    throw new Unfit(field, `is longer than ${textCharactersMax} characters`);
  if (/\p{Cc}/u.test(text)) throw new Unfit(field, "holds control characters");
}

/** Tables of numbers make `17850.0` of 17850. */
function withoutDecimals(text: string): string {
  return /^\d+\.0+$/.test(text) ? text.slice(0, text.indexOf(".")) : text;
}

/** Empty for a guest. */
function customerOf(text: string): string {
  return text.toLowerCase() === "nan" ? "" : withoutDecimals(text);
}

/** A name that a product can have, never cut through a character. */
function nameOf(text: string, sku: string): string {
  const name = text.replace(/[\p{Cc}\s]+/gu, " ").trim();
  const isShort = name.length <= nameCharactersMax;
  const cut = isShort ? name : [...name].slice(0, nameCharactersMax).join("").trim();
  return /[\p{L}\p{N}]/u.test(cut) ? cut.toWellFormed() : `Item ${sku}`;
}

/** Pieces at a price, and one penny more for some of them: together exactly the total. */
function split(total: number, pieces: number): PricedPart[] {
  const unitPrice = Math.floor(total / pieces);
  const dearer = total - unitPrice * pieces;
  const parts = [
    { quantity: pieces - dearer, unitPrice },
    { quantity: dearer, unitPrice: unitPrice + 1 },
  ];
  return parts.filter(({ quantity }) => quantity > 0);
}
