import type { ProductStatus } from "../../../commands/product/product.ts";
import { type Money, moneySchema } from "../../values/money.ts";
import { pathOf } from "../../values/names.ts";
import { foldSku } from "../../values/sku.ts";
import { Draft, madeSku, slugOf, type Titles } from "./draft.ts";
import type { Format, Grouped, Reading } from "./format.ts";
import { priceOf } from "./prices.ts";
import type { Read, StockRecord, VariantRecord } from "./records.ts";
import { Columns, cellIn, type Row, textOf } from "./rows.ts";
import {
  asBadValue,
  BadValue,
  flagOf,
  known,
  listOf,
  orEmpty,
  weightOf,
  wholeOf,
  withoutRepeats,
} from "./values.ts";

const titles = {
  id: ["id", "productid"],
  handle: ["handle", "slug"],
  status: ["status"],
  name: ["name", "title"],
  shortDescription: ["shortdescription"],
  description: ["description"],
  brand: ["brand"],
  category: ["category"],
  tags: ["tags"],
  images: ["images"],
  imageAlts: ["imagealts"],
  seoTitle: ["seotitle"],
  seoDescription: ["seodescription"],
  specifications: ["specifications"],
  relatedProducts: ["relatedproducts"],
  featured: ["featured"],
  publishAt: ["publishat"],
  sku: ["sku"],
  variant: ["variant", "variantname"],
  attributes: ["attributes"],
  currency: ["currency"],
  price: ["price"],
  compareAtPrice: ["compareatprice"],
  barcode: ["barcode"],
  weight: ["weight"],
  weightGrams: ["weightgrams"],
  available: ["available", "stock", "quantity"],
  track: ["track"],
  backorders: ["backorders"],
  lowStockThreshold: ["lowstockthreshold"],
} satisfies Titles;

/** What an export says of a product, and an import does not. */
const told = new Set(["publishedat", "createdat", "updatedat", "brandid", "categoryid"]);
const ofVariants = ["sku", "variant", "attributes", "price", "available", "barcode"] as const;

/** JSON says so of a product without variants. */
const saysNothing = new Set(["", "{}", "[]"]);

const statuses: Readonly<Record<string, ProductStatus>> = {
  draft: "draft",
  published: "published",
  active: "published",
  archived: "archived",
};

/** The columns of the shop's own export; a file may have any of them. */
export const own: Format = {
  name: "own",
  escapesFormulas: true,
  isOf: (header) => header.has("sku") || header.has("handle") || header.has("slug"),
  numbers: [...titles.price, ...titles.compareAtPrice],
  group,
  read,
};

const text = (row: Row, key: keyof typeof titles) => textOf(cellIn(row, titles[key])?.value);

/** By handle, else by id; a row that has neither is of the product that has its SKU. */
function* group(rows: readonly Row[]): Generator<void, Grouped[]> {
  const groups = new Map<string, Grouped>();
  for (const row of rows) {
    const handle = text(row, "handle").toLowerCase();
    const product = handle || text(row, "id") || text(row, "sku");
    const key = handle || text(row, "id") || `sku ${foldSku(product)}`;
    const before = groups.get(key);
    if (before) before.rows.push(row);
    else groups.set(key, { product, rows: [row] });
    yield;
  }
  return [...groups.values()];
}

function read({ product, rows }: Grouped, reading: Reading): Read {
  const draft = new Draft(product, rows, titles, reading.leftOut);
  const [first] = rows;
  if (!first) throw new Error("a product has a row");
  if (product === "") draft.reject(first, "handle", "the row has neither a handle nor a SKU");
  draft.others(
    () => undefined,
    (folded) => told.has(folded),
  );
  const id = draft.field("id", (text) => text);
  const handle = draft.field("handle", (text) => text.toLowerCase());
  const status = draft.field("status", statusOf);
  const plain = (key: keyof typeof titles) => draft.field(key, (text) => text);
  return draft.finish({
    identity: handle ? `handle/${handle}` : id ? `id/${id}` : `sku/${foldSku(product)}`,
    ...(id && { id }),
    ...(handle && { slug: slugOf(handle) }),
    fields: {
      ...known("name", plain("name") ?? undefined),
      ...known("shortDescription", plain("shortDescription")),
      ...known("description", plain("description")),
      ...known("brand", plain("brand")),
      ...known("category", draft.field("category", pathOf)),
      ...known("tags", orEmpty(draft.field("tags", (text, raw) => withoutRepeats(textsOf(text, raw))))),
      ...known("images", draft.images(imagesOf(draft))),
      ...known("specifications", draft.field("specifications", pairsOf)),
      ...known("relatedProducts", orEmpty(draft.field("relatedProducts", textsOf))),
      ...known("featured", draft.field("featured", flagOf) ?? undefined),
      ...known("publishAt", draft.field("publishAt", timeOf)),
    },
    seo: { ...known("title", plain("seoTitle")), ...known("description", plain("seoDescription")) },
    ...(status && { status }),
    variants: rows
      .filter((row) => ofVariants.some((key) => !saysNothing.has(draft.text(row, key))))
      .map((row) => variantOf(draft, row, reading)),
  });
}

function variantOf(draft: Draft, row: Row, reading: Reading): VariantRecord {
  const attributes = draft.of(row, "attributes", attributesOf);
  const name = draft.of(row, "variant", (text) => text);
  const sku = draft.text(row, "sku");
  const currency = draft.text(row, "currency") || reading.currency;
  const price = currencyOf(draft, row, currency) && priceIn(draft, row, reading, currency);
  const options = attributes ? Object.values(attributes) : [];
  return {
    from: row,
    sku: sku || madeSku(draft.product, options.length > 0 ? options : name ? [name] : []),
    isSkuMade: sku === "",
    ...(price && { price }),
    changes: {
      ...known("name", name),
      ...known("attributes", attributes ?? (attributes === null ? {} : undefined)),
      ...known(
        "barcode",
        draft.of(row, "barcode", (text) => text),
      ),
      ...known("weightGrams", weightIn(draft, row, reading)),
    },
    stock: stockOf(draft, row),
  };
}

/** Whether there is such a currency. */
function currencyOf(draft: Draft, row: Row, currency: string): boolean {
  const { success } = moneySchema.safeParse({ amount: 0, currency });
  if (!success) draft.reject(row, "currency", "is not the ISO 4217 code of a currency, such as USD");
  return success;
}

/** JSON has money as `{amount, currency}`, in minor units, or as a decimal. */
function priceIn(draft: Draft, row: Row, reading: Reading, currency: string): VariantRecord["price"] {
  if (typeof draft.raw(row, "price") !== "object") return priceOf(draft, row, reading, currency);
  const money = (_: string, raw: unknown): Money => {
    const { success, data } = moneySchema.safeParse(raw);
    if (!success) throw new BadValue("is no amount of a currency, in minor units");
    return data;
  };
  const price = draft.of(row, "price", money);
  const regular = draft.of(row, "compareAtPrice", money);
  return price ? { price, ...known("compareAtPrice", regular) } : undefined;
}

function weightIn(draft: Draft, row: Row, { decimals, currency }: Reading): number | null | undefined {
  const grams = draft.of(row, "weightGrams", wholeOf);
  if (typeof grams === "number") return grams;
  const number = (text: string) => asBadValue(() => decimals(currency).number(text));
  const weighed = draft.of(row, "weight", (text) => weightOf(text, number) ?? null);
  return weighed === undefined ? grams : weighed;
}

function stockOf(draft: Draft, row: Row): StockRecord {
  const track = draft.of(row, "track", flagOf);
  const backorders = draft.of(row, "backorders", flagOf);
  const lowStockThreshold = draft.of(row, "lowStockThreshold", wholeOf);
  const available = draft.of(row, "available", wholeOf);
  const isShort = typeof available === "number" && available < 0;
  if (isShort) draft.leaveOut(row, "available", "what is short follows from orders, and cannot be counted");
  return {
    ...(typeof track === "boolean" && { track }),
    ...(typeof backorders === "boolean" && { backorders }),
    ...(typeof lowStockThreshold === "number" && { lowStockThreshold }),
    ...(typeof available === "number" && !isShort && { available }),
  };
}

function statusOf(text: string): ProductStatus {
  const status = statuses[text.toLowerCase()];
  if (!status) throw new BadValue("is none of draft, published, archived");
  return status;
}

function timeOf(text: string): string {
  const time = Date.parse(text);
  if (!/^\d{4}-\d{2}-\d{2}T.*(?:Z|[+-]\d{2}:\d{2})$/.test(text) || Number.isNaN(time))
    throw new BadValue("is no time, such as 2026-01-15T12:00:00Z");
  return new Date(time).toISOString();
}

/** A list, as CSV has it in a field, or as JSON has it. */
function textsOf(text: string, raw: unknown): string[] {
  if (!Array.isArray(raw)) return listOf(text);
  if (raw.some((value) => typeof value !== "string")) throw new BadValue("is no list of texts");
  return raw.map((value: string) => value.trim()).filter((value) => value !== "");
}

/** Addresses, with what they show under `imageAlts` at the same place; in JSON also as the catalog has them. */
function imagesOf(draft: Draft): { url: string; alt?: string }[] {
  return draft.rows.flatMap((row) => {
    const raw = draft.raw(row, "images");
    const objects = Array.isArray(raw) && raw.every((image) => typeof image === "object" && image !== null);
    if (objects)
      return (raw as { url?: unknown; alt?: unknown; primary?: unknown }[])
        .toSorted((a, b) => Number(b.primary === true) - Number(a.primary === true))
        .map(({ url, alt }) => ({ url: String(url), ...(typeof alt === "string" && { alt }) }));
    const urls = draft.of(row, "images", textsOf) ?? [];
    const alts = draft.of(row, "imageAlts", altsOf) ?? [];
    return urls.map((url, index) => ({ url, ...(alts[index] && { alt: alts[index] }) }));
  });
}

/** Those that are blank keep their places. */
function altsOf(text: string, raw: unknown): string[] {
  return Array.isArray(raw) ? raw.map(textOf) : listOf(text, { keepsBlanks: true });
}

/** `Colour=Red,Size=M`, a list of such, or an object. */
function attributesOf(text: string, raw: unknown): Record<string, string> {
  const isObject = typeof raw === "object" && raw !== null && !Array.isArray(raw);
  if (isObject) return Object.fromEntries(Object.entries(raw).map(([name, value]) => [name, textOf(value)]));
  return Object.fromEntries(pairsOf(text, raw).map(({ name, value }) => [name, value]));
}

function pairsOf(text: string, raw: unknown): { name: string; value: string }[] {
  if (Array.isArray(raw) && raw.every((pair) => typeof pair === "object" && pair !== null))
    return raw.map(({ name, value }: { name?: unknown; value?: unknown }) => ({
      name: textOf(name),
      value: textOf(value),
    }));
  return textsOf(text, raw).map((pair) => {
    const at = pair.indexOf("=");
    if (at < 1) throw new BadValue("is no list of pairs such as Colour=Red");
    return { name: pair.slice(0, at).trim(), value: pair.slice(at + 1).trim() };
  });
}

/**
 * The rows of an object of JSON: one of its own, as an export has them, or, of a product with `variants` as the API takes
 * it, one for each of these.
 */
export function rowsOfObject(line: number, object: Readonly<Record<string, unknown>>): Row[] {
  const { variants, seo, ...fields } = object;
  const { title: seoTitle, description: seoDescription } = (seo ?? {}) as Record<string, unknown>;
  const ofProduct = { ...fields, ...(seo !== undefined && { seoTitle, seoDescription }) };
  if (!Array.isArray(variants)) return [rowOfFields(line, ofProduct)];
  const [first = {}, ...others] = variants.map((variant: unknown) => {
    const { name, ...own } = (typeof variant === "object" ? variant : {}) as Record<string, unknown>;
    return { ...own, ...(name !== undefined && { variant: name }) };
  });
  const { id, handle, slug } = fields;
  const naming = { id, handle, slug };
  return [
    rowOfFields(line, { ...ofProduct, ...first }),
    ...others.map((variant) => rowOfFields(line, { ...naming, ...variant })),
  ];
}

function rowOfFields(line: number, fields: object): Row {
  return { line, columns: new Columns(Object.keys(fields)), values: Object.values(fields) };
}
