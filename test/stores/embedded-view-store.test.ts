import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { StoreDamaged, StoreUnavailable } from "../../src/stores/event-store/event-store.ts";
import { openEmbeddedViewStore } from "../../src/stores/view-store/embedded/store.ts";
import type { DocumentChange, ModelSpec, ViewStore } from "../../src/stores/view-store/view-store.ts";

const things: ModelSpec = {
  name: "things",
  version: 1,
  columns: { size: "number" },
  lists: ["tags"],
  indexes: [["size"]],
};

const thing = (at: number, position = at): DocumentChange => ({
  key: `thing-${String(at).padStart(6, "0")}`,
  position: String(position).padStart(16, "0"),
  json: JSON.stringify({ at, filler: "x".repeat(100) }),
  columns: { size: at % 10 },
  lists: { tags: [`t${at % 3}`] },
});

const storeModule = new URL("../../src/stores/view-store/embedded/store.ts", import.meta.url).href;

describe("embedded view store", () => {
  let directory: string;
  let opened: ViewStore[];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "cartwright-views-"));
    opened = [];
  });
  afterEach(async () => {
    for (const store of opened) await store.close();
    await rm(directory, { recursive: true });
  });

  const openStore = (logId = "log-1", readOnly = false): ViewStore => {
    const store = openEmbeddedViewStore({ directory, logId, readOnly });
    opened.push(store);
    return store;
  };

  const fillAndClose = async (): Promise<void> => {
    const store = openStore();
    const model = await store.open(things);
    await model.save(
      Array.from({ length: 2_000 }, (_, at) => thing(at)),
      { checkpoint: thing(2_000).position },
    );
    await store.close();
  };

  const file = (name: string) => join(directory, name);
  const alter = (name: string, sql: string): void => {
    const database = new DatabaseSync(file(name));
    database.exec(sql);
    database.close();
  };

  describe("tells what is wrong with its files and changes nothing", () => {
    const modelDamages: [string, () => Promise<void> | void, RegExp][] = [
      ["is no database", () => writeFile(file("things-1.db"), "hello ".repeat(2_000)), /not a database/],
      ["is empty", () => truncate(file("things-1.db"), 0), /empty/],
      ["is cut off", () => truncate(file("things-1.db"), 40_000), /malformed/],
      ["is missing", () => rm(file("things-1.db")), /missing/],
      [
        "has a newer format",
        () => alter("things-1.db", "UPDATE meta SET value = 9 WHERE name = 'format'"),
        /newer/,
      ],
      [
        "is of another log",
        () => alter("things-1.db", "UPDATE meta SET value = 'x' WHERE name = 'logId'"),
        /belongs to the log x/,
      ],
      [
        "is another model",
        () => alter("things-1.db", "UPDATE meta SET value = 'x' WHERE name = 'model'"),
        /another read model/,
      ],
    ];
    test.each(modelDamages)("when a model file %s", async (_, damage, message) => {
      await fillAndClose();
      await damage();
      const error = await openStore()
        .open(things)
        .then(
          () => undefined,
          (reason: unknown) => reason,
        );
      expect(error).toBeInstanceOf(StoreDamaged);
      expect(String(error)).toMatch(message);
      expect(String(error)).toContain(file("things-1.db"));
      expect(String(error)).toContain("rebuilt from the log");
      await expect(openStore().open(things)).rejects.toThrow(StoreDamaged);
    });

    const pointerDamages: [string, () => Promise<void> | void, RegExp][] = [
      ["is no database", () => writeFile(file("views.db"), "hello ".repeat(2_000)), /not a database/],
      ["is empty", () => truncate(file("views.db"), 0), /missing or empty/],
      ["is missing", () => rm(file("views.db")), /missing or empty/],
      ["is cut off", () => truncate(file("views.db"), 5_000), /malformed/],
      [
        "has a newer format",
        () => alter("views.db", "UPDATE meta SET value = 9 WHERE name = 'format'"),
        /newer/,
      ],
    ];
    test.each(pointerDamages)("when views.db %s", async (_, damage, message) => {
      await fillAndClose();
      await damage();
      expect(() => openStore()).toThrow(StoreDamaged);
      expect(() => openStore()).toThrow(message);
      expect(await readdir(directory)).toContain("things-1.db");
    });

    test("when the folder belongs to another log", async () => {
      await fillAndClose();
      expect(() => openStore("log-2")).toThrow(StoreDamaged);
      expect(() => openStore("log-2")).toThrow(`delete the folder ${directory}`);
    });

    test("when a page in the middle is overwritten, as soon as it is read", async () => {
      await fillAndClose();
      const handle = await open(file("things-1.db"), "r+");
      const { size } = await handle.stat();
      await handle.write(Buffer.alloc(size - 8_192, 0xa5), 0, size - 8_192, 8_192);
      await handle.close();
      const scanned = openStore()
        .open(things)
        .then((model) => model.scan(undefined, 5_000));
      await expect(scanned).rejects.toThrow(StoreDamaged);
    });
  });

  test("a read-only store waits for nobody: without models it says so, with them it reads", async () => {
    expect(() => openStore("log-1", true)).toThrow(StoreUnavailable);
    await fillAndClose();
    const reader = openStore("log-1", true);
    const model = await reader.open(things);
    expect(await model.count()).toBe(2_000);
    expect((await model.find({ where: [{ column: "tags", has: "t1" }], limit: 5 })).items.length).toBe(5);
    await expect(model.save([thing(1, 9_999)], { checkpoint: thing(1).position })).rejects.toThrow(
      StoreUnavailable,
    );
    await expect(reader.open({ ...things, name: "others" })).rejects.toThrow(StoreUnavailable);
    await expect(reader.createGeneration(things)).rejects.toThrow(StoreUnavailable);
  });

  test("files of dropped generations are deleted, also what a crash left behind", async () => {
    const store = openStore();
    for (let round = 0; round < 3; round++) {
      await store.promote(await store.createGeneration(things));
    }
    await writeFile(file("things-77.db"), "left behind");
    await writeFile(file("other-things-77.db"), "of another model");
    await store.drop(await store.createGeneration(things));
    const models = (await readdir(directory)).filter((name) => name.endsWith(".db"));
    expect(models.sort()).toEqual(["other-things-77.db", "things-2.db", "things-3.db", "views.db"]);
  });

  test("a generation spoilt by a failed save is never promoted", async () => {
    const store = openStore();
    const next = await store.createGeneration(things);
    const broken = { ...thing(1), key: Symbol("no key") as unknown as string };
    await expect(next.save([thing(0), broken], { checkpoint: thing(1).position })).rejects.toThrow();
    await expect(next.count()).rejects.toThrow(StoreUnavailable);
    await expect(store.promote(next)).rejects.toThrow(StoreUnavailable);
  });

  test("a failed save of a live model leaves nothing behind", async () => {
    const model = await openStore().open(things);
    const broken = { ...thing(1), key: Symbol("no key") as unknown as string };
    await expect(model.save([thing(0), broken], { checkpoint: thing(1).position })).rejects.toThrow();
    expect(await model.count()).toBe(0);
    await model.save([thing(0)], { checkpoint: thing(1).position });
    expect(await model.count()).toBe(1);
  });

  test("a process killed while it writes leaves documents and checkpoint that fit each other", async () => {
    const script = `
      import { openEmbeddedViewStore } from ${JSON.stringify(storeModule)};
      const store = openEmbeddedViewStore({ directory: ${JSON.stringify(directory)}, logId: "log-1" });
      const model = await store.open(${JSON.stringify(things)});
      const thing = ${thing.toString()};
      const half = await store.createGeneration(${JSON.stringify(things)});
      for (let at = 0; ; at += 10) {
        const changes = Array.from({ length: 10 }, (_, i) => thing(at + i));
        await model.save(changes, { checkpoint: thing(at + 9).position });
        await half.save(changes, { checkpoint: thing(at + 9).position });
        if (at === 300) console.log("well under way");
      }`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "exit");

    const store = openStore();
    const model = await store.open(things);
    const checkpoint = Number(await model.checkpoint());
    expect(checkpoint).toBeGreaterThanOrEqual(309);
    expect(await model.count()).toBe(checkpoint + 1);
    const tagged = await model.find({ where: [{ column: "tags", has: "t0" }], limit: 10_000 });
    expect(tagged.items.length).toBe(Math.min(10_000, Math.floor(checkpoint / 3) + 1));
    const next = await store.createGeneration(things);
    expect(await next.count()).toBe(0);
    expect((await store.generations()).map(({ live }) => live)).toEqual([true, false]);
  });

  test("a thread reads whole saves while another writes and a third rebuilds and promotes", async () => {
    const worker = (body: string): Worker =>
      new Worker(
        `(async () => {
          const { openEmbeddedViewStore } = await import(${JSON.stringify(storeModule)});
          const store = openEmbeddedViewStore({ directory: ${JSON.stringify(directory)}, logId: "log-1" });
          const spec = ${JSON.stringify(things)};
          const thing = ${thing.toString()};
          const batch = (round) => Array.from({ length: 50 }, (_, i) => thing(i, round));
          ${body}
          await store.close();
        })()`,
        { eval: true },
      );
    const store = openStore();
    await store.open(things);
    const writer = worker(`
      for (let round = 0; round < 200; round++) {
        store.refresh();
        const model = await store.open(spec);
        await model.save(batch(round), { checkpoint: thing(0, round).position });
      }`);
    const rebuilder = worker(`
      for (let time = 0; time < 10; time++) {
        const model = await store.createGeneration(spec);
        await model.save(batch(0), { checkpoint: "" });
        await store.promote(model);
      }`);
    const ended = Promise.all([once(writer, "exit"), once(rebuilder, "exit")]);
    let running = true;
    void ended.then(() => {
      running = false;
    });
    let reads = 0;
    while (running) {
      store.refresh();
      const model = await store.open(things);
      const positions = new Set((await model.scan(undefined, 100)).map(({ position }) => position));
      expect(positions.size).toBeLessThanOrEqual(1);
      reads += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await ended).map(([code]) => code)).toEqual([0, 0]);
    expect(reads).toBeGreaterThan(10);
    expect((await store.generations()).map(({ live }) => live)).toEqual([false, true]);
  });
});
