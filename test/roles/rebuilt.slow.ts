import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { prepareLog } from "../../src/runtime/prepare-log.ts";
import { type Body, openShop, staff } from "../http/shop.ts";
import { onServers } from "./cluster.ts";

const rebuilds = 4;
/** A projector notices within a second that another generation is live. */
const betweenMs = 1_500;
const rebuiltMsMax = 10_000;

await onServers("a model that is rebuilt while it is read", (servers) => {
  test("is never older than Min-Position asks, and there at once", { timeout: 120_000 }, async () => {
    const { env } = await servers().shopOn();
    const open = (ROLE: string) => openShop({ env: { ...env, ROLE }, runDueWork: true });
    await open("projector");
    const api = await open("api");
    await prepareLog(api.runtime);
    const { id } = await api.product({ skus: ["F"], quantity: 5 });
    const wrong: string[] = [];
    let isOver = false;
    const reading = (async () => {
      for (let n = 0; !isOver; n++) {
        const name = `Name ${n}`;
        const changed = await api.call("PATCH", `/v1/products/${id}`, { body: { name }, headers: staff });
        await sleep(60);
        const asOf = { ...staff, "min-position": String(changed.headers.position) };
        const { status, body } = await api.get(`/v1/products/${id}`, asOf);
        if (body.name !== name) wrong.push(`wrote ${name}, read ${status} ${body.name ?? body.detail}`);
      }
    })();
    const state = async () => {
      const { body } = await api.get("/v1/ops/projections", staff);
      return body.find((each: Body) => each.name === "catalog").state;
    };
    for (let n = 0; n < rebuilds; n++) {
      expect((await api.post("/v1/ops/projections/catalog/rebuild")).status).toBe(202);
      await expect.poll(state, { timeout: rebuiltMsMax }).toBe("live");
      await sleep(betweenMs);
    }
    isOver = true;
    await reading;
    expect(wrong).toEqual([]);
  });
});
