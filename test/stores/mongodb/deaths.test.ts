import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { StoreUnavailable } from "../../../src/stores/event-store/event-store.ts";
import { openMongoViewStore } from "../../../src/stores/view-store/mongodb/store.ts";
import type { DocumentChange, ModelSpec } from "../../../src/stores/view-store/view-store.ts";
import { mongoForTests } from "../../support/mongodb.ts";

const mongo = await mongoForTests();
const storeModule = new URL("../../../src/stores/view-store/mongodb/store.ts", import.meta.url).href;
const things: ModelSpec = { name: "things", version: 1, columns: { size: "number" }, indexes: [["size"]] };
const batchDocuments = 20;

const thing = (n: number, position = n): DocumentChange => ({
  key: `thing-${String(n).padStart(6, "0")}`,
  position: String(position).padStart(16, "0"),
  json: JSON.stringify({ n, position }),
  columns: { size: n },
  isNew: true,
  follower: n % 2 === 0,
});

if ("reason" in mongo) describe("when something dies", () => test.skip(mongo.reason, () => {}));
else
  describe("when something dies", () => {
    const open = async (database: string, url = mongo.url) => {
      const store = await openMongoViewStore({ url, database, logId: "log-1" });
      onTestFinished(() => store.close());
      return { store, model: await store.open(things) };
    };

    test("a process that is killed while it writes leaves every document up to its checkpoint", async () => {
      const database = mongo.database();
      const script = `
        import { openMongoViewStore } from ${JSON.stringify(storeModule)};
        const [url, database] = ${JSON.stringify([mongo.url, database])};
        const store = await openMongoViewStore({ url, database, logId: "log-1" });
        const model = await store.open(${JSON.stringify(things)});
        const thing = ${thing.toString()};
        for (let at = 0; ; at += ${batchDocuments}) {
          const changes = Array.from({ length: ${batchDocuments} }, (_, i) => thing(at + i));
          await model.save(changes, { checkpoint: thing(at + ${batchDocuments - 1}).position });
          if (at === 200) console.log("well under way");
        }`;
      for (const pauseMs of [0, 37]) {
        const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        await once(child.stdout, "data");
        await sleep(pauseMs);
        child.kill("SIGKILL");
        await once(child, "exit");
        const { model } = await open(database);
        const checkpoint = Number(await model.checkpoint());
        expect(checkpoint).toBeGreaterThanOrEqual(200 + batchDocuments - 1);
        const keys = new Set((await model.scan(undefined, 2_000)).map(({ key }) => key));
        for (let n = 0; n <= checkpoint; n++) expect(keys.has(thing(n).key)).toBe(true);
        // What is there beyond it, of the batch that was under way, is written again and changes nothing.
        expect(keys.size).toBeLessThanOrEqual(checkpoint + 1 + batchDocuments);
      }
    });

    test.skipIf(mongo.restart === undefined)(
      "a server that is killed while it is written to makes the store unavailable, and loses nothing that was confirmed",
      async () => {
        const { model } = await open(mongo.database(), `${mongo.url}?serverSelectionTimeoutMS=500`);
        let confirmed = -1;
        let failures = 0;
        let isDone = false;
        const writing = (async () => {
          for (let n = 0; !isDone; ) {
            const changes = Array.from({ length: batchDocuments }, (_, i) => thing(n + i));
            const last = n + batchDocuments - 1;
            try {
              await model.save(changes, { checkpoint: thing(last).position });
              confirmed = last;
              n += batchDocuments;
            } catch (error) {
              expect(error).toBeInstanceOf(StoreUnavailable);
              failures += 1;
              await sleep(50);
            }
          }
        })();
        await expect.poll(() => confirmed, { timeout: 10_000 }).toBeGreaterThan(100);
        await mongo.restart?.(1_500);
        const before = confirmed;
        await expect.poll(() => confirmed, { timeout: 20_000 }).toBeGreaterThan(before + 100);
        isDone = true;
        await writing;
        expect(failures).toBeGreaterThan(0);
        expect(await model.count()).toBe(confirmed + 1);
        expect(Number(await model.checkpoint())).toBe(confirmed);
      },
    );
  });
