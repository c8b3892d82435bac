import type { OrderLine } from "./lines.ts";

/** What was read and is no sale, nor anything else that a shop's log would know. */
export const setAsideKinds = {
  badDebt: "an adjustment of bad debt, not of goods",
  free: "a price of 0: neither a sale nor a write-off",
  nothing: "a quantity of 0",
  negativePrice: "a price below 0",
  unmatched: "a cancellation without an earlier order of this customer for this many of this SKU",
  guestCancellation: "a cancellation without a customer",
  notStocked: "a write-off of what is not stocked",
  goesBack: "a quantity below 0: what goes back, without saying from which order",
  repeated: "lines of an order that the file holds twice",
} as const;
export type SetAside = keyof typeof setAsideKinds;

export const lineKinds = { sale: 0, cancellation: 1, writeOff: 2 } as const;
export type LineKind = keyof typeof lineKinds;

/**
 * Merchandise of the data set is numbered, with five digits and perhaps a letter, or with a maker's prefix. Everything
 * else (POST, BANK CHARGES, M, gift_0001_20) is charged for, but not kept on a shelf.
 */
export function isMerchandise(sku: string): boolean {
  return /^(\d{5}|DCGS|SP\d)/i.test(sku);
}

/**
 * What a line is. In the data set, a sale is one whose invoice begins with neither C nor A, with quantity and unit
 * price above 0; elsewhere numbers begin as they like.
 */
export function kindOf(line: OrderLine, isDataSet: boolean): LineKind | { setAside: SetAside } {
  const { order, sku, quantity, price, customer } = line;
  const prefix = isDataSet ? order.charAt(0).toUpperCase() : "";
  if (prefix === "A") return { setAside: "badDebt" };
  if (quantity === 0) return { setAside: "nothing" };
  if (price === "below 0") return { setAside: "negativePrice" };
  if (prefix === "C") {
    if (customer === "") return { setAside: "guestCancellation" };
    return quantity > 0 ? { setAside: "unmatched" } : "cancellation";
  }
  if (quantity < 0) {
    if (!isDataSet) return { setAside: "goesBack" };
    return isMerchandise(sku) ? "writeOff" : { setAside: "notStocked" };
  }
  return price === "0" ? { setAside: "free" } : "sale";
}
