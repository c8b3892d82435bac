import { z } from "zod";

/** A day of the store, `2011-03-07`, of the years 1900 to 9999. */
export const daySchema = z.iso
  .date()
  .refine((day) => day >= "1900-01-01", "a day is 1900-01-01 at the earliest");

/** A point in time, with the offset of its clock: `2011-03-07T08:00:00Z`. */
export const instantSchema = z.iso
  .datetime({ offset: true })
  .refine((text) => Number.isFinite(Date.parse(text)), "no such time");

export type Interval = "day" | "month";

/** Whether `name` is in the IANA time zone database. Offsets (`+05:30`) are not: they know no daylight saving. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The day, `2011-03-07`, that the instant (epoch ms, 1900 to 9999) falls in. Throws RangeError. */
export function dayOf(instantMs: number, timeZone: string): string {
  return dayText(Math.floor((instantMs + offsetMs(instantMs, timeZone)) / dayMs));
}

/** The month, `2011-03`, that the instant (epoch ms, 1900 to 9999) falls in. Throws RangeError. */
export function monthOf(instantMs: number, timeZone: string): string {
  return dayOf(instantMs, timeZone).slice(0, 7);
}

/**
 * The epoch ms at which the clocks of the zone show `local`: `2010-12-01T08:26:00`, seconds and up to three
 * decimals of them optional. As Temporal's `compatible` (and RFC 5545): a time that clocks skip is moved
 * forward by what they skip, of a time that they show twice the earlier is taken.
 * Throws RangeError for other text, a date that does not exist, or an unknown zone.
 */
export function instantOf(local: string, timeZone: string): number {
  return toInstant(parseLocal(local), timeZone);
}

/**
 * The instants of the days `from` to `to`, both included: `startMs` <= t < `endMs`. A day starts at its first
 * instant, which is not midnight where clocks skip it. (Where clocks went back over midnight, as in St John's
 * until 2011, `dayOf` calls the repeated hour by the old day again; here it is the new day's.)
 * Throws RangeError for what is no day, and for `to` before `from`.
 */
export function dayRange(from: string, to: string, timeZone: string): { startMs: number; endMs: number } {
  const [first, last] = dayNumbers(from, to);
  return { startMs: toInstant(first * dayMs, timeZone), endMs: toInstant((last + 1) * dayMs, timeZone) };
}

/**
 * Where what begins with a day of the zone, or with an instant (`2011-03-07T08:00:00Z`), begins: epoch ms.
 * Throws RangeError for other text.
 */
export function startOf(dayOrInstant: string, timeZone: string): number {
  return instantIn(dayOrInstant) ?? dayRange(dayOrInstant, dayOrInstant, timeZone).startMs;
}

/** Where what goes on to the end of a day of the zone, or until an instant, ends: epoch ms, exclusive. */
export function endOf(dayOrInstant: string, timeZone: string): number {
  return instantIn(dayOrInstant) ?? dayRange(dayOrInstant, dayOrInstant, timeZone).endMs;
}

/** @returns undefined for what is no instant */
function instantIn(text: string): number | undefined {
  return text.includes("T") ? Date.parse(instantSchema.parse(text)) : undefined;
}

const periodsMax = 40_000; // more than a century of days

/**
 * The days, or the months, from the one that holds day `from` to the one that holds day `to`, oldest first.
 * Throws RangeError as `dayRange`, and for more than 40,000 days.
 */
export function eachPeriod(from: string, to: string, interval: Interval): string[] {
  const [first, last] = dayNumbers(from, to);
  if (last - first >= periodsMax) throw new RangeError(`${from} to ${to} is more than ${periodsMax} days`);
  const days = Array.from({ length: last - first + 1 }, (_, index) => dayText(first + index));
  return interval === "day" ? days : [...new Set(days.map((day) => day.slice(0, 7)))];
}

const dayMs = 86_400_000;
const slotMs = 900_000; // the grid that nearly all changes of offset lie on
const slotsPerDay = dayMs / slotMs;
const slotsMax = 2 ** 17; // per zone, 1.5 MB: a run of 3.7 years without a miss
const zonesMax = 16;
const instantMinMs = Date.UTC(1899, 0, 1);
const instantMaxMs = Date.UTC(10_000, 0, 3);

/** A direct-mapped cache: a slot has one place, at its number modulo `slotsMax`, and evicts what was there. */
interface Zone {
  formatter: Intl.DateTimeFormat;
  slots: Float64Array;
  offsets: Int32Array;
}

const zones = new Map<string, Zone>();

function offsetMs(instantMs: number, timeZone: string): number {
  if (!(instantMs >= instantMinMs && instantMs < instantMaxMs))
    throw new RangeError(`${instantMs} is no instant of the years 1900 to 9999`);
  const zone = zones.get(timeZone) ?? openZone(timeZone);
  const slot = Math.floor(instantMs / slotMs);
  const place = slot & (slotsMax - 1);
  if (zone.slots[place] === slot) return zone.offsets[place] ?? 0;

  return learn(instantMs, slot, zone);
}

function learn(instantMs: number, slot: number, zone: Zone): number {
  // No zone of the database changes twice in one UTC day (checked from 1899 to 2044), so equal ends mean one
  // offset in between. A year of misses costs some 750 calls of Intl, 25 ms, and not 70,000.
  const day = Math.floor(slot / slotsPerDay) * slotsPerDay;
  for (const [first, count] of [[day, slotsPerDay] as const, [slot, 1] as const]) {
    const offset = readOffset(first * slotMs, zone.formatter);
    if (offset !== readOffset((first + count) * slotMs - 1000, zone.formatter)) continue;
    for (let known = first; known < first + count; known++) {
      zone.slots[known & (slotsMax - 1)] = known;
      zone.offsets[known & (slotsMax - 1)] = offset;
    }
    return offset;
  }
  // A change off the grid (Monrovia in 1972, St John's at 00:01): the slot holds two offsets, so no cache.
  return readOffset(instantMs, zone.formatter);
}

function openZone(timeZone: string): Zone {
  const formatter = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const zone = {
    formatter,
    slots: new Float64Array(slotsMax).fill(Number.NaN),
    offsets: new Int32Array(slotsMax),
  };
  if (zones.size >= zonesMax) zones.clear();
  zones.set(timeZone, zone);
  return zone;
}

function readOffset(instantMs: number, formatter: Intl.DateTimeFormat): number {
  const field: Record<string, number> = {};
  for (const part of formatter.formatToParts(instantMs)) field[part.type] = Number(part.value);
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = field;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instantMs / 1000) * 1000;
}

/** From local clock time, counted in ms as if it were UTC. */
function toInstant(localMs: number, timeZone: string): number {
  // A day is more than any offset, so these are the offsets in force on either side of a change that could
  // make the time ambiguous. The earlier instant of an overlap, and the shift over a gap, both come out of
  // the offset before the change; only a time after it needs the other.
  const before = offsetMs(localMs - dayMs, timeZone);
  const after = offsetMs(localMs + dayMs, timeZone);
  const early = localMs - before;
  if (before === after || offsetMs(early, timeZone) === before) return early;
  const late = localMs - after;
  return offsetMs(late, timeZone) === after ? late : early;
}

function parseLocal(local: string): number {
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?$/.test(local)
    ? Date.parse(`${local}Z`)
    : Number.NaN;
  // Date.parse reads 30 February as 2 March, and 24:00 as the next day.
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 16) !== local.slice(0, 16))
    throw new RangeError(`no local time like 2010-12-01T08:26:00: ${JSON.stringify(local.slice(0, 40))}`);
  return ms;
}

function dayNumbers(from: string, to: string): [first: number, last: number] {
  const first = parseLocal(`${from}T00:00`) / dayMs;
  const last = parseLocal(`${to}T00:00`) / dayMs;
  if (last < first) throw new RangeError(`${to} is before ${from}`);
  return [first, last];
}

const dayTextsMax = 20_000;
const dayTexts = new Map<number, string>();

/** The text of a day counted from 1970-01-01. */
function dayText(dayNumber: number): string {
  const known = dayTexts.get(dayNumber);
  if (known !== undefined) return known;
  const text = new Date(dayNumber * dayMs).toISOString().slice(0, 10);
  if (dayTexts.size >= dayTextsMax) dayTexts.clear();
  dayTexts.set(dayNumber, text);
  return text;
}
