import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { expect, onTestFinished, test } from "vitest";
import { createProduct } from "../../commands/processes/listing.ts";
import { systemContext } from "../../commands/processes/process.ts";
import { InvalidConfig, readConfig } from "../../src/config.ts";
import { openRuntime, type Runtime } from "../../src/runtime/runtime.ts";
import { newId } from "../../src/values/ids.ts";

const log = pino({ level: "silent" });

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "cartwright-kept-"));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

async function opened<T>(env: Record<string, string>, task: (runtime: Runtime) => Promise<T>): Promise<T> {
  const runtime = await openRuntime({ config: readConfig({ SAMPLE_SHOP: "off", ...env }), log });
  try {
    return await task(runtime);
  } finally {
    await runtime.close();
  }
}

async function sellSomething({ engine, clock }: Runtime): Promise<void> {
  const price = { amount: 100, currency: "EUR" };
  const context = { ...systemContext(clock, "test"), commandId: newId(), now: clock() };
  await createProduct(engine, context, { name: "Mug", variants: [{ sku: "M", price }] }, newId);
}

test("given a shop that sells in euros, when it starts with another currency, then the start is refused by name", async () => {
  const DATA_DIR = await folder();
  await opened({ DATA_DIR, STORE_CURRENCY: "USD" }, async () => {});
  await opened({ DATA_DIR, STORE_CURRENCY: "EUR" }, sellSomething);
  const refused = opened({ DATA_DIR, STORE_CURRENCY: "USD" }, async () => {});
  await expect(refused).rejects.toThrow(InvalidConfig);
  await expect(refused).rejects.toThrow("STORE_CURRENCY is USD, but the shop on this log sells in EUR");
  await opened({ DATA_DIR, STORE_CURRENCY: "EUR" }, async () => {});
});

test("given reports by days of one time zone, when it starts with another, then only they are built anew", async () => {
  const DATA_DIR = await folder();
  const generations = async (STORE_TIME_ZONE: string) =>
    opened({ DATA_DIR, STORE_TIME_ZONE }, async ({ models }) => {
      const all = models.names.map(async (name) => [name, (await models.model(name)).generation] as const);
      return Object.fromEntries(await Promise.all(all));
    });
  expect(new Set(Object.values(await generations("UTC")))).toEqual(new Set([1]));
  const moved = await generations("Asia/Tokyo");
  const rebuilt = Object.keys(moved).filter((name) => moved[name] === 2);
  expect(rebuilt.sort()).toEqual(["category-sales", "funnel", "product-sales", "sales"]);
  expect(await generations("Asia/Tokyo")).toEqual(moved);
});
