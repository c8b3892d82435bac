import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HotStore } from "../../src/stores/hot-store/hot-store.ts";

/** A place that hot stores are opened in; all of them see the same values. */
export interface HotPlace {
  open(): Promise<HotStore>;
  close(): Promise<void>;
}

/** A busy machine takes a while from one call to the next. */
const shortMs = 100;
const longMs = 60_000;
/** Timers fire a little early, and a store's clock counts whole milliseconds. */
const clockSlackMs = 5;

/** What every hot store does, whichever server it is kept on. */
export function hotStoreContract(name: string, openPlace: () => Promise<HotPlace>): void {
  describe(`hot store: ${name}`, () => {
    let place: HotPlace;
    let store: HotStore;
    beforeEach(async () => {
      place = await openPlace();
      store = await place.open();
    });
    afterEach(() => place.close());

    values(() => store);
    dated(() => store);
    lists(() => store);
  });
}

function values(store: () => HotStore): void {
  test("what is set is read until its time is over", async () => {
    const { set, get } = store();
    await set("a", "kept", longMs);
    await set("b", "short", shortMs);
    expect([await get("a"), await get("b"), await get("never")]).toEqual(["kept", "short", undefined]);
    await sleep(shortMs * 2);
    expect([await get("a"), await get("b")]).toEqual(["kept", undefined]);
  });

  test("a later value takes the place of an earlier one, and its time", async () => {
    const { set, get } = store();
    await set("a", "first", shortMs);
    await set("a", "second", longMs);
    await sleep(shortMs * 2);
    expect(await get("a")).toBe("second");
  });

  test("what is deleted is gone; deleting what is not there is no error", async () => {
    const { set, get, delete: drop } = store();
    await set("a", "x", longMs);
    await drop("a");
    await drop("a");
    expect(await get("a")).toBeUndefined();
  });

  test("of many who set a value where there is none, one does", async () => {
    const { setIfAbsent, get } = store();
    const tries = Array.from({ length: 20 }, (_, n) => setIfAbsent("a", `${n}`, longMs));
    const done = (await Promise.all(tries)).flatMap((isSet, n) => (isSet ? [n] : []));
    expect(done).toHaveLength(1);
    expect(await get("a")).toBe(`${done[0]}`);
  });

  test("a value whose time is over does not keep another from being set", async () => {
    const { setIfAbsent, get } = store();
    expect(await setIfAbsent("a", "first", shortMs)).toBe(true);
    expect(await setIfAbsent("a", "second", longMs)).toBe(false);
    await sleep(shortMs * 2);
    expect(await setIfAbsent("a", "third", longMs)).toBe(true);
    expect(await get("a")).toBe("third");
  });

  test("of many who swap a value for another, one does; none where there is another, or none any more", async () => {
    const { set, swap, get } = store();
    expect(await swap("a", "x", "y", longMs)).toBe(false);
    await set("a", "x", longMs);
    const tries = Array.from({ length: 20 }, (_, n) => swap("a", "x", `${n}`, shortMs));
    const done = (await Promise.all(tries)).flatMap((isSwapped, n) => (isSwapped ? [n] : []));
    expect(done).toHaveLength(1);
    expect(await get("a")).toBe(`${done[0]}`);
    await sleep(shortMs * 2);
    expect(await swap("a", `${done[0]}`, "z", longMs)).toBe(false);
  });

  test("any text is a key and a value, and keys do not touch each other", async () => {
    const text = fc.string({ unit: "grapheme", maxLength: 40 });
    const pairs = fc.uniqueArray(fc.tuple(text, text), { selector: ([key]) => key, maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(pairs, async (entries) => {
        for (const [key, value] of entries) await store().set(key, value, longMs);
        for (const [key, value] of entries) expect(await store().get(key)).toBe(value);
        for (const [key] of entries) await store().delete(key);
      }),
      { numRuns: 30 },
    );
  });

  test("bytes come back as they were", async () => {
    const { setBlob, getBlob } = store();
    const bytes = Uint8Array.from({ length: 70_000 }, (_, at) => at % 256);
    await setBlob("snapshot", bytes);
    expect(Buffer.compare((await getBlob("snapshot")) ?? new Uint8Array(), bytes)).toBe(0);
    expect(await getBlob("never")).toBeUndefined();
  });
}

const at = (position: string, asOf = position) => ({ value: `as of ${position}`, position, asOf });

function dated(store: () => HotStore): void {
  test("a value is kept with its place in the log, and tells its age", async () => {
    const { setDated, getDated } = store();
    expect(await getDated("cart")).toBeUndefined();
    expect(await setDated("cart", at("0005", "0009"), longMs)).toBe(true);
    await sleep(shortMs);
    const kept = await getDated("cart");
    expect(kept).toMatchObject({ value: "as of 0005", position: "0005", asOf: "0009" });
    expect(kept?.ageMs).toBeGreaterThanOrEqual(shortMs - clockSlackMs);
    expect(kept?.ageMs).toBeLessThan(longMs);
  });

  test("an older value never takes the place of a newer one", async () => {
    const { setDated, getDated } = store();
    await setDated("cart", at("0010"), longMs);
    expect(await setDated("cart", at("0009"), longMs)).toBe(false);
    expect(await getDated("cart")).toMatchObject({ position: "0010" });
    expect(await setDated("cart", at("0011"), longMs)).toBe(true);
    expect(await getDated("cart")).toMatchObject({ position: "0011" });
  });

  test("of one position the value stays that was looked at last", async () => {
    const { setDated, getDated } = store();
    await setDated("cart", at("0005", "0007"), longMs);
    expect(await setDated("cart", at("0005", "0006"), longMs)).toBe(false);
    expect(await getDated("cart")).toMatchObject({ asOf: "0007" });
    expect(await setDated("cart", at("0005", "0008"), longMs)).toBe(true);
    expect(await getDated("cart")).toMatchObject({ asOf: "0008" });
  });

  test("a slow filler does not put back what an event has marked", async () => {
    const { setDated, markDated, getDated } = store();
    await setDated("cart", at("0005"), longMs);
    expect(await markDated("cart", "0006", longMs)).toBe(true);
    expect(await getDated("cart")).toBeUndefined();
    expect(await setDated("cart", at("0005", "0005"), longMs)).toBe(false);
    expect(await getDated("cart")).toBeUndefined();
    expect(await setDated("cart", at("0006"), longMs)).toBe(true);
    expect(await getDated("cart")).toMatchObject({ position: "0006" });
  });

  test("an event marks where nothing is kept, and leaves alone what is as new as itself", async () => {
    const { setDated, markDated, getDated } = store();
    expect(await markDated("other", "0003", longMs)).toBe(true);
    expect(await setDated("other", at("0002"), longMs)).toBe(false);
    await setDated("cart", at("0006"), longMs);
    expect(await markDated("cart", "0006", longMs)).toBe(false);
    expect(await markDated("cart", "0005", longMs)).toBe(false);
    expect(await getDated("cart")).toMatchObject({ position: "0006" });
  });

  test("values and marks are gone when their time is over", async () => {
    const { setDated, markDated, getDated } = store();
    await setDated("cart", at("0005"), shortMs);
    await markDated("other", "0005", shortMs);
    await sleep(shortMs * 2);
    expect(await getDated("cart")).toBeUndefined();
    expect(await setDated("cart", at("0001"), longMs)).toBe(true);
    expect(await setDated("other", at("0001"), longMs)).toBe(true);
  });

  test("in whatever order values and marks arrive, the newest decides", async () => {
    const position = fc.integer({ min: 0, max: 9 }).map((n) => `${n}`.padStart(4, "0"));
    const writes = fc.array(fc.tuple(position, fc.boolean()), { minLength: 1, maxLength: 12 });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(writes, async (arrivals) => {
        const key = `cart-${run++}`;
        const { setDated, markDated, getDated } = store();
        await Promise.all(
          arrivals.map(([place, isMark]) =>
            isMark ? markDated(key, place, longMs) : setDated(key, at(place), longMs),
          ),
        );
        const newest = arrivals.map(([place]) => place).reduce((a, b) => (a > b ? a : b));
        const hasValue = arrivals.some(([place, isMark]) => place === newest && !isMark);
        expect((await getDated(key))?.position).toBe(hasValue ? newest : undefined);
      }),
      { numRuns: 50 },
    );
  });
}

function lists(store: () => HotStore): void {
  test("a list holds the newest, each once, up to its bound", async () => {
    const { pushRecent, recent } = store();
    for (const value of ["a", "b", "c", "a", "d"]) await pushRecent("seen", value, 3, longMs);
    expect(await recent("seen")).toEqual(["d", "a", "c"]);
    expect(await recent("never")).toEqual([]);
  });

  test("a list lives on with each value, and is gone when its time is over", async () => {
    const { pushRecent, recent } = store();
    await pushRecent("seen", "a", 3, longMs);
    await pushRecent("seen", "b", 3, shortMs);
    expect(await recent("seen")).toEqual(["b", "a"]);
    await sleep(shortMs * 2);
    expect(await recent("seen")).toEqual([]);
    await pushRecent("seen", "c", 3, longMs);
    expect(await recent("seen")).toEqual(["c"]);
  });
}
