import { setImmediate as turn } from "node:timers/promises";
import { foldSku } from "../../values/sku.ts";
import { Decimals } from "../csv/decimals.ts";
import { UnreadableFile } from "../csv/decoding.ts";
import { type CsvFile, headersOf, rowsOf, unreadable } from "../csv/rows.ts";
import { LeftOutList } from "./draft.ts";
import type { Format, Grouped, Reading } from "./format.ts";
import { beginsAsJson, objectsIn } from "./objects.ts";
import { own, rowsOfObject } from "./own.ts";
import type { LeftOut, Read, Reject } from "./records.ts";
import { Columns, cellIn, type Row } from "./rows.ts";
import { shopify } from "./shopify.ts";
import { woocommerce } from "./woocommerce.ts";

const formats = [shopify, woocommerce, own];
/** Rows of a file: they are all held while it is imported. */
const rowsMax = 500_000;
/** Whoever reads a file beside a shop lets others have their turns. */
const turnMsMax = 5;
const formula = /^'(?=[=+\-@\t\r])/;

export interface ProductFile extends CsvFile {
  /** CSV, or an array of JSON or JSON lines; by the file's first character when it is left out. */
  kind?: "csv" | "json" | undefined;
}

/** A file that was looked through: its products, each read anew when it is asked for. */
export interface ProductTable {
  format: Format["name"];
  rows: number;
  /** How many products it has. */
  products: number;
  leftOut: LeftOut[];
  /** @param index of a product in the order of the file */
  read(index: number): Read;
}

/**
 * Looks through a file of products before anything is done about it.
 * @param currency of what has none of its own
 * @throws UnreadableFile
 */
export async function lookThrough(
  file: ProductFile,
  { currency, now }: { currency: string; now: number },
): Promise<ProductTable> {
  const { format, rows } = (await isJson(file)) ? await rowsOfJson(file) : await rowsOfCsv(file);
  const leftOut = new LeftOutList();
  const decimals = await decimalsOf(format, rows, currency);
  const reading = { currency, decimals, leftOut, now };
  const groups = await inTurns(format.group(rows));
  const others = await repeatedSkus(format, groups, reading);
  const quiet = { ...reading, leftOut: new LeftOutList() };
  return {
    format: format.name,
    rows: rows.length,
    products: groups.length,
    leftOut: leftOut.list(),
    read: (index) => {
      const grouped = groups[index];
      if (!grouped) throw new RangeError(`the file has no product ${index}`);
      return withoutRepeats(format.read(grouped, quiet), others);
    },
  };
}

async function isJson(file: ProductFile): Promise<boolean> {
  if (file.kind !== undefined) return file.kind === "json";
  const begins = await beginsAsJson(file.source ?? file.file);
  if (begins === undefined) throw new UnreadableFile(`${file.file} is empty`);
  return begins;
}

async function rowsOfCsv(file: ProductFile): Promise<{ format: Format; rows: Row[] }> {
  const [best] = await headersOf(file);
  if (!best) throw new UnreadableFile(`${file.file} is empty`);
  const columns = new Columns(best.header);
  const format = formats.find((each) => each.isOf(new Set(columns.places.keys())));
  if (!format)
    throw new UnreadableFile(
      `${file.file} has neither the columns of the shop's own export (sku or handle, name, price, ...) nor those of ` +
        `Shopify's or WooCommerce's: ${best.header.slice(0, 10).join(", ")}`,
    );
  const rows: Row[] = [];
  const turns = new Turns();
  const plain = (field: string) => field.replace(formula, "");
  for await (const { line, fields } of rowsOf(file, best.delimiter)) {
    if (fields.every((field) => field.trim() === "")) continue;
    const values = format.escapesFormulas ? fields.map(plain) : fields;
    add(rows, { line, columns, values }, file);
    if (turns.isOver()) await turns.next();
  }
  return { format, rows };
}

async function rowsOfJson(file: ProductFile): Promise<{ format: Format; rows: Row[] }> {
  const rows: Row[] = [];
  const turns = new Turns();
  try {
    for await (const { number, object } of objectsIn(file.source ?? file.file)) {
      for (const row of rowsOfObject(number, object)) add(rows, row, file);
      if (turns.isOver()) await turns.next();
    }
  } catch (error) {
    throw unreadable(file, error);
  }
  return { format: own, rows };
}

function add(rows: Row[], row: Row, { file }: ProductFile): void {
  if (rows.length >= rowsMax) throw new UnreadableFile(`${file} has more than ${rowsMax} rows`);
  rows.push(row);
}

/** How the file writes decimals: by all its prices; with a point where they do not tell. */
async function decimalsOf(
  { numbers }: Format,
  rows: readonly Row[],
  currency: string,
): Promise<Reading["decimals"]> {
  const byCurrency = new Map<string, Decimals>();
  const decimals = (of: string) => {
    const known = byCurrency.get(of) ?? new Decimals(of, ".");
    byCurrency.set(of, known);
    return known;
  };
  const all = decimals(currency);
  const look = (row: Row) => {
    for (const title of numbers) {
      const cell = cellIn(row, [title]);
      if (typeof cell?.value === "string") all.look(cell.value);
    }
  };
  await inTurns(rows.values().map(look));
  return (of) => (of === currency ? all : decimals(of));
}

/** SKUs that several products have, each with the product that has it first. */
async function repeatedSkus(
  format: Format,
  groups: readonly Grouped[],
  reading: Reading,
): Promise<ReadonlyMap<string, string>> {
  const first = new Map<string, string>();
  const repeated = new Map<string, string>();
  const note = (grouped: Grouped) => {
    const read = format.read(grouped, reading);
    if ("rejects" in read) return;
    for (const { sku } of read.variants) {
      const known = first.get(foldSku(sku));
      if (known === undefined) first.set(foldSku(sku), read.identity);
      else if (known !== read.identity) repeated.set(foldSku(sku), known);
    }
  };
  await inTurns(groups.values().map(note));
  return repeated;
}

function withoutRepeats(read: Read, repeated: ReadonlyMap<string, string>): Read {
  if ("rejects" in read || repeated.size === 0) return read;
  const rejects = read.variants.flatMap(({ sku }, index): Reject[] => {
    const holder = repeated.get(foldSku(sku));
    if (holder === undefined || holder === read.identity) return [];
    const reason = "another product of the file has this SKU";
    return [{ ...read.whereIs(`variants.${index}.sku`), reason }];
  });
  const { product, row, rows } = read;
  return rejects.length > 0 ? { product, row, rows, rejects } : read;
}

/** Whose turn it is, among all that the thread does. */
class Turns {
  private until = performance.now() + turnMsMax;

  isOver(): boolean {
    return performance.now() > this.until;
  }

  async next(): Promise<void> {
    await turn();
    this.until = performance.now() + turnMsMax;
  }
}

async function inTurns<T>(work: Iterator<unknown, T>): Promise<T> {
  const turns = new Turns();
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    if (turns.isOver()) await turns.next();
  }
}
