import { expect, test, vi } from "vitest";
import { prepareLog } from "../../src/runtime/prepare-log.ts";
import { type Body, openShop, staff } from "../http/shop.ts";
import { onServers } from "./cluster.ts";

const products = 250;

await onServers("an import of products into a shop of several processes", (servers) => {
  test("is handed in at one, begun by a worker and ended by another", { timeout: 120_000 }, async () => {
    const { env } = await servers().shopOn();
    const open = (ROLE: string) => openShop({ env: { ...env, ROLE }, runDueWork: true });
    await open("projector");
    const [api, other] = [await open("api"), await open("api")];
    await prepareLog(api.runtime);
    await api.caughtUp();
    const rows = Array.from(
      { length: products },
      (_, index) => `p-${index},Name ${index},S-${index},1.50,3\n`,
    );
    const headers = { ...staff, "content-type": "text/csv" };
    const body = `handle,name,sku,price,available\n${rows.join("")}`;
    const handedIn = await api.call("POST", "/v1/imports/products", { headers, body });
    expect(handedIn.status).toBe(202);
    const { id } = handedIn.body;

    const worker = await open("worker");
    const look = async (): Promise<Body> => (await other.get(`/v1/imports/${id}`, staff)).body;
    const until = (isSo: (job: Body) => boolean) =>
      vi.waitFor(async () => expect(await look()).toSatisfy(isSo), { timeout: 45_000, interval: 20 });
    await until(({ done }) => done > 0);
    await worker.close();
    expect((await look()).done).toBeLessThan(products);
    await open("worker");
    await until(({ state }) => state === "finished");
    expect(await look()).toMatchObject({ done: products, rejected: 0 });
    const { created, changed, unchanged } = await look();
    expect(created + changed + unchanged).toBe(products);
    await vi.waitFor(async () => {
      const { body } = await other.get("/v1/stock/S-249", staff);
      expect(body.onHand).toBe(3);
    });
  });
});
