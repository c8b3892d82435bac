import { spawn } from "node:child_process";
import { on, once } from "node:events";
import { mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type EmbeddedEventStore,
  openEmbeddedEventStore,
} from "../../src/stores/event-store/embedded/log.ts";
import {
  type EventToAppend,
  logStart,
  noStream,
  OutcomeUnknown,
  RevisionConflict,
  StoreDamaged,
  StoreUnavailable,
} from "../../src/stores/event-store/event-store.ts";
import { newId } from "../../src/values/ids.ts";
import { at } from "../support/positions.ts";

let directory: string;
let file: string;
let opened: EmbeddedEventStore[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "cartwright-log-"));
  file = join(directory, "log.db");
  opened = [];
});
afterEach(async () => {
  for (const store of opened) await store.close();
  await rm(directory, { recursive: true });
});

function openLog(options: { readOnly?: boolean; threaded?: boolean } = {}): EmbeddedEventStore {
  const store = openEmbeddedEventStore({ directory, ...options });
  opened.push(store);
  return store;
}

function noted(data: unknown, type = "Noted"): EventToAppend {
  const metadata = { time: 1, commandId: "c", correlationId: "r", actor: "test" };
  return { id: newId(), type, data: JSON.stringify(data), metadata };
}

const notes = (count: number, type?: string) => Array.from({ length: count }, (_, n) => noted({ n }, type));

const writers = [
  { threaded: false, by: "here" },
  { threaded: true, by: "by a thread" },
];

describe.each(writers)("a process that is killed in the middle of appends, written $by", ({ threaded }) => {
  /** @returns what the child said was acknowledged */
  async function killedAfter(
    lines: number,
  ): Promise<{ stream: string; revision: number; position: string }[]> {
    const script = join(import.meta.dirname, "append-until-killed.ts");
    const child = spawn(process.execPath, [script, directory, String(threaded)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    for await (const chunk of child.stdout) {
      text += String(chunk);
      if (text.split("\n").length > lines) child.kill("SIGKILL");
    }
    return text
      .split("\n")
      .slice(0, -1)
      .map((line) => line.split(" "))
      .map(([stream = "", revision, position]) => ({
        stream,
        revision: Number(revision),
        position: String(position),
      }));
  }

  test.each([3, 200])(
    "loses nothing that was acknowledged and leaves no gap (after %i appends)",
    async (lines) => {
      const acknowledged = await killedAfter(lines);
      expect(acknowledged.length).toBeGreaterThanOrEqual(lines);
      const store = openLog();
      expect(store.check()).toEqual([]);
      const positions = new Map<string, string>();
      for (const stream of ["a-1", "a-2", "b-1", "b-2"]) {
        const events = (await store.readStream(stream, { maxCount: 100_000 })).events;
        expect(events.map(({ revision }) => revision)).toEqual(events.map((_, index) => index));
        expect(events.length % 2).toBe(0);
        for (const { revision, position, data } of events) {
          expect(data).toMatchObject({ n: (revision % 2) + 1 });
          positions.set(`${stream} ${revision}`, position);
        }
        const next = await store.append(stream, events.length - 1, [noted("after the crash")]);
        expect(next.revision).toBe(events.length);
      }
      for (const { stream, revision, position } of acknowledged)
        expect(positions.get(`${stream} ${revision}`)).toBe(position);
    },
  );
});

test("however many types a log knows, a read finds those that are asked for, with their metadata", async () => {
  const store = openLog();
  const types = Array.from({ length: 140 }, (_, n) => `Type${n}`);
  await store.append(
    "s-1",
    noStream,
    types.map((type) => noted({}, type)),
  );
  for (const wanted of [
    ["Type5", "Type70"],
    ["Type62", "Type63", "Type125", "Type126", "Type139"],
  ])
    for (const withMetadata of [[], wanted, wanted.slice(1), ["Type139"]]) {
      const { events } = await store.readAll({ after: logStart, types: wanted, withMetadata, maxCount: 200 });
      expect(events.map(({ type }) => type)).toEqual(wanted);
      expect(new Set(events.map(({ metadata }) => metadata.actor))).toEqual(new Set(["test"]));
    }
});

describe("opening a file that is no good", () => {
  async function refusal(options: { readOnly?: boolean } = {}): Promise<StoreDamaged> {
    const before = await readFile(file);
    let error: unknown;
    try {
      openLog(options);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(StoreDamaged);
    expect((await readFile(file)).equals(before), "the file must stay as it was").toBe(true);
    expect((error as StoreDamaged).message).toContain(file);
    return error as StoreDamaged;
  }

  async function logWith(events: number): Promise<void> {
    const store = openLog();
    for (let n = 0; n < events; n += 100) await store.append("a-1", n - 1, notes(100));
    await store.close();
  }

  test("a text file", async () => {
    await writeFile(file, "this is not a database, it is a shopping list\n".repeat(100));
    expect((await refusal()).message).toMatch(/not a database/);
  });

  test("an empty file: a log that was truncated must not become a new one", async () => {
    await writeFile(file, "");
    expect((await refusal()).message).toMatch(/not an event log/);
  });

  test("another program's database", async () => {
    const other = new DatabaseSync(file);
    other.exec("CREATE TABLE invoices (id INTEGER PRIMARY KEY)");
    other.close();
    expect((await refusal()).message).toMatch(/not an event log/);
    expect(await readdir(directory)).toEqual(["log.db"]);
  });

  test("a newer format", async () => {
    await logWith(0);
    const other = new DatabaseSync(file);
    other.exec("UPDATE meta SET value = '99' WHERE key = 'format'");
    other.close();
    expect((await refusal()).message).toMatch(/format 99.*newer Cartwright/);
    expect((await refusal({ readOnly: true })).message).toMatch(/format 99/);
  });

  test("a log without its id", async () => {
    await logWith(0);
    const other = new DatabaseSync(file);
    other.exec("DELETE FROM meta WHERE key = 'logId'");
    other.close();
    expect((await refusal()).message).toMatch(/log id/);
  });

  test("pages overwritten in the middle", async () => {
    await logWith(2_000);
    const handle = await open(file, "r+");
    const { size } = await handle.stat();
    await handle.write(Buffer.alloc(16 * 1024, 0xaa), 0, 16 * 1024, Math.floor(size / 2 / 4096) * 4096);
    await handle.close();
    expect((await refusal()).message).toMatch(/damaged|malformed/);
  });

  test("the first page overwritten behind the header", async () => {
    await logWith(100);
    const handle = await open(file, "r+");
    await handle.write(Buffer.alloc(3_000, 0xaa), 0, 3_000, 100);
    await handle.close();
    expect((await refusal()).message).toMatch(/damaged|malformed/);
  });

  test("the end cut off", async () => {
    await logWith(2_000);
    const { size } = await stat(file);
    await truncate(file, size - 64 * 1024);
    expect((await refusal()).message).toMatch(/damaged|malformed/);
  });

  test("a missing log, for a reader", () => {
    expect(() => openLog({ readOnly: true })).toThrow(StoreDamaged);
  });

  test("a folder that does not exist", () => {
    expect(() => openEmbeddedEventStore({ directory: join(directory, "nowhere") })).toThrow(StoreDamaged);
  });
});

describe("a new log", () => {
  test("leaves nothing beside it that a crash of its creation could be taken for", async () => {
    await openLog().close();
    expect(await readdir(directory)).toEqual(["log.db"]);
  });

  test("has an id of its own", async () => {
    const { logId } = openLog();
    await opened[0]?.close();
    await rm(file);
    expect(openLog().logId).not.toBe(logId);
  });
});

describe.each(writers)("a transaction that fails, written $by", ({ threaded }) => {
  /** As a full disk would: SQLite gives up in the middle of a transaction. */
  function failOn(text: string, action: "ABORT" | "ROLLBACK"): void {
    const other = new DatabaseSync(file);
    other.exec(
      `CREATE TRIGGER fail BEFORE INSERT ON events WHEN NEW.data LIKE '%${text}%'
       BEGIN SELECT RAISE(${action}, 'disk is full'); END`,
    );
    other.close();
  }

  test.each(["ABORT", "ROLLBACK"] as const)(
    "refuses all its appends as unavailable, and what was cached in it is forgotten (%s)",
    async (action) => {
      const store = openLog({ threaded });
      await store.append("a-1", noStream, notes(2));
      failOn("poison", action);
      const settled = await Promise.allSettled([
        store.append("a-1", 1, [noted("fine", "NewType")]),
        store.append("new-1", noStream, [noted("fine", "NewType")]),
        store.append("a-2", noStream, [noted("poison")]),
        store.append("a-1", 2, [noted("after")]),
      ]);
      for (const result of settled)
        expect(result).toMatchObject({ status: "rejected", reason: expect.any(StoreUnavailable) });
      expect((await store.readStream("new-1", { maxCount: 1 })).events).toEqual([]);

      expect(await store.append("a-1", 1, [noted("fine", "NewType")])).toEqual({
        revision: 2,
        position: at(2),
      });
      expect((await store.append("new-1", noStream, [noted("fine", "NewType")])).revision).toBe(0);
      expect(await store.append("new-1", 0, [noted("x")]).then(({ revision }) => revision)).toBe(1);
      const { events } = await store.readAll({ after: at(1), maxCount: 10, types: ["NewType"] });
      expect(events.map(({ stream }) => stream)).toEqual(["a-1", "new-1"]);
      expect(store.check()).toEqual([]);
    },
  );

  test("a conflict in it refuses its own append only", async () => {
    const store = openLog({ threaded });
    const [good, bad, also] = await Promise.allSettled([
      store.append("a-1", noStream, notes(1)),
      store.append("a-1", 5, notes(1)),
      store.append("a-1", 0, notes(1)),
    ]);
    expect([good.status, also.status]).toEqual(["fulfilled", "fulfilled"]);
    expect(bad).toMatchObject({ reason: expect.any(RevisionConflict) });
  });
});

describe.each(writers)("closing a log that is written $by", ({ threaded }) => {
  test("writes what was waiting first, and ends the subscriptions", async () => {
    const store = openLog({ threaded });
    const seen: unknown[] = [];
    const following = (async () => {
      const { signal } = new AbortController();
      for await (const { events } of store.subscribe({ after: logStart, batchEventsMax: 10, signal }))
        seen.push(...events.map(({ data }) => data));
    })();
    const append = store.append("a-1", noStream, [noted("last words")]);
    await store.close();
    expect((await append).revision).toBe(0);
    await following;
    const { events } = await openLog().readStream("a-1", { maxCount: 9 });
    expect(events).toMatchObject([{ data: "last words" }]);
  });
});

describe("a thread that writes", () => {
  test("takes what is sent while it writes into one commit, each with its own outcome", async () => {
    const store = openLog({ threaded: true });
    const turns = 40;
    const appends: Promise<unknown>[] = [];
    for (let turn = 0; turn < turns; turn++) {
      appends.push(store.append(`a-${turn}`, noStream, notes(2)));
      if (turn % 4 === 0) appends.push(store.append("a-0", 7, notes(1)).catch((error: unknown) => error));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const outcomes = await Promise.all(appends);
    expect(outcomes.filter((outcome) => outcome instanceof RevisionConflict)).toHaveLength(turns / 4);
    const written = outcomes.filter((outcome) => !(outcome instanceof Error));
    expect(written).toEqual(written.map((_, index) => ({ revision: 1, position: at(index * 2 + 1) })));
    expect(store.check()).toEqual([]);
  });

  test("that dies leaves what was under way unknown; the same append again tells, by another thread", async () => {
    const store = openLog({ threaded: true });
    await store.append("a-1", noStream, notes(1));
    const events = notes(20);
    const appends = events.map((event, index) => () => store.append("a-1", index, [event]));
    const first = appends[0]?.();
    await new Promise((resolve) => setImmediate(resolve));
    await killThreadOf(store);
    await expect(first).rejects.toBeInstanceOf(OutcomeUnknown);
    for (const [index, append] of appends.entries()) expect((await append()).revision).toBe(index + 1);
    const { events: stored } = await store.readStream("a-1", { from: 1, maxCount: 50 });
    expect(stored.map(({ id }) => id)).toEqual(events.map(({ id }) => id));
  });

  /** As a lack of memory would. */
  async function killThreadOf(store: EmbeddedEventStore): Promise<void> {
    const { thread } = (store as unknown as { writer: { committer: { thread: Worker } } }).writer.committer;
    await thread.terminate();
  }
});

describe("check", () => {
  test("finds a stream with a hole", async () => {
    const store = openLog();
    await store.append("a-1", noStream, notes(3));
    const other = new DatabaseSync(file);
    other.exec("DELETE FROM events WHERE revision = 1");
    other.close();
    expect(store.check()).toEqual(["stream a-1 has missing revisions"]);
  });
});

describe("a reader on its own connection", () => {
  test("follows the writer, at once when it is told to look", async () => {
    const writer = openLog();
    await writer.append("a-1", noStream, notes(3));
    const reader = openLog({ readOnly: true });
    expect(reader.logId).toBe(writer.logId);
    const over = new AbortController();
    const seen: unknown[] = [];
    let latencyMs = 0;
    let appendedAt = 0;
    for await (const { events } of reader.subscribe({
      after: logStart,
      batchEventsMax: 2,
      signal: over.signal,
    })) {
      seen.push(...events.map(({ revision }) => revision));
      if (seen.length === 3)
        setTimeout(async () => {
          appendedAt = performance.now();
          await writer.append("a-1", 2, [noted("live")]);
          reader.notify();
        }, 20);
      if (seen.length === 4) {
        latencyMs = performance.now() - appendedAt;
        over.abort();
      }
    }
    expect(seen).toEqual([0, 1, 2, 3]);
    expect(latencyMs).toBeLessThan(190);
  });

  test("sees new events without being told, a little later", async () => {
    const writer = openLog();
    const reader = openLog({ readOnly: true });
    setTimeout(() => void writer.append("a-1", noStream, notes(1)), 20);
    const { signal } = new AbortController();
    for await (const { events } of reader.subscribe({ after: logStart, batchEventsMax: 2, signal })) {
      expect(events).toHaveLength(1);
      break;
    }
  });

  test("cannot write", async () => {
    await openLog().append("a-1", noStream, notes(1));
    const reader = openLog({ readOnly: true });
    await expect(reader.append("a-1", 0, notes(1))).rejects.toThrow(StoreUnavailable);
    expect((await reader.readStream("a-1", { maxCount: 9 })).events).toHaveLength(1);
  });

  test("that filters in another thread misses nothing that is appended while it looks", async () => {
    const writer = openLog();
    for (let n = 0; n < 40; n++) await writer.append("noise-1", n * 500 - 1, notes(500, "Noise"));
    const reading = new Worker(new URL("./count-rare.ts", import.meta.url), { workerData: { directory } });
    const said = (async () => {
      for await (const [message] of on(reading, "message")) return message as unknown;
    })();
    await once(reading, "online");
    for (let n = 0; n < 400; n++) {
      await writer.append("rare-1", n - 1, [noted({ n }, "Rare")]);
      if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    reading.postMessage(400);
    expect(await said).toEqual({ missed: 0 });
    await reading.terminate();
  });
});
