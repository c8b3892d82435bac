import { instantOf } from "../../values/calendar.ts";

export const dateOrders = ["day-first", "month-first"] as const;
export type DateOrder = (typeof dateOrders)[number];

/** Why a text is no date; what a reject says. */
export class NoDate extends Error {}

const time = String.raw`(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?(?:\s*([AaPp])\.?[Mm]\.?)?`;
const isoDate = new RegExp(
  String.raw`^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T\s]+${time}\s*(Z|[+-]\d\d:?\d\d)?)?$`,
);
const otherDate = new RegExp(String.raw`^(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?:,?\s+${time})?$`);
/** Of a year of two digits: 69 is 2069, 70 is 1970. */
const centuryFrom = 70;

/**
 * Reads dates and times as ISO 8601 has them, or as day, month, year in either order. Which order, the whole file
 * tells: `look` at all dates first, `decide`, then `read` them.
 */
export class Dates {
  private readonly timeZone: string;
  private order: DateOrder | undefined;
  /** The first line that only this order fits, and one that both do. */
  private readonly seen = new Map<DateOrder | "either", { line: number; text: string }>();
  private last: { text: string; at: number } | undefined;

  /** @param order what somebody knows of the file */
  constructor(timeZone: string, order: DateOrder | undefined) {
    this.timeZone = timeZone;
    this.order = order;
  }

  /** Notes which order a text can only have. */
  look(text: string, line: number): void {
    const parts = otherDate.exec(text);
    if (!parts) return;
    const [, first, , second, year] = parts;
    const fits = (day: unknown, month: unknown) => isDay(yearOf(String(year)), Number(month), Number(day));
    const dayFirst = fits(first, second);
    const monthFirst = fits(second, first);
    if (!dayFirst && !monthFirst) return;
    const told = dayFirst && monthFirst ? "either" : dayFirst ? "day-first" : "month-first";
    // 7/7 is the same day in either order, and tells nothing.
    if (told === "either" && Number(first) === Number(second)) return;
    if (!this.seen.has(told)) this.seen.set(told, { line, text });
  }

  /** @returns why the file cannot be read without being told the order; undefined when it can */
  decide(): string | undefined {
    if (this.order !== undefined) return undefined;
    const [day, month, either] = (["day-first", "month-first", "either"] as const).map((order) =>
      this.seen.get(order),
    );
    if (day && month)
      return `line ${day.line} has the day first (${day.text}), line ${month.line} the month (${month.text})`;
    if (either && !day && !month)
      return `every date fits day first and month first alike (line ${either.line}: ${either.text})`;
    this.order = month ? "month-first" : "day-first";
    return undefined;
  }

  /** Epoch milliseconds; a text without an offset is the store's local time. @throws NoDate */
  read(text: string): number {
    // The lines of an order follow one another.
    if (text !== this.last?.text) this.last = { text, at: this.parse(text) };
    return this.last.at;
  }

  private parse(text: string): number {
    const { local, offset } = this.localOf(text);
    try {
      if (offset === undefined) return instantOf(local, this.timeZone);
      const asUtc = new Date(instantOf(local, "UTC")).toISOString().slice(0, 19);
      return Date.parse(`${asUtc}${offset}`);
    } catch {
      throw new NoDate("is no date that there is");
    }
  }

  private localOf(text: string): { local: string; offset?: string | undefined } {
    const iso = isoDate.exec(text);
    if (iso) {
      const [, year, , month, day, hour, minute, second, half, offset] = iso;
      const colon = offset?.replace(/^([+-]\d\d)(\d\d)$/, "$1:$2");
      return { local: localTime(Number(year), month, day, { hour, minute, second, half }), offset: colon };
    }
    const other = otherDate.exec(text);
    if (!other) throw new NoDate("is no date");
    const [, first, , second, year, hour, minute, seconds, half] = other;
    const [day, month] = this.order === "month-first" ? [second, first] : [first, second];
    return { local: localTime(yearOf(String(year)), month, day, { hour, minute, second: seconds, half }) };
  }
}

function yearOf(text: string): number {
  const year = Number(text);
  if (text.length === 4) return year;
  return year < centuryFrom ? 2000 + year : 1900 + year;
}

function isDay(year: number, month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

interface ClockTime {
  hour: string | undefined;
  minute: string | undefined;
  second: string | undefined;
  /** Of the day, `a` or `p`. */
  half: string | undefined;
}

function localTime(
  year: number,
  month: string | undefined,
  day: string | undefined,
  { hour = "0", minute = "0", second = "0", half }: ClockTime,
): string {
  const hours = half === undefined ? Number(hour) : hourOfHalf(Number(hour), half);
  const two = (value: unknown) => String(value).padStart(2, "0");
  return `${year}-${two(month)}-${two(day)}T${two(hours)}:${two(minute)}:${two(second)}`;
}

function hourOfHalf(hour: number, half: string): number {
  if (hour < 1 || hour > 12) throw new NoDate("is no time of day");
  return (hour % 12) + (half.toLowerCase() === "p" ? 12 : 0);
}
