import type { ProductStatus } from "../../../commands/product/product.ts";
import type { Money } from "../../values/money.ts";
import { pathOf } from "../../values/names.ts";
import { foldSku } from "../../values/sku.ts";
import { Draft, madeSku, type Titles } from "./draft.ts";
import type { Format, Grouped, Reading } from "./format.ts";
import { lineOfHtml, textOfHtml } from "./html.ts";
import type { Read, StockRecord, VariantRecord } from "./records.ts";
import { cellIn, type Row, textOf } from "./rows.ts";
import { asBadValue, BadValue, flagOf, gramsOf, known, orEmpty, wholeOf, withoutRepeats } from "./values.ts";

const weights = { weightkg: "kg", weightg: "g", weightlbs: "lbs", weightoz: "oz" } as const;

const titles = {
  shopId: ["id"],
  type: ["type"],
  sku: ["sku"],
  barcode: ["gtinupceanorisbn"],
  name: ["name"],
  published: ["published"],
  featured: ["isfeatured"],
  shortDescription: ["shortdescription"],
  description: ["description"],
  brand: ["brands", "brand"],
  category: ["categories"],
  tags: ["tags"],
  images: ["images"],
  parent: ["parent"],
  price: ["regularprice", "saleprice"],
  salePrice: ["saleprice"],
  saleFrom: ["datesalepricestarts"],
  saleTo: ["datesalepriceends"],
  inStock: ["instock"],
  available: ["stock"],
  lowStockThreshold: ["lowstockamount"],
  backorders: ["backordersallowed"],
  weightGrams: Object.keys(weights),
  seoTitle: ["metayoastwpseotitle", "metarankmathtitle"],
  seoDescription: ["metayoastwpseometadesc", "metarankmathdescription"],
} satisfies Titles;

const usual: Readonly<Record<string, readonly string[]>> = {
  visibilityincatalog: ["visible"],
  taxstatus: ["taxable"],
  taxclass: ["parent"],
  soldindividually: ["0"],
  allowcustomerreviews: ["0", "1"],
  position: ["0"],
};

const attributeTitle = /^attribute(\d+)(name|values|visible|global|default)$/;
/** Of the product itself, for everybody to see. */
const dimension = /^(?:length|width|height) \(/i;
const spelled = new Map([
  ["simple", "simple"],
  ["variable", "variable"],
  ["variation", "variation"],
]);

/** WooCommerce's product export: a row for each product, and for each variation of one, which names its parent. */
export const woocommerce: Format = {
  name: "woocommerce",
  escapesFormulas: true,
  isOf: (header) => header.has("type") && header.has("regularprice"),
  numbers: titles.price,
  group,
  read,
};

const text = (row: Row, key: keyof typeof titles) => textOf(cellIn(row, titles[key])?.value);
const typeOf = (row: Row) => text(row, "type").toLowerCase().split(/,\s*/)[0] || "simple";

/** The product's own row is the first. A variation whose parent is not in the file stands alone. */
function* group(rows: readonly Row[]): Generator<void, Grouped[]> {
  const groups: Grouped[] = [];
  const byName = new Map<string, Grouped>();
  for (const row of rows) {
    if (typeOf(row) === "variation") continue;
    const [sku, id] = [text(row, "sku"), text(row, "shopId")];
    const grouped = { product: sku || (id && `id:${id}`), rows: [row] };
    groups.push(grouped);
    if (sku !== "") byName.set(foldSku(sku), grouped);
    if (id !== "") byName.set(`id:${id}`, grouped);
    yield;
  }
  for (const row of rows) {
    if (typeOf(row) !== "variation") continue;
    const parent = text(row, "parent");
    const of = byName.get(foldSku(parent));
    if (of) of.rows.push(row);
    else groups.push({ product: parent || text(row, "sku"), rows: [row] });
    yield;
  }
  return groups;
}

function read({ product, rows }: Grouped, reading: Reading): Read {
  const draft = new Draft(product, rows, titles, reading.leftOut);
  const [own] = rows;
  if (!own) throw new Error("a product has a row");
  requireKind(draft, own);
  const category = draft.of(own, "category", (text) => categoryOf(draft, own, listed(text)));
  const described = (given: string) => textOfHtml(withBreaks(given), { keepsBreaks: true }) || null;
  const ofRow = attributesOf(own);
  const chosen = new Set(rows.slice(1).flatMap((row) => attributesOf(row).map(({ name }) => name)));
  const hasAttributes = own.columns.places.has("attribute1name");
  const kept = hasAttributes ? ofRow.filter(({ name }) => !chosen.has(name)) : undefined;
  const others = draft.others(
    (title) => (dimension.test(title) ? title : undefined),
    (folded, value) => attributeTitle.test(folded) || (usual[folded]?.includes(value.toLowerCase()) ?? false),
  );
  const status = draft.of(own, "published", statusOf);
  const brands = draft.of(own, "brand", (text) => listed(text).map(lineOfHtml));
  return draft.finish({
    identity: `woocommerce/${product}`,
    fields: {
      ...known("name", draft.of(own, "name", lineOfHtml) ?? undefined),
      ...known("shortDescription", draft.of(own, "shortDescription", described)),
      ...known("description", draft.of(own, "description", described)),
      ...known("brand", brands && (brands[0] ?? null)),
      ...known("category", category),
      ...known(
        "tags",
        orEmpty(draft.of(own, "tags", (text) => draft.tags(withoutRepeats(listed(text).map(lineOfHtml))))),
      ),
      ...known(
        "images",
        draft.images(rows.flatMap((row) => listed(draft.text(row, "images"))).map((url) => ({ url }))),
      ),
      ...known("featured", draft.of(own, "featured", flagOf) ?? undefined),
      ...known("specifications", draft.specifications(kept, others)),
    },
    seo: {
      ...known(
        "title",
        draft.of(own, "seoTitle", (text) => text),
      ),
      ...known(
        "description",
        draft.of(own, "seoDescription", (text) => text),
      ),
    },
    ...(status && { status }),
    variants: (rows.length > 1 ? rows.slice(1) : rows).map((row) => variantOf(draft, row, reading)),
  });
}

function requireKind(draft: Draft, own: Row): void {
  const type = typeOf(own);
  if (draft.product === "") draft.reject(own, "sku", "the row has neither a SKU nor an ID");
  if (type === "variation") draft.reject(own, "parent", "the file has no such product");
  else if (!spelled.has(type))
    draft.reject(own, "type", "is not sold here: simple and variable products are");
  else if (type === "variable" && draft.rows.length === 1)
    draft.reject(own, "type", "the file has no variation of it");
}

/** The innermost of several; those that it is within go without saying, further ones are named. */
function categoryOf(draft: Draft, own: Row, given: readonly string[]): string | null {
  const paths = given.map((path) => pathOf(lineOfHtml(path)));
  const depth = (path: string) => path.split("/").length;
  const innermost = paths.toSorted((a, b) => depth(b) - depth(a))[0];
  if (innermost === undefined || /^uncategorized$/i.test(innermost)) return null;
  if (paths.some((path) => path !== innermost && !innermost.startsWith(`${path}/`)))
    draft.leaveOut(own, "category", "a product is in one category");
  return innermost;
}

function statusOf(text: string): ProductStatus {
  if (!/^-?[0-2]$/.test(text)) throw new BadValue("is none of 1, 0 and -1");
  return text === "1" ? "published" : "draft";
}

function variantOf(draft: Draft, row: Row, reading: Reading): VariantRecord {
  const [own = row] = draft.rows;
  const isVariation = row !== own;
  const attributes = isVariation ? attributesOf(row) : [];
  const chosen = attributes.map(({ value }) => value);
  const given = draft.text(row, "sku");
  // A variation that has no SKU shows its parent's.
  const isOwn = given !== "" && !(isVariation && foldSku(given) === foldSku(draft.text(own, "sku")));
  const price = pricesOf(draft, row, reading);
  return {
    from: row,
    sku: isOwn ? given : madeSku(draft.product.replace(/^id:/, "woo-"), chosen),
    isSkuMade: !isOwn,
    ...(price && { price }),
    changes: {
      name: chosen.length > 0 ? chosen.join(" / ") : null,
      attributes: Object.fromEntries(attributes.map(({ name, value }) => [name, value])),
      ...known(
        "barcode",
        draft.of(row, "barcode", (text) => text),
      ),
      ...known("weightGrams", weightIn(draft, row, reading) ?? weightIn(draft, own, reading)),
    },
    stock: stockOf(draft, row),
  };
}

/** A sale has its days; one that is over, or to come, is none now. */
function pricesOf(draft: Draft, row: Row, reading: Reading): VariantRecord["price"] {
  const { currency, decimals, now } = reading;
  const money = (text: string): Money => ({
    amount: asBadValue(() => decimals(currency).price(text)),
    currency,
  });
  const regular = draft.of(row, "price", money);
  const sale = draft.of(row, "salePrice", money);
  if (draft.text(row, "price") === "") draft.reject(row, "price", "is missing");
  if (!regular) return undefined;
  const from = draft.of(row, "saleFrom", dayOf) ?? Number.NEGATIVE_INFINITY;
  const to = draft.of(row, "saleTo", dayOf) ?? Number.POSITIVE_INFINITY;
  const isSale = sale && sale.amount < regular.amount && from <= now && now < to + 86_400_000;
  if (sale && !isSale && from > now) draft.leaveOut(row, "salePrice", "the sale is still to come");
  else if (isSale && to !== Number.POSITIVE_INFINITY)
    draft.leaveOut(row, "saleTo", "the sale does not end by itself");
  return isSale ? { price: sale, compareAtPrice: regular } : { price: regular, compareAtPrice: null };
}

function dayOf(text: string): number {
  const day = Date.parse(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(day)) throw new BadValue("is no day");
  return day;
}

function weightIn(draft: Draft, row: Row, { decimals, currency }: Reading): number | null | undefined {
  const unit = Object.entries(weights).find(([title]) => row.columns.places.has(title))?.[1] ?? "kg";
  return draft.of(row, "weightGrams", (text) => {
    return gramsOf(text, unit, (number) => asBadValue(() => decimals(currency).number(number))) ?? null;
  });
}

/** Without a count, whether there are any is all that is known. */
function stockOf(draft: Draft, row: Row): StockRecord {
  if (!draft.isSaid(row, "available") && !draft.isSaid(row, "inStock")) return {};
  const counted = draft.text(row, "available");
  const backorders = draft.of(row, "backorders", (text) => /^notify$/i.test(text) || flagOf(text));
  const allowed = typeof backorders === "boolean" && { backorders };
  if (counted === "parent") {
    draft.leaveOut(row, "available", "variants do not share the stock of their product");
    return {};
  }
  if (counted === "") {
    if (/^(?:0|no|false)$/i.test(draft.text(row, "inStock")))
      return { track: true, available: 0, ...allowed };
    return { track: false };
  }
  const available = draft.of(row, "available", wholeOf);
  const lowStockThreshold = draft.of(row, "lowStockThreshold", wholeOf);
  return {
    track: true,
    ...allowed,
    ...(typeof lowStockThreshold === "number" && { lowStockThreshold }),
    ...(typeof available === "number" && { available }),
  };
}

/** `Attribute 1 name` with `Attribute 1 value(s)`, and so on. */
function attributesOf(row: Row): { name: string; value: string }[] {
  const found: { name: string; value: string }[] = [];
  for (let number = 1; row.columns.places.has(`attribute${number}name`); number++) {
    const name = lineOfHtml(textOf(cellIn(row, [`attribute${number}name`])?.value));
    const values = listed(textOf(cellIn(row, [`attribute${number}values`])?.value)).map(lineOfHtml);
    if (name !== "" && values.length > 0) found.push({ name, value: values.join(", ") });
  }
  return found;
}

/** Values with commas between them; a comma of a value is led by a backslash. */
function listed(text: string): string[] {
  return text
    .split(/(?<!\\),/)
    .map((value) => value.replaceAll("\\,", ",").trim())
    .filter((value) => value !== "");
}

/** Line breaks are written as `\n`, a backslash before an n as two. */
function withBreaks(text: string): string {
  return text.replace(/\\\\n|\\n/g, (written) => (written === "\\n" ? "\n" : "\\n"));
}
