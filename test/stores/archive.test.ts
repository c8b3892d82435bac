import { appendFile, mkdtemp, open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { ArchiveFile } from "../../src/stores/event-store/archive/file.ts";
import { keepArchive } from "../../src/stores/event-store/archive/keep.ts";
import { openArchivedLog } from "../../src/stores/event-store/archive/log.ts";
import {
  type EventStore,
  logStart,
  type ReadAllOptions,
  type RecordedEvent,
} from "../../src/stores/event-store/event-store.ts";
import { newId } from "../../src/values/ids.ts";
import { temporaryLog, withAppend } from "../support/stores.ts";
import { open as openServer, startDouble } from "./eventstoredb/support.ts";

async function temporaryFile(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "cartwright-archive-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  return join(directory, "shop.archive");
}

const types = ["Noted", "Said", "Sung ♪"];

async function add(log: EventStore, count: number, from = 0): Promise<void> {
  for (let at = from; at < from + count; at += 100) {
    const events = Array.from({ length: Math.min(100, from + count - at) }, (_, index) => ({
      id: newId(),
      type: types[(at + index) % types.length] ?? "",
      data: JSON.stringify({ n: at + index, text: 'é\n"'.repeat(index % 7) }),
      metadata: { time: 1_000 + at, commandId: `c${at}`, correlationId: "r", actor: "test" },
    }));
    await log.append(`thing-${at}`, -1, events);
  }
}

function plain({ position, stream, revision, id, type, time, data, metadata }: RecordedEvent) {
  return { position, stream, revision, id, type, time, data, metadata };
}

async function allOf(log: EventStore, options: Omit<ReadAllOptions, "after">) {
  const events: ReturnType<typeof plain>[] = [];
  let scanned = 0;
  for (let after = logStart; ; ) {
    const page = await log.readAll({ ...options, after });
    if (page.scannedTo <= after) return { events, scanned };
    after = page.scannedTo;
    scanned += page.scannedEvents;
    events.push(...page.events.map(plain));
  }
}

/** The log, and how many events were read from it. */
function watched(log: EventStore) {
  let read = 0;
  const store: EventStore = {
    ...withAppend(log, (append) => append),
    readAll: async (options) => {
      const page = await log.readAll(options);
      read += page.scannedEvents;
      return page;
    },
    close: async () => {},
  };
  return { store, read: () => read };
}

async function archived(log: EventStore, file: string) {
  const { store, read } = watched(log);
  const joined = await openArchivedLog(file, store);
  onTestFinished(() => joined.close());
  return { joined, read };
}

describe.each([
  ["the embedded log", temporaryLog as () => Promise<EventStore>],
  ["EventStoreDB", async () => openServer({ url: (await startDouble()).url })],
])("an archive of %s", (_, openLog) => {
  test("gives the same events as the log, and the rest comes from the log", async () => {
    const log = await openLog();
    const file = await temporaryFile();
    await add(log, 3_450);
    expect(await keepArchive({ file, log })).toMatchObject({ events: 3_450, added: 3_450 });
    await add(log, 50, 4_000);
    const { joined, read } = await archived(log, file);
    const whole = await allOf(log, { maxCount: 10_000 });
    expect(whole.events.length).toBe(3_500);
    expect(await allOf(joined, { maxCount: 10_000 })).toEqual(whole);
    expect(read()).toBe(50);
    for (const options of [
      { maxCount: 97 },
      { maxCount: 999, types: ["Said", "Sung ♪"] },
      { maxCount: 5_000, types: ["Nothing"] },
      { maxCount: 500, bytesMax: 1_000 },
      { maxCount: 5_000, upTo: whole.events[1_234]?.position ?? "" },
    ])
      expect((await allOf(joined, options)).events).toEqual((await allOf(log, options)).events);
    const middle = whole.events[2_345]?.position ?? "";
    const page = await joined.readAll({ after: middle, maxCount: 3 });
    expect(page.events.map(plain)).toEqual(whole.events.slice(2_346, 2_349));
  });

  test("is continued where it ends, and cut behind its last whole block", async () => {
    const log = await openLog();
    const file = await temporaryFile();
    await add(log, 2_500);
    await keepArchive({ file, log });
    const whole = await readFile(file);
    await truncate(file, whole.length - 10);
    expect(await keepArchive({ file, log })).toMatchObject({ events: 2_500, added: 500 });
    expect((await readFile(file)).equals(whole)).toBe(true);
    await appendFile(file, whole.subarray(100, 5_000));
    await add(log, 10, 9_000);
    expect(await keepArchive({ file, log })).toMatchObject({ events: 2_510, added: 10 });
    const { joined } = await archived(log, file);
    expect(await allOf(joined, { maxCount: 10_000 })).toEqual(await allOf(log, { maxCount: 10_000 }));
  });

  test("is refused where it is of another log, or of one that was restored", async () => {
    const log = await openLog();
    const other = await openLog();
    const file = await temporaryFile();
    for (const each of [log, other]) await add(each, 200);
    await keepArchive({ file, log });
    await expect(openArchivedLog(file, other)).rejects.toThrow(`is of the log ${log.logId}`);
    await expect(keepArchive({ file, log: other })).rejects.toThrow(`is of the log ${log.logId}`);
    const restored = { ...watched(other).store, logId: log.logId };
    await expect(openArchivedLog(file, restored)).rejects.toThrow("not on the log");
    await expect(keepArchive({ file, log: restored })).rejects.toThrow("not on the log");
    expect((await archived(log, file)).joined.logId).toBe(log.logId);
  });
});

test("an archive that is kept goes on with what comes, and is kept by one process alone", async () => {
  const log = await temporaryLog();
  const file = await temporaryFile();
  await add(log, 100);
  const over = new AbortController();
  const keeping = keepArchive({ file, log, follow: over.signal });
  const eventsIn = () => {
    const archive = new ArchiveFile(file);
    archive.close();
    return archive.events;
  };
  await vi.waitFor(() => expect(eventsIn()).toBe(100), { timeout: 10_000, interval: 20 });
  await add(log, 1_050, 1_000);
  // A block's worth is written at once, the rest when it ends.
  await vi.waitFor(() => expect(eventsIn()).toBe(1_100), { timeout: 10_000, interval: 20 });
  await expect(keepArchive({ file, log })).rejects.toThrow("is kept by another process");
  over.abort();
  expect(await keeping).toMatchObject({ events: 1_150, added: 1_150 });
  expect(eventsIn()).toBe(1_150);
});

test("a byte that has changed in its middle is met when it is read, and never taken for an event", async () => {
  const log = await temporaryLog();
  const file = await temporaryFile();
  await add(log, 3_000);
  await keepArchive({ file, log });
  const handle = await open(file, "r+");
  await handle.write(Buffer.from("x"), 0, 1, 20_000);
  await handle.close();
  const { joined } = await archived(log, file);
  await expect(joined.readAll({ after: logStart, maxCount: 10 })).rejects.toThrow("is damaged at byte");
});

test("what is no archive is left alone", async () => {
  const log = await temporaryLog();
  const file = await temporaryFile();
  await writeFile(file, "precious, and long enough to be something");
  await expect(keepArchive({ file, log })).rejects.toThrow("is no archive of a log");
  await expect(openArchivedLog(file, log)).rejects.toThrow("is no archive of a log");
  expect(await readFile(file, "utf8")).toBe("precious, and long enough to be something");
});
