import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HotStore } from "../../src/stores/hot-store/hot-store.ts";

/** A place that hot stores are opened in; all of them see the same values. */
export interface HotPlace {
  open(): Promise<HotStore>;
  close(): Promise<void>;
}

const shortMs = 40;
const longMs = 60_000;

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
    windows(() => store);
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

function windows(store: () => HotStore): void {
  test("hits are counted in one window, and anew in the next", async () => {
    const { hit } = store();
    const counts = await Promise.all(Array.from({ length: 10 }, () => hit("client", longMs)));
    expect(counts.map(({ count }) => count).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect((await hit("other", shortMs)).count).toBe(1);
    await sleep(shortMs * 2);
    expect((await hit("other", shortMs)).count).toBe(1);
    expect((await hit("client", longMs)).count).toBe(11);
  });

  test("a window ends when it was to end, however often it is hit", async () => {
    const { hit } = store();
    const first = await hit("client", 1_000);
    await sleep(shortMs);
    const second = await hit("client", 1_000);
    expect(first.resetsInMs).toBeLessThanOrEqual(1_000);
    expect(second.resetsInMs).toBeLessThan(first.resetsInMs);
    expect(second.resetsInMs).toBeGreaterThan(0);
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
