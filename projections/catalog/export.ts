import type { ViewModel } from "../../src/stores/view-store/view-store.ts";
import { type Columns, type ExportedAs, type ExportPage, exportText, timeCell } from "../exported.ts";
import type { ProductDetails, ProductDoc, SkuStock, VariantDoc } from "./documents.ts";

/** What one page reads: a product of two hundred variants may be a megabyte of rows. */
const pageProducts = 100;
const pageBytesMax = 1024 * 1024;

export interface ProductsExport extends ExportedAs {
  /** Of any when it is left out. */
  status?: readonly ProductDetails["status"][] | undefined;
}

interface VariantRow {
  id: string;
  details: ProductDetails;
  /** Long texts stand in the first row of a product alone: two hundred variants would repeat them. */
  first: ProductDetails | undefined;
  /** Left out of a product that has none. */
  variant?: VariantDoc;
  stock?: SkuStock | undefined;
}

/** Products by their slugs, which never change; a row for each variant that is not retired. */
export async function exportProducts(
  model: ViewModel,
  { format, after, status }: ProductsExport,
): Promise<ExportPage> {
  const found = await model.find({
    where: [{ column: "slug", gte: "" }],
    sort: [{ column: "slug" }],
    limit: pageProducts,
    ...(after && { after }),
  });
  const keys = found.items.map(({ key }) => key);
  const { documents, lookedUp } = await model.load(keys, pageBytesMax);
  const read = keys.slice(0, lookedUp).flatMap((id) => {
    const stored = documents.get(id);
    const doc = stored && (JSON.parse(stored.json) as ProductDoc);
    return doc?.details ? { id, doc, details: doc.details } : [];
  });
  const asked = read.filter(({ details }) => status === undefined || status.includes(details.status));
  const rows = asked.flatMap(({ id, doc, details }) => rowsOf(id, doc, details));
  const last = read.at(-1);
  const next = lookedUp < keys.length && last ? [last.details.slug, last.id] : found.next;
  return { text: exportText(columns, rows, { format, after }), next };
}

function rowsOf(id: string, doc: ProductDoc, details: ProductDetails): VariantRow[] {
  const live = details.variants.filter(({ retired }) => !retired);
  if (live.length === 0) return [{ id, details, first: details }];
  return live.map((variant, index) => {
    const stock = doc.stock.find(({ sku }) => sku === variant.sku);
    return { id, details, first: index === 0 ? details : undefined, variant, stock };
  });
}

const columns: Columns<VariantRow> = {
  id: ({ id }) => id,
  handle: ({ details }) => details.slug,
  status: ({ details }) => details.status,
  name: ({ details }) => details.name,
  shortDescription: ({ first }) => first?.shortDescription ?? null,
  description: ({ first }) => first?.description ?? null,
  brand: ({ details }) => details.brand ?? null,
  category: ({ details }) => details.category ?? null,
  tags: ({ first }) => first?.tags ?? null,
  images: ({ first }) => imagesIn(first)?.map(({ url }) => url) ?? null,
  imageAlts: ({ first }) => imagesIn(first)?.map(({ alt = "" }) => alt) ?? null,
  seoTitle: ({ first }) => first?.seo?.title ?? null,
  seoDescription: ({ first }) => first?.seo?.description ?? null,
  specifications: ({ first }) => first?.specifications?.map(({ name, value }) => `${name}=${value}`) ?? null,
  relatedProducts: ({ first }) => first?.relatedProducts ?? null,
  featured: ({ first }) => (first ? (first.featured ?? false) : null),
  publishAt: ({ first }) => first?.publishAt ?? null,
  sku: ({ variant }) => variant?.sku ?? null,
  variant: ({ variant }) => variant?.name ?? null,
  attributes: ({ variant }) => Object.entries(variant?.attributes ?? {}).map((pair) => pair.join("=")),
  currency: ({ variant }) => variant?.price.currency ?? null,
  price: ({ variant }) => variant?.price ?? null,
  compareAtPrice: ({ variant }) => variant?.compareAtPrice ?? null,
  barcode: ({ variant }) => variant?.barcode ?? null,
  weightGrams: ({ variant }) => variant?.weightGrams ?? null,
  available: ({ stock }) => (stock?.track ? stock.available : null),
  track: ({ stock }) => stock?.track ?? null,
  backorders: ({ stock }) => stock?.backorders ?? null,
  publishedAt: ({ details }) => timeCell(details.publishedAt),
  createdAt: ({ details }) => timeCell(details.createdAt),
  updatedAt: ({ details }) => timeCell(details.updatedAt),
};

/** The primary one first. */
function imagesIn(details: ProductDetails | undefined): ProductDetails["images"] | undefined {
  return details?.images.toSorted((a, b) => Number(b.primary) - Number(a.primary));
}
