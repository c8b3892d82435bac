import { isDeepStrictEqual } from "node:util";
import { type Imported, unsaid } from "../../../commands/imported/imported.ts";
import type {
  NewProduct,
  NewVariant,
  PriceChange,
  ProductChanges,
  VariantChanges,
} from "../../../commands/product/fields.ts";
import type { ExistingProduct, ProductVariant } from "../../../commands/product/product.ts";
import { deriveBase32 } from "../../values/ids.ts";
import { type Money, toDecimal } from "../../values/money.ts";
import { foldedName, foldedPath } from "../../values/names.ts";
import { foldSku } from "../../values/sku.ts";
import type { ProductRecord, Reject, StockRecord, VariantRecord } from "./records.ts";

/** How the shop has a SKU. */
export interface KnownStock {
  /** As its stream is named. */
  sku: string;
  /** Whether anything was ever said of it. */
  isOpen: boolean;
  track: boolean;
  backorders: boolean;
  lowStockThreshold: number;
  available: number;
}

/** How the shop has a product that a file has, too. */
export interface Current {
  /** Undefined of one that is new. */
  product: ExistingProduct | undefined;
  /** What files have said of it before. */
  imported: Imported;
  /** By folded SKUs; of each that the record has. */
  stocks: ReadonlyMap<string, KnownStock>;
}

export type Step =
  | { do: "create"; product: NewProduct }
  | { do: "publish" }
  | { do: "archive" }
  | { do: "describe"; changes: ProductChanges }
  | { do: "add"; variants: NewVariant[] }
  | { do: "reprice"; sku: string; price: PriceChange }
  | { do: "change"; sku: string; changes: VariantChanges }
  | { do: "policy"; sku: string; policy: Omit<StockRecord, "available"> }
  /** So that `target` pieces can be sold: the first that are booked, or so many more or fewer. */
  | { do: "receive"; sku: string; target: number }
  | { do: "adjust"; sku: string; target: number; delta: number };

export interface Plan {
  steps: Step[];
  /** What the file says that it, or another one, had not said before. */
  said: Imported;
  rejects: Reject[];
}

const digestCharacters = 8;

/**
 * What is to be done so that the shop has what a file says anew of a product: what it has said before stays as the shop has
 * it by now.
 * @param isPublishing whether a product is published that the file does not keep back
 */
export function planOf(
  record: ProductRecord,
  current: Current,
  { isPublishing }: { isPublishing: boolean },
): Plan {
  const target = targetOf(record, isPublishing);
  const news = unsaid(current.imported, saidOf(record, target));
  const rejects: Reject[] = [];
  const plan = { steps: [] as Step[], said: news, rejects };
  if (Object.keys(news.fields).length + Object.keys(news.variants).length === 0) return plan;
  const { product } = current;
  const missing = (path: string, reason = "is missing") => rejects.push({ ...record.whereIs(path), reason });
  if (!product) {
    const isOfSku = record.slug === undefined && record.id === undefined;
    // A list of prices or stocks is of what the shop sells.
    if (record.fields.name === undefined)
      if (isOfSku)
        missing("variants.0.sku", "no product of the shop has it, and the row has no name for one");
      else missing("name");
    for (const [index, { price }] of record.variants.entries())
      if (!price) missing(`variants.${index}.price`);
    if (rejects.length > 0) return plan;
    plan.steps.push({ do: "create", product: newProductOf(record) });
  } else {
    plan.steps.push(...changesOf(record, product, current, news, missing));
  }
  plan.steps.push(...record.variants.flatMap((variant) => stockSteps(variant, current, news)));
  const status = product?.status ?? "draft";
  if (news.fields.status !== undefined && target !== undefined && target !== status)
    placeTarget(plan.steps, target, status);
  if (status === "archived" && plan.steps.some(needsEditable) && plan.steps[0]?.do !== "publish")
    missing("status", "the product is archived in the shop");
  return plan;
}

function targetOf(
  { status, variants }: ProductRecord,
  isPublishing: boolean,
): "published" | "archived" | undefined {
  if (status === "archived") return "archived";
  return isPublishing && status !== "draft" && variants.length > 0 ? "published" : undefined;
}

/** What is archived can only be published; what is to be archived is changed before. */
function placeTarget(steps: Step[], target: "published" | "archived", status: string): void {
  if (target === "archived") steps.push({ do: "archive" });
  else if (status === "archived") steps.unshift({ do: "publish" });
  else steps.push({ do: "publish" });
}

function needsEditable(step: Step): boolean {
  return step.do === "describe" || step.do === "add" || step.do === "reprice" || step.do === "change";
}

/** Digests of all that a record says. */
function saidOf(record: ProductRecord, target: string | undefined): Imported {
  const { fields, seo, id, slug, variants } = record;
  return {
    fields: digested({
      ...fields,
      seoTitle: seo.title,
      seoDescription: seo.description,
      status: target,
      slug: id === undefined ? undefined : slug,
    }),
    variants: Object.fromEntries(
      variants.map(({ sku, price, changes, stock }) => [
        foldSku(sku),
        digested({ price, ...changes, ...stock, there: true }),
      ]),
    ),
  };
}

function digested(values: object): Record<string, string> {
  const said = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(said.map(([field, value]) => [field, digestOf(value)]));
}

/** Of a value as JSON has it. */
export function digestOf(value: unknown): string {
  return deriveBase32(JSON.stringify(value), digestCharacters);
}

function newProductOf({ fields, seo, slug, variants }: ProductRecord): NewProduct {
  const given = withoutNulls({ ...fields, slug, ...(hasAny(seo) && { seo: withoutNulls(seo) }) });
  if (given.specifications?.length === 0) delete given.specifications;
  return { ...given, variants: variants.map(newVariantOf) } as NewProduct;
}

function newVariantOf({ sku, price, changes }: VariantRecord): NewVariant {
  return { sku, ...withoutNulls({ ...price, ...changes }) } as NewVariant;
}

function changesOf(
  record: ProductRecord,
  product: ExistingProduct,
  { imported }: Current,
  news: Imported,
  missing: (path: string) => void,
): Step[] {
  const changes = describedAs(record, product, news);
  const steps: Step[] = Object.keys(changes).length > 0 ? [{ do: "describe", changes }] : [];
  const added: NewVariant[] = [];
  for (const [index, variant] of record.variants.entries()) {
    const folded = foldSku(variant.sku);
    const said = news.variants[folded];
    if (!said) continue;
    const known = variantOf(product, folded);
    if (known && !known.retired) steps.push(...variantSteps(variant, known, said));
    // One that was imported and retired since stays so.
    else if (imported.variants[folded]) continue;
    else if (variant.price) added.push(newVariantOf(variant));
    else missing(`variants.${index}.price`);
  }
  return added.length > 0 ? [...steps, { do: "add", variants: added }] : steps;
}

export function variantOf({ variants }: ExistingProduct, foldedSku: string): ProductVariant | undefined {
  return [...variants.values()].find(({ sku }) => foldSku(sku) === foldedSku);
}

/** What the file says anew, and the shop has otherwise. */
function describedAs(
  { fields, seo, slug }: ProductRecord,
  product: ExistingProduct,
  news: Imported,
): ProductChanges {
  const wanted: Record<string, unknown> = {
    ...fields,
    ...(product.status === "published" && { publishAt: undefined }),
    ...(news.fields.slug !== undefined && { slug }),
  };
  const changed = Object.entries(wanted).filter(
    ([field, value]) =>
      value !== undefined &&
      news.fields[field] !== undefined &&
      !isSame(field, value, product[field as keyof ExistingProduct]),
  );
  const newSeo = {
    ...product.seo,
    ...(news.fields.seoTitle !== undefined && { title: seo.title ?? undefined }),
    ...(news.fields.seoDescription !== undefined && { description: seo.description ?? undefined }),
  };
  const nextSeo = withoutNulls(newSeo);
  const isSeoNew = !isDeepStrictEqual(nextSeo, withoutNulls(product.seo ?? {}));
  return {
    ...Object.fromEntries(changed),
    ...(isSeoNew && { seo: hasAny(nextSeo) ? nextSeo : null }),
  } as ProductChanges;
}

/** Names are known by their folded forms, and an empty list is as good as none. */
function isSame(field: string, value: unknown, before: unknown): boolean {
  if (typeof value === "string" && typeof before === "string") {
    if (field === "brand") return foldedName(value) === foldedName(before);
    if (field === "category") return foldedPath(value) === foldedPath(before);
  }
  if (Array.isArray(value) && value.length === 0) return !Array.isArray(before) || before.length === 0;
  // Which one is primary is said by the order.
  if (field === "images" && Array.isArray(before))
    return isDeepStrictEqual(
      value,
      before.toSorted((a, b) => Number(b.primary) - Number(a.primary)),
    );
  if (field === "featured") return value === (before ?? false);
  return isDeepStrictEqual(value ?? undefined, before ?? undefined);
}

function variantSteps(
  { price, changes }: VariantRecord,
  known: ProductVariant,
  said: Readonly<Record<string, string>>,
): Step[] {
  const { sku } = known;
  const steps: Step[] = [];
  if (price && said.price !== undefined) {
    const kept = known.compareAtPrice && known.compareAtPrice.amount > price.price.amount;
    const compareAtPrice =
      price.compareAtPrice === undefined && kept ? known.compareAtPrice : price.compareAtPrice;
    const isOther =
      !isDeepStrictEqual(price.price, known.price) ||
      !isDeepStrictEqual(compareAtPrice ?? undefined, known.compareAtPrice);
    if (isOther) steps.push({ do: "reprice", sku, price: { price: price.price, compareAtPrice } });
  }
  const changed = Object.entries(changes).filter(
    ([field, value]) =>
      said[field] !== undefined &&
      !isDeepStrictEqual(value ?? undefined, known[field as keyof ProductVariant] ?? undefined),
  );
  if (changed.length > 0) steps.push({ do: "change", sku, changes: Object.fromEntries(changed) });
  return steps;
}

function stockSteps({ sku, stock }: VariantRecord, { stocks }: Current, news: Imported): Step[] {
  const said = news.variants[foldSku(sku)];
  const known = stocks.get(foldSku(sku));
  if (!said || !known) return [];
  const { available, ...policy } = stock;
  const changed = Object.entries(policy).filter(
    ([field, value]) => said[field] !== undefined && known[field as keyof typeof policy] !== value,
  );
  const steps: Step[] =
    changed.length > 0 ? [{ do: "policy", sku: known.sku, policy: Object.fromEntries(changed) }] : [];
  const isTracked = said.track === undefined ? known.track : stock.track;
  if (available === undefined || said.available === undefined || isTracked === false) return steps;
  // What another shop has sold beyond its stock is none here.
  const target = Math.max(available, 0);
  if (!known.isOpen && target > 0) return [...steps, { do: "receive", sku: known.sku, target }];
  if (available === known.available || target === known.available || !known.isOpen) return steps;
  return [...steps, { do: "adjust", sku: known.sku, target, delta: target - known.available }];
}

/** A step in words, as a dry run has them. */
export function wordsOf(step: Step): string {
  switch (step.do) {
    case "create":
      return `create ${JSON.stringify(step.product.name)} with ${step.product.variants.map(({ sku }) => sku).join(", ") || "no variant"}`;
    case "describe":
      return `change ${Object.keys(step.changes).join(", ")}`;
    case "add":
      return `add ${step.variants.map(({ sku }) => sku).join(", ")}`;
    case "reprice":
      return `price ${step.sku} at ${shown(step.price.price)}`;
    case "change":
      return `change ${Object.keys(step.changes).join(", ")} of ${step.sku}`;
    case "policy":
      return `stock ${step.sku} with ${Object.entries(step.policy)
        .map(([name, value]) => `${name} ${value}`)
        .join(", ")}`;
    case "receive":
      return `receive ${step.target} of ${step.sku}`;
    case "adjust":
      return `adjust ${step.sku} by ${step.delta}`;
    default:
      return step.do;
  }
}

function shown(money: Money): string {
  return `${toDecimal(money)} ${money.currency}`;
}

function withoutNulls<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}

function hasAny(fields: object): boolean {
  return Object.values(fields).some((value) => value != null);
}
