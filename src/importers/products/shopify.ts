import type { ProductStatus } from "../../../commands/product/product.ts";
import { pathOf } from "../../values/names.ts";
import { Draft, madeSku, slugOf, type Titles } from "./draft.ts";
import type { Format, Grouped, Reading } from "./format.ts";
import { textOfHtml } from "./html.ts";
import { priceOf } from "./prices.ts";
import type { Read, StockRecord, VariantRecord } from "./records.ts";
import { cellIn, type Row, textOf } from "./rows.ts";
import {
  asBadValue,
  BadValue,
  flagOf,
  gramsOf,
  known,
  listOf,
  orEmpty,
  wholeOf,
  withoutRepeats,
} from "./values.ts";

/** Of both editions of Shopify's file: the second came in 2025. */
const titles = {
  handle: ["handle", "urlhandle"],
  name: ["title"],
  description: ["bodyhtml", "description"],
  brand: ["vendor"],
  category: ["productcategory", "standardproducttype"],
  type: ["type", "customproducttype"],
  tags: ["tags"],
  published: ["published", "publishedononlinestore"],
  status: ["status"],
  option1Name: ["option1name"],
  option2Name: ["option2name"],
  option3Name: ["option3name"],
  option1Value: ["option1value"],
  option2Value: ["option2value"],
  option3Value: ["option3value"],
  attributes: ["option1value", "option2value", "option3value"],
  sku: ["variantsku", "sku"],
  weightGrams: ["variantgrams", "weightvaluegrams"],
  weightUnit: ["variantweightunit", "weightunitfordisplay"],
  tracker: ["variantinventorytracker", "inventorytracker"],
  available: ["variantinventoryqty", "inventoryquantity"],
  backorders: ["variantinventorypolicy", "continuesellingwhenoutofstock"],
  price: ["variantprice", "price"],
  compareAtPrice: ["variantcompareatprice", "compareatprice"],
  barcode: ["variantbarcode", "barcode"],
  images: ["imagesrc", "productimageurl"],
  imagePosition: ["imageposition"],
  imageAlts: ["imagealttext"],
  variantImage: ["variantimage", "variantimageurl"],
  seoTitle: ["seotitle"],
  seoDescription: ["seodescription"],
} satisfies Titles;

const options = [
  ["option1Name", "option1Value"],
  ["option2Name", "option2Value"],
  ["option3Name", "option3Value"],
] as const;

/** What says nothing beyond what every product is. */
const usual: Readonly<Record<string, string>> = {
  variantfulfillmentservice: "manual",
  fulfillmentservice: "manual",
  variantrequiresshipping: "true",
  requiresshipping: "true",
  varianttaxable: "true",
  chargetax: "true",
  giftcard: "false",
  googleshoppingcustomproduct: "false",
};

/** What others may know of a product; costs, tax codes and labels are the shop's own. */
const specificationNames: Readonly<Record<string, string>> = {
  "google shopping / gender": "Gender",
  "google shopping / age group": "Age group",
  "google shopping / mpn": "MPN",
  "google shopping / condition": "Condition",
};
const metafield = /^(.+?)\s*\(product\.metafields\.[^)]*\)$/;

const statuses: Readonly<Record<string, ProductStatus>> = {
  active: "published",
  unlisted: "published",
  draft: "draft",
  archived: "archived",
};

/** Shopify's product export: rows of one handle are a product, each with a variant, an image, or both. */
export const shopify: Format = {
  name: "shopify",
  escapesFormulas: false,
  isOf: (header) =>
    (header.has("handle") && (header.has("bodyhtml") || header.has("variantprice"))) ||
    (header.has("urlhandle") && header.has("title")),
  numbers: titles.price,
  group,
  read,
};

function* group(rows: readonly Row[]): Generator<void, Grouped[]> {
  const groups = new Map<string, Grouped>();
  for (const row of rows) {
    const text = (of: readonly string[]) => textOf(cellIn(row, of)?.value);
    const handle = text(titles.handle).toLowerCase() || (text(titles.name) && slugOf(text(titles.name)));
    const before = groups.get(handle);
    if (before) before.rows.push(row);
    else groups.set(handle, { product: handle, rows: [row] });
    yield;
  }
  return [...groups.values()];
}

function read({ product, rows }: Grouped, reading: Reading): Read {
  const draft = new Draft(product, rows, titles, reading.leftOut);
  const [first] = rows;
  if (product === "" && first) draft.reject(first, "handle", "the row names no product");
  const path = draft.field("category", (text) => (/^uncategorized$/i.test(text) ? undefined : pathOf(text)));
  const type = draft.field("type", (text) => pathOf(text));
  const others = draft.others(
    (title) => specificationNames[title.toLowerCase()] ?? metafield.exec(title)?.[1],
    (folded, value) => usual[folded] === value.toLowerCase() || /^included/.test(folded),
  );
  const ofType =
    path && type ? [{ name: "Type", value: type }].filter(({ value }) => value !== path) : undefined;
  const status = statusOf(draft);
  return draft.finish({
    identity: `handle/${product}`,
    slug: slugOf(product),
    fields: {
      ...known("name", draft.field("name", (text) => text) ?? undefined),
      ...known(
        "description",
        draft.field("description", (text) => textOfHtml(text) || null),
      ),
      ...known(
        "brand",
        draft.field("brand", (text) => text),
      ),
      ...known("category", path ?? type),
      ...known("tags", orEmpty(draft.field("tags", (text) => draft.tags(withoutRepeats(listOf(text)))))),
      ...known("images", draft.images(imagesOf(draft))),
      ...known("specifications", draft.specifications(ofType, others)),
    },
    seo: {
      ...known(
        "title",
        draft.field("seoTitle", (text) => text),
      ),
      ...known(
        "description",
        draft.field("seoDescription", (text) => text),
      ),
    },
    ...(status && { status }),
    variants: variantsOf(draft, reading),
  });
}

function statusOf(draft: Draft): ProductStatus | undefined {
  const published = draft.field("published", flagOf);
  const status = draft.field("status", (text) => {
    const known = statuses[text.toLowerCase()];
    if (!known) throw new BadValue("is none of active, draft, archived");
    return known;
  });
  if (status === "published" || !status)
    return published === false ? "draft" : (status ?? (published ? "published" : undefined));
  return status;
}

/** By their positions; what is shown for a variant alone comes last. */
function imagesOf(draft: Draft): { url: string; alt?: string }[] {
  const placed = draft.rows.flatMap((row, index) => {
    const url = draft.text(row, "images");
    if (url === "") return [];
    const position = draft.of(row, "imagePosition", wholeOf) ?? index + 1;
    const alt = draft.text(row, "imageAlts");
    return [{ position, image: { url, ...(alt !== "" && { alt }) } }];
  });
  const ofVariants = draft.rows.map((row) => draft.text(row, "variantImage")).filter((url) => url !== "");
  return [
    ...placed.toSorted((a, b) => a.position - b.position).map(({ image }) => image),
    ...ofVariants.map((url) => ({ url })),
  ];
}

function variantsOf(draft: Draft, reading: Reading): VariantRecord[] {
  const isVariant = (row: Row) =>
    (["option1Value", "sku", "price"] as const).some((key) => draft.text(row, key) !== "");
  const rows = draft.rows.filter((row, index) => index === 0 || isVariant(row));
  const names = options.map(([name]) => draft.field(name, (text) => text) ?? "");
  return rows.map((row): VariantRecord => {
    const given = options.map(([, value]) => draft.text(row, value));
    const isDefault = names[0] === "Title" && given[0] === "Default Title";
    const chosen = isDefault ? [] : given.filter((value) => value !== "");
    const attributes = Object.fromEntries(
      isDefault
        ? []
        : given.flatMap((value, index) =>
            value === "" ? [] : [[names[index] || `Option ${index + 1}`, value]],
          ),
    );
    const sku = draft.text(row, "sku");
    const price = priceOf(draft, row, reading, reading.currency);
    if (draft.text(row, "price") === "") draft.reject(row, "price", "is missing");
    return {
      from: row,
      sku: sku || madeSku(draft.product, chosen),
      isSkuMade: sku === "",
      ...(price && { price }),
      changes: {
        name: chosen.length > 0 ? chosen.join(" / ") : null,
        attributes,
        ...known(
          "barcode",
          draft.of(row, "barcode", (text) => text),
        ),
        ...known(
          "weightGrams",
          draft.of(row, "weightGrams", (text) => weight(text, reading) ?? null),
        ),
      },
      stock: stockOf(draft, row),
    };
  });
}

function weight(text: string, { decimals, currency }: Reading): number | undefined {
  return gramsOf(text, "g", (number) => asBadValue(() => decimals(currency).number(number)));
}

/** What no tracker counts is always there, whatever its quantity says. */
function stockOf(draft: Draft, row: Row): StockRecord {
  if (!draft.isSaid(row, "tracker") && !draft.isSaid(row, "available")) return {};
  if (draft.isSaid(row, "tracker") && draft.text(row, "tracker") === "") {
    if (!/^0?$/.test(draft.text(row, "available"))) draft.leaveOut(row, "available", "no tracker counts it");
    return { track: false };
  }
  const available = draft.of(row, "available", wholeOf);
  const backorders = draft.of(row, "backorders", (text) =>
    ["continue", "deny"].includes(text.toLowerCase()) ? text.toLowerCase() === "continue" : flagOf(text),
  );
  return {
    track: true,
    ...(typeof backorders === "boolean" && { backorders }),
    ...(typeof available === "number" && { available }),
  };
}
