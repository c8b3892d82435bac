import type { z } from "zod";
import {
  type Image,
  priceChangeSchema,
  productChangesSchema,
  skuSchema,
  slugSchema,
  variantChangesSchema,
  variantsMax,
} from "../../../commands/product/fields.ts";
import { slugify } from "../../../commands/product/slug.ts";
import { deriveBase32 } from "../../values/ids.ts";
import { foldSku } from "../../values/sku.ts";
import type { LeftOut, Locate, ProductRecord, Read, Reject, VariantRecord } from "./records.ts";
import { cellIn, type Row, surplusOf, textOf } from "./rows.ts";
import { BadValue } from "./values.ts";

/** Of one product: what is wrong beyond these is wrong in the same way. */
const rejectsMax = 100;
const valueCharactersMax = 200;
const leftOutMax = 200;
const imagesMax = 20;
const tagsMax = 50;
const tagCharactersMax = 50;
const specificationsMax = 100;
const specificationNameMax = 64;
const specificationValueMax = 500;
const madeSkuCharactersMax = 64;
const digestCharacters = 8;

/** Folded titles of columns, by what they mean to the catalog; of several the first that a row fills in. */
export type Titles = Readonly<Record<string, readonly string[]>>;

/** What a file holds that the catalog has no place for, by field and reason. */
export class LeftOutList {
  private readonly found = new Map<string, LeftOut>();

  add(field: string, reason: string, row: number): void {
    const key = `${field}\n${reason}`;
    const before = this.found.get(key);
    if (before) before.rows++;
    else if (this.found.size < leftOutMax) this.found.set(key, { field, reason, rows: 1, firstRow: row });
  }

  list(): LeftOut[] {
    return [...this.found.values()];
  }
}

interface Specification {
  name: string;
  value: string;
}

/** A product while it is read from its rows: what is wrong with it is gathered, not thrown. */
export class Draft {
  readonly product: string;
  readonly rows: readonly Row[];
  private readonly titles: Titles;
  private readonly leftOut: LeftOutList;
  private readonly known: ReadonlySet<string>;
  private readonly rejects: Reject[] = [];

  constructor(product: string, rows: readonly Row[], titles: Titles, leftOut: LeftOutList) {
    this.product = product;
    this.rows = rows;
    this.titles = titles;
    this.known = new Set(Object.values(titles).flat());
    this.leftOut = leftOut;
    for (const row of rows) {
      const surplus = surplusOf(row);
      if (surplus) this.rejects.push({ row: row.line, product, ...surplus, value: cut(surplus.value) });
    }
  }

  /** As it stands in the file; of texts, without blanks around them. Undefined when it is blank or not there. */
  raw(row: Row, key: string): unknown {
    return this.cell(row, key)?.value;
  }

  /** "" when it is blank or not there. */
  text(row: Row, key: string): string {
    return textOf(this.raw(row, key));
  }

  /** Whether the file has such a column at all. */
  isSaid(row: Row, key: string): boolean {
    return this.titlesOf(key).some((title) => row.columns.places.has(title));
  }

  /** What a row says; undefined when it has no such column, null when it is blank. What cannot be read is rejected. */
  of<T>(row: Row, key: string, parse: (text: string, raw: unknown) => T): T | null | undefined {
    const cell = this.cell(row, key);
    if (!cell) return this.isSaid(row, key) ? null : undefined;
    try {
      return parse(textOf(cell.value), cell.value);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      this.reject(row, key, error.message);
      return undefined;
    }
  }

  /** As `of`, of the first of the product's rows that fills it in. */
  field<T>(key: string, parse: (text: string, raw: unknown) => T): T | null | undefined {
    const row = this.rowWith(key) ?? this.rows.find((row) => this.isSaid(row, key));
    return row && this.of(row, key, parse);
  }

  reject(row: Row, key: string, reason: string): void {
    const title = this.cell(row, key)?.title ?? this.titleOf(row, key);
    const value = cut(this.text(row, key));
    this.rejects.push({ row: row.line, product: this.product, field: title, value, reason });
  }

  leaveOut(row: Row, key: string, reason: string): void {
    this.leftOut.add(this.cell(row, key)?.title ?? key, reason, row.line);
  }

  /**
   * Names what no key means: it is kept as a specification where `nameOf` gives it a name, else left out.
   * @param isUsual whether a value says nothing that the catalog should know
   * @returns undefined where the file has nothing that is kept so
   */
  others(
    nameOf: (title: string) => string | undefined,
    isUsual: (foldedTitle: string, value: string) => boolean,
  ): Specification[] | undefined {
    const kept = new Map<string, string>();
    let isSaid = false;
    for (const { line, columns, values } of this.rows)
      for (const [folded, place] of columns.places) {
        if (this.known.has(folded)) continue;
        const title = columns.titles[place] ?? folded;
        const text = textOf(values[place]);
        const name = nameOf(title);
        isSaid ||= name !== undefined;
        if (text === "" || isUsual(folded, text)) continue;
        if (name === undefined) this.leftOut.add(title, "the catalog has no field for it", line);
        else if (!kept.has(name)) kept.set(name, text);
      }
    return isSaid ? [...kept].map(([name, value]) => ({ name, value })) : undefined;
  }

  /** Those that the catalog can keep; what is more, or longer, is named. @returns undefined where nothing is said of any */
  specifications(...lists: (readonly Specification[] | undefined)[]): Specification[] | undefined {
    if (lists.every((list) => list === undefined)) return undefined;
    const given = lists.flatMap((list) => list ?? []);
    const [{ line } = { line: 0 }] = this.rows;
    const fit = given.filter(({ name, value }) => {
      if (name.length <= specificationNameMax && value.length <= specificationValueMax) return true;
      this.leftOut.add(name, "longer than a specification", line);
      return false;
    });
    for (const { name } of fit.slice(specificationsMax))
      this.leftOut.add(name, `more than ${specificationsMax} specifications`, line);
    return fit.slice(0, specificationsMax);
  }

  tags(given: readonly string[]): string[] {
    const [row] = this.rows;
    const fit = given.filter((tag) => tag.length <= tagCharactersMax);
    if (row && fit.length < given.length)
      this.leaveOut(row, "tags", `tags of more than ${tagCharactersMax} characters`);
    if (row && fit.length > tagsMax) this.leaveOut(row, "tags", `more than ${tagsMax} tags`);
    return fit.slice(0, tagsMax);
  }

  /** The first is the primary one. @returns undefined where the file has no images at all */
  images(given: readonly { url: string; alt?: string | undefined }[]): Image[] | undefined {
    const [row] = this.rows;
    if (row && !this.isSaid(row, "images")) return undefined;
    const byUrl = new Map<string, string | undefined>();
    for (const { url, alt } of given) byUrl.set(url, byUrl.get(url) ?? alt);
    if (row && byUrl.size > imagesMax) this.leaveOut(row, "images", `more than ${imagesMax} images`);
    return [...byUrl]
      .slice(0, imagesMax)
      .map(([url, alt], index) => ({ url, ...(alt && { alt }), primary: index === 0 }));
  }

  /** The product, checked as the catalog checks it; or all that is wrong with it. */
  finish(read: Omit<ProductRecord, "product" | "row" | "rows" | "whereIs">): Read {
    const { product, rows, rejects } = this;
    const row = rows[0]?.line ?? 0;
    const whereIs: Locate = (path) => this.whereIs(path, read.variants);
    const check = (schema: z.ZodType, value: unknown, at: (string | number)[] = []) => {
      for (const { path, message } of schema.safeParse(value).error?.issues ?? [])
        rejects.push({ ...whereIs([...at, ...path].join(".")), reason: message });
    };
    check(productChangesSchema, { ...read.fields, seo: withoutNulls(read.seo) });
    if (read.slug !== undefined) check(slugSchema, read.slug, ["slug"]);
    if (read.variants.length > variantsMax)
      rejects.push({ ...whereIs("sku"), reason: `the product has more than ${variantsMax} variants` });
    const skus = new Set<string>();
    for (const [index, { sku, price, changes }] of read.variants.entries()) {
      const at = ["variants", index];
      check(skuSchema, sku, [...at, "sku"]);
      check(variantChangesSchema, changes, at);
      if (price) check(priceChangeSchema, price, at);
      if (skus.has(foldSku(sku)))
        rejects.push({ ...whereIs([...at, "sku"].join(".")), reason: "another row of the product has it" });
      skus.add(foldSku(sku));
    }
    if (rejects.length > 0) return { product, row, rows: rows.length, rejects: rejects.slice(0, rejectsMax) };
    return { ...read, product, row, rows: rows.length, whereIs };
  }

  private rowWith(key: string): Row | undefined {
    return this.rows.find((row) => this.cell(row, key) !== undefined);
  }

  private titlesOf(key: string): readonly string[] {
    return this.titles[key] ?? [];
  }

  private cell(row: Row, key: string) {
    return cellIn(row, this.titlesOf(key));
  }

  private titleOf({ columns }: Row, key: string): string {
    const place = this.titlesOf(key)
      .map((title) => columns.places.get(title))
      .find((place) => place !== undefined);
    return (place !== undefined && columns.titles[place]) || key;
  }

  private whereIs(path: string, variants: readonly VariantRecord[]): Omit<Reject, "reason"> {
    const [, index, rest = ""] = /^variants\.(\d+)\.(.*)$/.exec(path) ?? [];
    const key = keyOf(index === undefined ? path : rest);
    const row =
      (index === undefined ? undefined : variants[Number(index)]?.from) ?? this.rowWith(key) ?? this.rows[0];
    if (!row) throw new Error("a product has a row");
    const title = this.cell(row, key)?.title ?? this.titleOf(row, key);
    return { row: row.line, product: this.product, field: title, value: cut(this.text(row, key)) };
  }
}

/** A SKU for a variant that has none: of the handle and the options, the same at each import. */
export function madeSku(handle: string, options: readonly string[]): string {
  const sku = [handle, ...options].map(slugify).join(".");
  // Where letters or signs are lost, two could be one.
  const isExact =
    slugify(handle) === handle.toLowerCase() &&
    options.every(
      (option) => !option.includes("-") && slugify(option) === option.toLowerCase().replaceAll(" ", "-"),
    );
  if (isExact && sku.length <= madeSkuCharactersMax) return sku;
  return `${sku.slice(0, madeSkuCharactersMax - digestCharacters - 1)}.${digestOf([handle, ...options])}`;
}

function digestOf(parts: readonly string[]): string {
  return deriveBase32(JSON.stringify(parts), digestCharacters).toLowerCase();
}

/** A handle as a slug. */
export function slugOf(handle: string): string {
  return slugSchema.safeParse(handle).success ? handle : slugify(handle);
}

/** Of a schema's path, what the titles go by. */
function keyOf(path: string): string {
  const [first = "", second = ""] = path.split(".");
  if (first === "seo") return second === "title" ? "seoTitle" : "seoDescription";
  if (first === "slug") return "handle";
  return first === "" ? "name" : first;
}

function withoutNulls(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null));
}

function cut(value: string): string {
  return [...value.slice(0, 2 * valueCharactersMax)].slice(0, valueCharactersMax).join("");
}
