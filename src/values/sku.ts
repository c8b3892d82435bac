/** As it is kept and shown: without blanks around it, in Unicode's composed form. */
export function spelledSku(given: string): string {
  return given.trim().normalize("NFC");
}

/** Holds the claim of a SKU that staff keeps stock of before, or without, a product. */
export const stockHolder = "stock";

/** What a SKU is known by, however it is written: `t-1`, `T-1 ` and `T-1` are one. */
export function foldSku(given: string): string {
  // Upper case first: it takes ß to SS and both small sigmas to one.
  return spelledSku(given).toUpperCase().toLowerCase().normalize("NFC");
}
