import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { order } from "../../../commands/order/order.ts";
import { viewProjections } from "../../../projections/all.ts";
import type { AnyProjection } from "../../../src/engine/projection.ts";
import { Fold, projectable } from "../../../src/engine/read/fold.ts";
import { openEmbeddedEventStore } from "../../../src/stores/event-store/embedded/log.ts";
import type { EventStore } from "../../../src/stores/event-store/event-store.ts";
import { type MongoViewStore, openMongoViewStore } from "../../../src/stores/view-store/mongodb/store.ts";
import { documentsOf, type ViewModel } from "../../../src/stores/view-store/view-store.ts";
import { mongoForTests } from "../../support/mongodb.ts";
import { createShop, shopCodec } from "../../support/shop.ts";
import { temporaryLog, temporaryViews } from "../../support/stores.ts";
import { queries } from "./queries.ts";

const mongo = await mongoForTests();

/** Small pages, so that documents are loaded, changed and stored again. */
const pageEvents = 25;
const fixture = join(import.meta.dirname, "../../fixtures/data-v0.1.tar.gz");

/** With products, and one of nearly every event there is. */
async function logOfVersion01(): Promise<EventStore> {
  const parent = await mkdtemp(join(tmpdir(), "cartwright-test-"));
  execFileSync("tar", ["-xzf", fixture, "-C", parent]);
  const log = openEmbeddedEventStore({ directory: join(parent, "data") });
  onTestFinished(async () => {
    await log.close();
    await rm(parent, { recursive: true });
  });
  return log;
}

async function logOfOrders(): Promise<EventStore> {
  const log = await temporaryLog();
  const shop = createShop({ events: log });
  for (const sku of ["A", "B"]) await shop.receive(sku, 500);
  for (let n = 0; n < 30; n++) {
    shop.clock.now += 7 * 3_600_000;
    const lines = [{ sku: n % 2 ? "A" : "B", quantity: 1 + (n % 3) }];
    const token = n % 7 === 3 ? "tok_declined" : "tok_ok";
    const { orderId, result } = await shop.checkOut(lines, { token });
    if (result.status !== "confirmed" || n % 5 > 0) continue;
    await shop.engine.execute(
      order,
      orderId,
      "Cancel",
      { cancelId: "x-1", reason: "changed my mind" },
      shop.by(),
    );
  }
  return log;
}

async function project(events: EventStore, projection: AnyProjection, model: ViewModel): Promise<void> {
  const fold = await Fold.open({ projection, model, codec: shopCodec });
  for (;;) {
    const page = await events.readAll({ after: fold.checkpoint, maxCount: pageEvents });
    if (page.scannedTo <= fold.checkpoint) return fold.flushAll();
    await fold.project(projectable(page.events, shopCodec), page.scannedTo, page.scannedEvents);
  }
}

async function rebuild(events: EventStore, projection: AnyProjection, store: MongoViewStore): Promise<void> {
  const model = await store.createGeneration(projection);
  const fold = await Fold.open({ projection, model, codec: shopCodec, inMemory: true });
  const page = await events.readAll({ after: fold.checkpoint, maxCount: 100_000 });
  await fold.apply(projectable(page.events, shopCodec), page.scannedTo, page.scannedEvents);
  await fold.spill();
  await store.seal(model);
  await store.promote(model);
}

async function contentOf(model: ViewModel) {
  const documents = [];
  for await (const document of documentsOf(model)) documents.push(document);
  const shown = await model.getMany(documents.slice(0, 10_000).map(({ key }) => key));
  return { documents, shown, checkpoint: await model.checkpoint(), parked: await model.parked() };
}

if ("reason" in mongo) describe("the shop's read models in MongoDB", () => test.skip(mongo.reason, () => {}));
else
  describe("the shop's read models in MongoDB", () => {
    const opened: MongoViewStore[] = [];
    afterAll(async () => {
      for (const store of opened) await store.close();
    });

    test.each([
      ["a log of version 0.1", logOfVersion01],
      ["a log of thirty checkouts", logOfOrders],
    ])(
      "are document for document and answer for answer what the embedded ones are, from %s",
      async (_, open) => {
        const log = await open();
        const embedded = await temporaryViews(log.logId);
        const database = mongo.database();
        const store = await openMongoViewStore({ url: mongo.url, database, logId: log.logId });
        opened.push(store);
        let compared = 0;
        for (const projection of viewProjections({ timeZone: "UTC", currency: "USD" })) {
          const expected = await embedded.open(projection);
          await project(log, projection, expected);
          await project(log, projection, await store.open(projection));
          const followed = await store.open(projection);
          expect(await contentOf(followed)).toEqual(await contentOf(expected));
          for (const [, ask] of queries[projection.name] ?? []) {
            expect(await ask(followed)).toEqual(await ask(expected));
          }
          await rebuild(log, projection, store);
          const rebuilt = await store.open(projection);
          expect(rebuilt.generation).toBeGreaterThan(followed.generation);
          expect(await contentOf(rebuilt)).toEqual(await contentOf(expected));
          compared += await rebuilt.count();
        }
        expect(compared).toBeGreaterThan(50);
      },
      60_000,
    );
  });
