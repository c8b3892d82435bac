import { Decimals } from "../csv/decimals.ts";
import { UnreadableFile } from "../csv/decoding.ts";
import type { CsvFile } from "../csv/rows.ts";
import { rowsOf } from "../csv/rows.ts";
import { type DateOrder, Dates } from "./dates.ts";
import { type Field, layoutOf } from "./layout.ts";
import { LineReader } from "./lines.ts";
import { Staging } from "./staging.ts";

export interface LookOptions extends CsvFile {
  /** The order of day and month, where somebody knows it. */
  dates?: DateOrder | undefined;
  /** Titles of the columns of another shop; the data set's when left out. */
  columns?: ReadonlyMap<Field, string> | undefined;
  /** Where there is room for what the file says, while it is asked. */
  folder: string;
  timeZone: string;
  currency: string;
}

/**
 * Looks through the whole file, twice: first for how it writes dates and numbers, then for what it says.
 * @returns every line of it, staged, rejected or set aside; the caller closes it
 * @throws UnreadableFile, WrongColumns
 */
export async function lookThrough(options: LookOptions): Promise<{ staging: Staging; orderTitle: string }> {
  const layout = await layoutOf(options, options.columns);
  const dates = new Dates(options.timeZone, options.dates);
  const decimals = new Decimals(options.currency);
  const numbers = (["quantity", "unitPrice", "lineTotal", "discount"] as const).flatMap((field) => {
    const place = layout.places.get(field);
    return place ? [place.index] : [];
  });
  const date = layout.places.get("at")?.index ?? 0;
  for await (const { line, fields } of rowsOf(options, layout.delimiter)) {
    dates.look((fields[date] ?? "").trim(), line);
    for (const index of numbers) decimals.look((fields[index] ?? "").trim());
  }
  const undecided = dates.decide();
  if (undecided !== undefined)
    throw new UnreadableFile(`${options.file}: ${undecided}; say which comes first, the day or the month`);
  const reader = new LineReader(layout, dates, decimals, options.currency);
  const staging = new Staging(options.folder, layout.isDataSet);
  try {
    for await (const row of rowsOf(options, layout.delimiter))
      staging.add(row, reader.orderOf(row), reader.read(row));
    staging.seal();
  } catch (error) {
    staging.close();
    throw error;
  }
  return { staging, orderTitle: layout.places.get("order")?.title ?? "order" };
}
