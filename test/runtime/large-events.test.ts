import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { expect, onTestFinished, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { openRuntime } from "../../src/runtime/runtime.ts";
import { openEmbeddedEventStore } from "../../src/stores/event-store/embedded/log.ts";
import { type EventStore, noStream } from "../../src/stores/event-store/event-store.ts";
import { newId } from "../../src/values/ids.ts";

const eventsOfEach = 375;
const text = "0123456789".repeat(40_000);
const price = { amount: 900, currency: "USD" };

/**
 * As an attack on idempotency keys has left one: 150 MB of events that no read model handles, 150 MB that
 * make documents of 400 kB each, and then many small events that touch all of those at once.
 */
async function fill(log: EventStore): Promise<void> {
  const append = (stream: string, type: string, data: unknown) => {
    const metadata = { time: Date.now(), commandId: "c", correlationId: "c", actor: "test" };
    return log.append(stream, noStream, [{ id: newId(), type, data: JSON.stringify(data), metadata }]);
  };
  for (let n = 0; n < eventsOfEach; n++) {
    await append(`answer-${n}`, "AnswerStored", { fingerprint: "f", status: 200, headers: {}, body: text });
    await append(`claim-sku-S${n}`, "Claimed", { holder: `p${n}` });
    const variants = [{ sku: `S${n}`, price, attributes: {} }];
    const product = { name: `Mug ${n}`, slug: `mug-${n}`, description: text, tags: [], images: [], variants };
    await append(`product-p${n}`, "ProductCreated", product);
  }
  for (let n = 0; n < eventsOfEach; n++) await append(`stock-S${n}`, "StockReceived", { quantity: 5 });
}

test("a log with 300 MB of events of 400 kB is projected, rebuilt and verified within the heaps there are", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cartwright-large-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const log = openEmbeddedEventStore({ directory: folder });
  await fill(log);
  await log.close();

  const config = readConfig({ DATA_DIR: folder, SAMPLE_SHOP: "off", LOG_LEVEL: "silent" });
  const died: Error[] = [];
  const runtime = await openRuntime({
    config,
    log: pino({ level: "silent" }),
    onDeath: (error) => died.push(error),
  });
  onTestFinished(() => runtime.close());
  const { models } = runtime;
  expect(await models.caughtUp(90_000)).toBe(true);
  expect(died).toEqual([]);
  expect(await (await models.model("catalog")).count()).toBe(eventsOfEach * 2);
  for (const promote of [false, true])
    for (const [name, comparison] of await models.rebuilds.run(models.names, promote))
      expect(comparison, name).toMatchObject({ differing: 0 });
  for (const name of models.names) expect(models.progress(name).parked, name).toBe(0);
  expect(died).toEqual([]);
}, 180_000);
