import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  dayOf,
  dayRange,
  daySchema,
  eachPeriod,
  instantOf,
  isTimeZone,
  monthOf,
} from "../../src/values/calendar.ts";

const london = "Europe/London";
const newYork = "America/New_York";
const hourMs = 3_600_000;
const iso = (instantMs: number) => new Date(instantMs).toISOString().replace(".000", "");

/** Local clock time as Intl shows it, `2011-03-27T02:00:00`. */
function shown(instantMs: number, timeZone: string): string {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
  return format.format(instantMs).replace(" ", "T");
}

const zones = fc.constantFrom(
  london,
  newYork,
  "UTC",
  "America/Sao_Paulo", // clocks changed at midnight
  "America/St_Johns", // half past, and clocks changed at 00:01
  "Asia/Kathmandu", // +05:45
  "Australia/Lord_Howe", // half an hour of daylight saving
  "Pacific/Apia", // skipped 2011-12-30
  "Africa/Monrovia", // -00:44:30 until 1972
  "Africa/Casablanca", // daylight saving off for Ramadan
  "Pacific/Kiritimati", // +14
);
const instants = fc
  .integer({ min: Date.UTC(1960, 0, 1) / 1000, max: Date.UTC(2040, 0, 1) / 1000 })
  .map((s) => s * 1000);

describe("the day of an instant", () => {
  it.each([
    // Both daylight-saving days of 2011 (rule 15): the day before, its first and last second, the day after.
    ["2011-03-26T23:59:59Z", london, "2011-03-26"],
    ["2011-03-27T00:00:00Z", london, "2011-03-27"],
    ["2011-03-27T22:59:59Z", london, "2011-03-27"],
    ["2011-03-27T23:00:00Z", london, "2011-03-28"],
    ["2011-10-29T22:59:59Z", london, "2011-10-29"],
    ["2011-10-29T23:00:00Z", london, "2011-10-30"],
    ["2011-10-30T23:59:59Z", london, "2011-10-30"],
    ["2011-10-31T00:00:00Z", london, "2011-10-31"],
    ["2011-03-13T04:59:59Z", newYork, "2011-03-12"],
    ["2011-03-13T05:00:00Z", newYork, "2011-03-13"],
    ["2011-03-14T03:59:59Z", newYork, "2011-03-13"],
    ["2011-03-14T04:00:00Z", newYork, "2011-03-14"],
    ["2011-11-06T03:59:59Z", newYork, "2011-11-05"],
    ["2011-11-06T04:00:00Z", newYork, "2011-11-06"],
    ["2011-11-07T04:59:59Z", newYork, "2011-11-06"],
    ["2011-11-07T05:00:00Z", newYork, "2011-11-07"],
    ["2011-12-30T09:59:59Z", "Pacific/Apia", "2011-12-29"],
    ["2011-12-30T10:00:00Z", "Pacific/Apia", "2011-12-31"],
    ["1972-01-07T00:44:29Z", "Africa/Monrovia", "1972-01-06"],
    ["1972-01-07T00:44:30Z", "Africa/Monrovia", "1972-01-07"],
    ["1900-01-01T00:00:00Z", "UTC", "1900-01-01"],
    ["9999-12-31T23:59:59Z", "UTC", "9999-12-31"],
  ])("%s in %s is %s", (instant, zone, day) => {
    expect(dayOf(Date.parse(instant), zone)).toBe(day);
    expect(monthOf(Date.parse(instant), zone)).toBe(day.slice(0, 7));
  });

  it("is what Intl shows, at any time in any zone", () => {
    fc.assert(
      fc.property(instants, fc.nat(999), zones, (instant, ms, zone) => {
        expect(dayOf(instant + ms, zone)).toBe(shown(instant, zone).slice(0, 10));
      }),
      { numRuns: 2000 },
    );
  });

  it("is what Intl shows through every quarter hour of a year, cached or not", () => {
    for (const zone of [london, newYork, "Australia/Lord_Howe"]) {
      const format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short" });
      for (let at = Date.UTC(2011, 0, 1); at < Date.UTC(2012, 0, 1); at += hourMs / 4)
        if (dayOf(at, zone) !== format.format(at)) expect(dayOf(at, zone), iso(at)).toBe(format.format(at));
    }
  });

  it.each([Number.NaN, Infinity, Date.UTC(1800, 0, 1), Date.UTC(10_001, 0, 1)])(
    "is refused for %d",
    (instant) => {
      expect(() => dayOf(instant, london)).toThrow(RangeError);
    },
  );

  it("needs a zone that exists", () => {
    expect(() => dayOf(0, "Europe/Atlantis")).toThrow(RangeError);
    expect(["UTC", london, "Europe/Atlantis", "", "+05:30"].map(isTimeZone)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});

describe("the instant of a local time", () => {
  it.each([
    ["2010-12-01T08:26:00", london, "2010-12-01T08:26:00Z"],
    ["2011-07-01T08:26", london, "2011-07-01T07:26:00Z"],
    // Clocks skip 01:00 to 02:00: moved forward by the hour.
    ["2011-03-27T00:59:59", london, "2011-03-27T00:59:59Z"],
    ["2011-03-27T01:00:00", london, "2011-03-27T01:00:00Z"],
    ["2011-03-27T01:30:00", london, "2011-03-27T01:30:00Z"],
    ["2011-03-27T02:00:00", london, "2011-03-27T01:00:00Z"],
    // Clocks show 01:00 to 02:00 twice: the earlier.
    ["2011-10-30T00:59:59", london, "2011-10-29T23:59:59Z"],
    ["2011-10-30T01:00:00", london, "2011-10-30T00:00:00Z"],
    ["2011-10-30T01:59:59", london, "2011-10-30T00:59:59Z"],
    ["2011-10-30T02:00:00", london, "2011-10-30T02:00:00Z"],
    ["2011-03-13T02:30:00", newYork, "2011-03-13T07:30:00Z"],
    ["2011-03-13T03:00:00", newYork, "2011-03-13T07:00:00Z"],
    ["2011-11-06T01:30:00", newYork, "2011-11-06T05:30:00Z"],
    ["2011-11-06T02:00:00", newYork, "2011-11-06T07:00:00Z"],
    ["2011-12-30T12:00:00", "Pacific/Apia", "2011-12-30T22:00:00Z"],
    ["2011-12-31T00:00:00", "Pacific/Apia", "2011-12-30T10:00:00Z"],
  ])("%s in %s is %s", (local, zone, instant) => {
    expect(iso(instantOf(local, zone))).toBe(instant);
  });

  it.each([
    "2011-02-29T00:00:00",
    "2011-13-01T00:00:00",
    "2011-01-01T24:00:00",
    "2011-01-01",
    "2011-01-01T00:00:00Z",
    "2011-1-1T0:00",
    "",
  ])("%j is refused", (local) => {
    expect(() => instantOf(local, london)).toThrow(RangeError);
  });

  it("leads back from what Intl shows, to the earlier of two", () => {
    fc.assert(
      fc.property(instants, zones, (instant, zone) => {
        const local = shown(instant, zone);
        const found = instantOf(local, zone);
        expect(shown(found, zone)).toBe(local);
        expect(found).toBeLessThanOrEqual(instant);
      }),
      { numRuns: 2000 },
    );
  });

  // Node 24 has no Temporal.
  it.skipIf(!("Temporal" in globalThis))("is Temporal's compatible one", () => {
    fc.assert(
      fc.property(instants, zones, (instant, zone) => {
        const local = iso(instant).slice(0, 19);
        const expected = Temporal.PlainDateTime.from(local).toZonedDateTime(zone).epochMilliseconds;
        expect(instantOf(local, zone)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("ranges of days", () => {
  it("are 23 and 25 hours long when clocks change (rule 15)", () => {
    const hours = (day: string, zone: string) => {
      const { startMs, endMs } = dayRange(day, day, zone);
      expect([dayOf(startMs - 1, zone) < day, dayOf(startMs, zone), dayOf(endMs - 1, zone)]).toEqual([
        true,
        day,
        day,
      ]);
      return (endMs - startMs) / hourMs;
    };
    expect(["2011-03-27", "2011-10-30", "2011-06-01"].map((day) => hours(day, london))).toEqual([23, 25, 24]);
    expect(["2011-03-13", "2011-11-06"].map((day) => hours(day, newYork))).toEqual([23, 25]);
    expect(hours("2011-10-16", "America/Sao_Paulo")).toBe(23); // starts at 01:00
  });

  it("follow each other without a gap", () => {
    expect(dayRange("2010-12-01", "2011-12-09", london).endMs).toBe(
      dayRange("2011-12-10", "2011-12-10", london).startMs,
    );
    const { startMs, endMs } = dayRange("1900-01-01", "9999-12-31", newYork);
    expect([dayOf(startMs, newYork), dayOf(endMs - 1, newYork)]).toEqual(["1900-01-01", "9999-12-31"]);
  });

  it("list their days and months", () => {
    expect(eachPeriod("2011-02-27", "2011-03-02", "day")).toEqual([
      "2011-02-27",
      "2011-02-28",
      "2011-03-01",
      "2011-03-02",
    ]);
    expect(eachPeriod("2010-12-31", "2011-02-01", "month")).toEqual(["2010-12", "2011-01", "2011-02"]);
    expect(eachPeriod("2011-03-07", "2011-03-07", "day")).toEqual(["2011-03-07"]);
  });

  it("are refused backwards, of no days, and without a bound", () => {
    expect(() => eachPeriod("2011-03-08", "2011-03-07", "day")).toThrow(RangeError);
    expect(() => dayRange("2011-02-30", "2011-03-07", london)).toThrow(RangeError);
    expect(() => eachPeriod("1900-01-01", "9999-12-31", "month")).toThrow(RangeError);
  });

  it("come from days that exist", () => {
    const days = ["2011-03-07", "2012-02-29", "2011-02-29", "2011-3-7", "1899-12-31", "2011-03-07T00:00:00Z"];
    expect(days.map((day) => daySchema.safeParse(day).success)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
