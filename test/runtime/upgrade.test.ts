import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { expect, onTestFinished, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { prepareLog } from "../../src/runtime/prepare-log.ts";
import { openRuntime } from "../../src/runtime/runtime.ts";
import { viewsFolder } from "../../src/stores/backends.ts";
import { openEmbeddedEventStore } from "../../src/stores/event-store/embedded/log.ts";
import { StoreUnavailable } from "../../src/stores/event-store/event-store.ts";
import { openEmbeddedViewStore } from "../../src/stores/view-store/embedded/store.ts";

const fixture = join(import.meta.dirname, "../fixtures/data-v0.1.tar.gz");

/** A data folder as version 0.1 has left it, gone with the test. */
async function folderOfVersion01(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), "cartwright-upgrade-"));
  onTestFinished(() => rm(parent, { recursive: true }));
  execFileSync("tar", ["-xzf", fixture, "-C", parent]);
  return join(parent, "data");
}

async function open(folder: string) {
  const config = readConfig({ DATA_DIR: folder, SAMPLE_SHOP: "off", LOG_LEVEL: "silent" });
  const runtime = await openRuntime({ config, log: pino({ level: "silent" }) });
  onTestFinished(() => runtime.close());
  return runtime;
}

test("a data folder of version 0.1 starts, and every read model is built anew and catches up", async () => {
  const { models, events, close } = await open(await folderOfVersion01());
  expect(await models.caughtUp(20_000)).toBe(true);
  const head = await events.head();
  const counts: Record<string, number> = {};
  for (const name of models.names) {
    expect(models.progress(name)).toMatchObject({ position: head, parked: 0 });
    counts[name] = await (await models.model(name)).count();
  }
  expect(counts).toMatchObject({ carts: expect.any(Number), orders: expect.any(Number) });
  expect(Object.values(counts).filter((count) => count > 0).length).toBeGreaterThan(8);
  for (const [name, comparison] of await models.rebuilds.run(models.names, true))
    expect(comparison, name).toMatchObject({ documents: counts[name], differing: 0 });
  await close();
});

test("the categories and brands that its products name are things of their own", async () => {
  const runtime = await open(await folderOfVersion01());
  const { models, queries } = runtime;
  await prepareLog(runtime);
  expect(await models.caughtUp(20_000)).toBe(true);
  const { facets } = await queries.run("products", { limit: 1, facets: ["category", "brand"] });
  const names = (counted: { value: string }[] = []) => counted.map(({ value }) => value).sort();
  const categories = await queries.run("categories", undefined);
  const brands = await queries.run("brands", undefined);
  expect(categories.map(({ path }) => path).sort()).toEqual(names(facets?.category));
  expect(brands.map(({ name }) => name).sort()).toEqual(names(facets?.brand));
  expect(categories.length).toBeGreaterThan(2);
  const { texts } = await queries.run("products", { limit: 1, category: [categories[0]?.id ?? ""] });
  expect(JSON.parse(texts[0] ?? "{}")).toMatchObject({ category: categories[0]?.path });
});

test("started again, nothing is built a second time", async () => {
  const folder = await folderOfVersion01();
  await (await open(folder)).close();
  const events = openEmbeddedEventStore({ directory: folder, readOnly: true });
  const views = openEmbeddedViewStore({ directory: viewsFolder(folder), logId: events.logId });
  const before = await views.generations();
  await views.close();
  await events.close();
  await (await open(folder)).close();
  const again = openEmbeddedViewStore({ directory: viewsFolder(folder), logId: events.logId });
  expect(await again.generations()).toEqual(before);
  await again.close();
});

test("who only reads such read models is told that they are not of this version", async () => {
  const folder = await folderOfVersion01();
  const events = openEmbeddedEventStore({ directory: folder, readOnly: true });
  await events.close();
  const options = { directory: viewsFolder(folder), logId: events.logId, readOnly: true };
  expect(() => openEmbeddedViewStore(options)).toThrow(StoreUnavailable);
});
