import { parse } from "csv-parse/sync";
import { NoNumber } from "../csv/decimals.ts";

/** What is wrong with a value; the reason of its reject. */
export class BadValue extends Error {}

const yes = new Set(["true", "yes", "1", "y"]);
const no = new Set(["false", "no", "0", "n"]);
const gramsPer: Readonly<Record<string, number>> = {
  g: 1,
  gram: 1,
  grams: 1,
  kg: 1_000,
  oz: 28.349523125,
  lb: 453.59237,
  lbs: 453.59237,
};

/** @throws BadValue */
export function flagOf(text: string): boolean {
  const folded = text.toLowerCase();
  if (yes.has(folded)) return true;
  if (no.has(folded)) return false;
  throw new BadValue("is neither true nor false");
}

/** Spreadsheets write `12` as `12.0`. @throws BadValue */
export function wholeOf(text: string): number {
  const value = /^[+-]?\d{1,15}(?:\.0+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new BadValue("is no whole number");
  return value;
}

/**
 * A weight in whole grams; 0 is none, for that is how shops write one that nobody knows.
 * @throws BadValue
 */
export function gramsOf(text: string, unit: string, number: (text: string) => number): number | undefined {
  const each = gramsPer[unit.toLowerCase()];
  if (each === undefined) throw new BadValue("is in a unit that is not known: g, kg, oz or lb");
  const value = number(text);
  if (value < 0) throw new BadValue("is below 0");
  return value === 0 ? undefined : Math.max(1, Math.round(value * each));
}

/** `1.5 kg`: the number and its unit. @throws BadValue */
export function weightOf(text: string, number: (text: string) => number): number | undefined {
  const [, value = "", unit = ""] = /^(.*?[\d.,])\s*([a-z]+)$/i.exec(text) ?? [];
  if (unit === "") throw new BadValue("has no unit: g, kg, oz or lb");
  return gramsOf(value, unit, number);
}

/** Values of one field, as a CSV record in it has them; those that are blank are none. @throws BadValue */
export function listOf(text: string, { keepsBlanks = false } = {}): string[] {
  let fields: string[];
  try {
    const line = text.replace(/\s*\r?\n\s*/g, " ");
    [fields = []] = parse(line, { trim: true, relax_quotes: true, relax_column_count: true }) as string[][];
  } catch {
    throw new BadValue("is no list of values with commas between them");
  }
  return keepsBlanks ? fields : fields.filter((field) => field !== "");
}

/** Without repeats that differ in case only: the first spelling stays. */
export function withoutRepeats(values: readonly string[]): string[] {
  const byKey = new Map<string, string>();
  for (const value of values) if (!byKey.has(value.toLowerCase())) byKey.set(value.toLowerCase(), value);
  return [...byKey.values()];
}

/** What a number's own reasons say, as a reject has them. */
export function asBadValue<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof NoNumber ? new BadValue(error.message) : error;
  }
}

/** A list that is blank is empty. */
export function orEmpty<T>(list: T[] | null | undefined): T[] | undefined {
  return list === null ? [] : list;
}

/** Without the property where nothing is said. */
export function known<K extends string, T>(key: K, value: T | undefined): { [key in K]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { [key in K]?: T };
}
