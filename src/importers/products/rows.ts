/** What a column is known by: its letters and digits, however the title is written. */
export function foldTitle(title: string): string {
  return title.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
}

/** The header of a file, or the fields of an object. Of two columns of one title the first counts. */
export class Columns {
  readonly titles: readonly string[];
  /** By folded titles. */
  readonly places: ReadonlyMap<string, number>;

  constructor(titles: readonly string[]) {
    this.titles = titles;
    const places = new Map<string, number>();
    for (const [place, title] of titles.entries()) {
      const folded = foldTitle(title);
      if (folded !== "" && !places.has(folded)) places.set(folded, place);
    }
    this.places = places;
  }
}

/** A row of CSV, or an object of JSON. */
export interface Row {
  /** Where it begins: the line of the file, or which object of a JSON array it is, from 1. */
  line: number;
  columns: Columns;
  values: readonly unknown[];
}

interface Cell {
  title: string;
  /** A text without blanks around it. */
  value: unknown;
}

/** Of these titles the first that the row fills in. */
export function cellIn({ columns, values }: Row, foldedTitles: readonly string[]): Cell | undefined {
  for (const folded of foldedTitles) {
    const place = columns.places.get(folded);
    if (place === undefined) continue;
    const value = values[place];
    if (textOf(value) !== "")
      return {
        title: columns.titles[place] ?? folded,
        value: typeof value === "string" ? value.trim() : value,
      };
  }
  return undefined;
}

/** As CSV would have it: "" for what is not there, other things than texts as JSON. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value.trim();
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** What goes beyond the header, where that is more than blanks. */
export function surplusOf({
  columns,
  values,
}: Row): { field: string; value: string; reason: string } | undefined {
  const { length } = columns.titles;
  const over = values.slice(length).find((value) => textOf(value) !== "");
  if (over === undefined) return undefined;
  const reason = `the row has ${values.length} fields, its header ${length}`;
  return { field: `column ${length + 1}`, value: textOf(over), reason };
}
