import { expect, test, vi } from "vitest";
import { prepareLog } from "../../src/runtime/prepare-log.ts";
import { newId } from "../../src/values/ids.ts";
import { openShop, staff } from "../http/shop.ts";
import { onServers } from "./cluster.ts";

const waiting = { timeout: 10_000, interval: 100 };

await onServers("a product that was parked", (servers) => {
  test("is found by what it is called once it is parked no longer", { timeout: 90_000 }, async () => {
    const { env } = await servers().shopOn();
    const open = (ROLE: string) => openShop({ env: { ...env, ROLE }, runDueWork: true });
    await open("projector");
    const api = await open("api");
    await prepareLog(api.runtime);
    const { events } = api.runtime;
    const found = async (word: string) => (await api.get(`/v1/products?q=${word}`)).body.total;
    const { id } = await api.product({ name: "Oldname", skus: ["U"], quantity: 5 });
    await vi.waitFor(async () => expect(await found("oldname")).toBe(1), waiting);
    const [last] = (await events.readStream(`product-${id}`, { backwards: true, maxCount: 1 })).events;
    const append = async (revision: number, type: string, data: object) => {
      const metadata = { time: Date.now(), commandId: newId(), correlationId: "t", actor: "test" };
      const event = { id: newId(), type, data: JSON.stringify(data), metadata };
      await events.append(`product-${id}`, revision, [event]);
    };
    await append(last?.revision ?? 0, "VariantRetired", { sku: "there is none" });
    await append((last?.revision ?? 0) + 1, "ProductDescribed", { name: "Newname" });
    await api.product({ name: "Other", skus: ["V"], quantity: 5 });
    await vi.waitFor(async () => expect(await found("other")).toBe(1), waiting);
    const skipped = await api.post("/v1/ops/projections/catalog/parked/skip", { key: id });
    expect(skipped).toMatchObject({ status: 200, body: { parked: false } });
    expect((await api.get(`/v1/products/${id}`, staff)).body.name).toBe("Newname");
    await vi.waitFor(async () => expect(await found("newname")).toBe(1), waiting);
    expect(await found("oldname")).toBe(0);
  });
});
