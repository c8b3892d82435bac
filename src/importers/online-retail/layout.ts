import { UnreadableFile } from "../csv/decoding.ts";
import { type CsvFile, fieldsOf, headersOf } from "../csv/rows.ts";

/** What a line of an order may say. */
export const fieldNames = [
  "order",
  "sku",
  "quantity",
  "at",
  "unitPrice",
  "lineTotal",
  "discount",
  "name",
  "customer",
  "email",
  "country",
] as const;
export type Field = (typeof fieldNames)[number];

/** The column that each field is in, by its number from 0, and by the name that the file has for it. */
export type Places = ReadonlyMap<Field, { index: number; title: string }>;

export interface Layout {
  delimiter: string;
  /** In the file's order of fields. */
  places: Places;
  columns: number;
  /**
   * It is the Online Retail data set, whose invoice numbers and stock codes say more than others' do: what is a
   * cancellation, an adjustment of debt, or kept on no shelf.
   */
  isDataSet: boolean;
}

/** The columns were named in a way that says not enough, or too much. The message is for people. */
export class WrongColumns extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WrongColumns";
  }
}

/** The data set's columns, as its first edition and its second one (Online Retail II) name them. */
const dataSet: Partial<Record<Field, readonly string[]>> = {
  order: ["InvoiceNo", "Invoice"],
  sku: ["StockCode"],
  name: ["Description"],
  quantity: ["Quantity"],
  at: ["InvoiceDate"],
  unitPrice: ["UnitPrice", "Price"],
  customer: ["CustomerID"],
  country: ["Country"],
};

/** `order=Order ID,sku=SKU,...` as it is given on the command line; a title with a comma is quoted as CSV has it. @throws WrongColumns */
export function parseColumns(text: string): ReadonlyMap<Field, string> {
  const columns = new Map<Field, string>();
  for (const pair of fieldsOf(text, ",")) {
    const [name = "", ...title] = pair.split("=");
    const field = fieldNames.find((known) => known.toLowerCase() === name.trim().toLowerCase());
    if (!field) throw new WrongColumns(`${JSON.stringify(name)} is none of ${fieldNames.join(", ")}`);
    if (title.join("=").trim() === "") throw new WrongColumns(`${field} has no column: ${field}=TITLE`);
    if (columns.has(field)) throw new WrongColumns(`${field} is named twice`);
    columns.set(field, title.join("=").trim());
  }
  for (const field of ["order", "sku", "quantity", "at"] as const)
    if (!columns.has(field)) throw new WrongColumns(`a column for ${field} is needed`);
  if (columns.has("unitPrice") === columns.has("lineTotal"))
    throw new WrongColumns("a column for unitPrice or for lineTotal is needed, and not for both");
  return columns;
}

/**
 * Which column is what, and what stands between them, by the header.
 * @param columns titles of another shop's file; the data set's when left out
 * @throws UnreadableFile when the header is not the data set's; WrongColumns when it has no such title
 */
export async function layoutOf(
  csv: CsvFile,
  columns: ReadonlyMap<Field, string> | undefined,
): Promise<Layout> {
  const headers = await headersOf(csv);
  const wanted = columns
    ? new Map([...columns].map(([field, title]) => [field, [title]]))
    : new Map(Object.entries(dataSet) as [Field, readonly string[]][]);
  for (const { delimiter, header } of headers) {
    const places = placesIn(header, wanted);
    if (places.size === wanted.size)
      return { delimiter, places, columns: header.length, isDataSet: columns === undefined };
  }
  const [{ header } = { header: [] }] = headers;
  const missing = [...wanted.keys()].filter((field) => !placesIn(header, wanted).has(field));
  const found = `${csv.file} has the columns ${header.join(",")}`;
  const needed = missing.map((field) => wanted.get(field)?.join(" or "));
  if (columns) throw new WrongColumns(`${found}; not there: ${needed.join(", ")}`);
  throw new UnreadableFile(`${found}; needed: ${needed.join(", ")}`);
}

/** @throws UnreadableFile when two columns go by one title */
function placesIn(header: readonly string[], wanted: ReadonlyMap<Field, readonly string[]>): Places {
  const known = header.map(folded);
  const places = new Map<Field, { index: number; title: string }>();
  for (const [field, titles] of wanted) {
    const indexes = known.flatMap((title, index) => (titles.map(folded).includes(title) ? [index] : []));
    if (indexes.length > 1) throw new UnreadableFile(`two columns are called ${titles[0]}`);
    const [index] = indexes;
    if (index !== undefined) places.set(field, { index, title: header[index] ?? "" });
  }
  return places;
}

/** `Customer ID`, `customer_id` and `CustomerID` are one title. */
function folded(title: string): string {
  return title.toLowerCase().replace(/[\s_]/g, "");
}
