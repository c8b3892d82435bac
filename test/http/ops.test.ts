import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { buildApp } from "../../src/http/app.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { newId } from "../../src/values/ids.ts";
import { at } from "../support/positions.ts";
import { type Body, sharedShop, staff } from "./shop.ts";

const shop = sharedShop();
const rebuildTimeoutMs = 30_000;

const projection = async (name: string): Promise<Body> => {
  const { body } = await shop().get("/v1/ops/projections", staff);
  return body.find((each: Body) => each.name === name);
};

/** An event that no decider would have decided. */
async function append(stream: string, revision: number, type: string, data: object): Promise<void> {
  const metadata = { time: Date.now(), commandId: newId(), correlationId: "test", actor: "test" };
  await shop().runtime.events.append(stream, revision, [
    { id: newId(), type, data: JSON.stringify(data), metadata },
  ]);
}

describe("projections", () => {
  test("are listed with where they stand", async () => {
    await shop().product();
    await shop().caughtUp();
    const { body } = await shop().get("/v1/ops/projections", staff);
    expect(body.map(({ name }: Body) => name)).toEqual(shop().runtime.models.names);
    const head = await shop().runtime.events.head();
    for (const each of body)
      expect(each).toEqual({
        name: expect.any(String),
        version: expect.any(Number),
        state: "live",
        position: head,
        head,
        lagEvents: 0,
        lagMs: 0,
        documents: expect.any(Number),
        parked: 0,
      });
  });

  test(
    "are rebuilt in the background, one rebuild of each at a time, and say what the comparison found",
    async () => {
      const { post } = shop();
      expect(await post("/v1/ops/projections/catalog/rebuild")).toMatchObject({
        status: 202,
        body: { name: "catalog", state: "rebuilding" },
      });
      expect(await projection("catalog")).toMatchObject({
        state: "rebuilding",
        progress: expect.any(Number),
        eventsPerSecond: expect.any(Number),
      });
      expect(await post("/v1/ops/projections/catalog/rebuild")).toMatchObject({
        status: 409,
        body: { code: "illegal_transition" },
      });
      await expect
        .poll(async () => (await projection("catalog")).rebuild, { timeout: rebuildTimeoutMs })
        .toMatchObject({ state: "done", progress: 1, comparison: { differing: 0, differences: [] } });
      expect((await projection("catalog")).state).toBe("live");
      expect((await shop().get("/v1/products")).body.items).toHaveLength(1);
    },
    rebuildTimeoutMs * 2,
  );

  test("that there are not, are not found", async () => {
    const { post, get } = shop();
    const missing = { status: 404, body: { code: "not_found" } };
    expect(await post("/v1/ops/projections/none/rebuild")).toMatchObject(missing);
    expect(await get("/v1/ops/projections/none/parked", staff)).toMatchObject(missing);
    expect(await post("/v1/ops/projections/none/parked/retry", { key: "x" })).toMatchObject(missing);
    expect(await post("/v1/ops/projections/stock/parked/skip", { key: "not parked" })).toMatchObject(missing);
  });

  test("park what they cannot apply, to be tried again or skipped", async () => {
    const { post, get, receive, caughtUp } = shop();
    const parked = async (query = "") => (await get(`/v1/ops/projections/stock/parked${query}`, staff)).body;
    await append("stock-POISON-1", -1, "ReservationCommitted", { reservationId: "none", quantity: 5 });
    await append("stock-POISON-2", -1, "ReservationCommitted", { reservationId: "none", quantity: 5 });
    await append("stock-POISON-1", 0, "StockReceived", { quantity: 7 });
    await caughtUp();
    expect((await parked()).items).toEqual([
      {
        key: "POISON-1",
        position: expect.stringMatching(/^\d{16}$/),
        eventType: "ReservationCommitted",
        reason: expect.stringContaining("reserved"),
        waiting: 1,
      },
      expect.objectContaining({ key: "POISON-2", waiting: 0 }),
    ]);
    expect((await projection("stock")).parked).toBe(2);
    const first = await parked("?limit=1");
    expect((await parked(`?limit=1&cursor=${first.nextCursor}`)).items).toMatchObject([{ key: "POISON-2" }]);

    // What its stream says cannot be shown, and what was stored of it before would be old.
    const unshown = {
      status: 503,
      body: { code: "unavailable", detail: expect.stringContaining("POISON-2") },
    };
    expect(await get("/v1/stock/POISON-2", staff)).toMatchObject(unshown);

    const retried = await post("/v1/ops/projections/stock/parked/retry", { key: "POISON-1" });
    expect(retried).toMatchObject({ status: 200, body: { key: "POISON-1", parked: true, outdated: 0 } });
    const keyed = { ...staff, "idempotency-key": newId() };
    const skip = () => post("/v1/ops/projections/stock/parked/skip", { key: "POISON-1" }, keyed);
    const skipped = { key: "POISON-1", parked: false };
    expect(await skip()).toMatchObject({ status: 200, body: { ...skipped, outdated: 0 } });
    expect(await skip()).toMatchObject({ status: 200, body: { ...skipped, outdated: null } });
    expect((await parked()).items).toMatchObject([{ key: "POISON-2" }]);
    await receive("UNHARMED", 1);
    expect((await get("/v1/stock/UNHARMED", staff)).body.onHand).toBe(1);
    expect((await get("/v1/stock?limit=100", staff)).body.items).toContainEqual(
      expect.objectContaining({ sku: "POISON-1", onHand: 7 }),
    );
  });
});

test("a document that is parked is not shown to who asks for what it waits for", async () => {
  const { product, cart, checkOut, caughtUp, get, post } = shop();
  await product({ skus: ["PARKED"], quantity: 5 });
  const paid = await checkOut(await cart(["PARKED", 1]));
  const { id } = paid.body;
  const positionOf = (answer: { headers: Record<string, unknown> }) => String(answer.headers.position);
  await append(`order-${id}`, 2, "ReturnApproved", { returnId: "none" });
  const later = await post("/v1/stock/PARKED/receipts", { quantity: 1 });
  await caughtUp();
  expect((await get("/v1/ops/projections/orders/parked", staff)).body.items).toMatchObject([{ key: id }]);
  const readAsOf = (position: string) => get(`/v1/orders/${id}`, { ...staff, "min-position": position });
  expect(await readAsOf(positionOf(later))).toMatchObject({
    status: 503,
    body: { code: "unavailable", detail: expect.stringContaining(id) },
  });
  expect(await readAsOf(positionOf(paid))).toMatchObject({ status: 200, body: { id, status: "paid" } });
  expect(await get(`/v1/orders/${id}`, staff)).toMatchObject({ status: 200, body: { id, status: "paid" } });
  await post("/v1/ops/projections/orders/parked/skip", { key: id });
  expect(await readAsOf(positionOf(later))).toMatchObject({ status: 200, body: { id } });
});

describe("a stream", () => {
  test("is shown with its events and what they had led to by then", async () => {
    const { post, get } = shop();
    await shop().stocked("HISTORY");
    await post("/v1/stock/HISTORY/receipts", { quantity: 5 });
    await sleep(20);
    const between = new Date().toISOString();
    await sleep(20);
    await post("/v1/stock/HISTORY/adjustments", { delta: -2, reason: "lost" });
    const stream = async (query: string) => (await get(`/v1/ops/streams/stock-HISTORY${query}`, staff)).body;

    const { items, state, ...rest } = await stream("");
    expect(rest).toEqual({ stream: "stock-HISTORY", category: "stock", nextCursor: null });
    expect(state).toBeUndefined();
    expect(items).toMatchObject([
      {
        revision: 0,
        type: "StockReceived",
        data: { quantity: 5 },
        metadata: { actor: "staff" },
        time: expect.any(String),
      },
      { revision: 1, type: "StockAdjusted", data: { delta: -2, reason: "lost" } },
    ]);
    expect(await stream("?at=0")).toMatchObject({
      at: { revision: 0 },
      state: { onHand: 5, reservations: {} },
    });
    expect(await stream("?at=999")).toMatchObject({ at: { revision: 1 }, state: { onHand: 3 } });
    expect(await stream(`?at=${between}`)).toMatchObject({ at: { revision: 0 }, state: { onHand: 5 } });
    expect(await stream("?at=2001-01-01T00:00:00Z")).toMatchObject({
      at: { revision: -1, time: null },
      state: null,
    });
    expect(await stream("?at=2001-01-01T00:00:00%2B05:30")).toMatchObject({ state: null });

    const page = await stream("?limit=1");
    expect(await stream(`?limit=1&cursor=${page.nextCursor}`)).toMatchObject({
      items: [{ revision: 1 }],
      nextCursor: null,
    });
  });

  test("of every category shows its state as plain JSON", async () => {
    const { product, order, get } = shop();
    const { id } = await product({ skus: ["SHOWN"] });
    const { order: placed, cart } = await order(["SHOWN", 2]);
    const state = async (stream: string) =>
      (await get(`/v1/ops/streams/${stream}?at=1000`, staff)).body.state;
    expect(await state(`product-${id}`)).toMatchObject({
      status: "published",
      variants: { SHOWN: { sku: "SHOWN" } },
    });
    expect(await state(`cart-${cart.id}`)).toMatchObject({
      phase: "converted",
      lines: { "sku:SHOWN": { quantity: 2 } },
    });
    expect(await state(`order-${placed.id}`)).toMatchObject({
      status: "paid",
      book: { lines: [{ sku: "SHOWN", ordered: 2, pieces: { toShip: 2 } }] },
      refunds: [],
    });
    expect(await state(`payment-${placed.payments[0].id}`)).toMatchObject({ phase: "captured" });
    expect(await state("claim-sku-shown")).toMatchObject({ held: true, holder: id });
  });

  test("that is empty is not found", async () => {
    for (const stream of ["stock-NEVER", "nothing", "-", "order-none"])
      expect(await shop().get(`/v1/ops/streams/${stream}`, staff)).toMatchObject({ status: 404 });
  });
});

describe("a rebuilt read model", () => {
  const rebuilt = async (name: string, state: string) => {
    const poll = expect.poll(async () => (await projection(name)).rebuild?.state, { timeout: 20_000 });
    await poll.toBe(state);
  };

  test("can be taken back once, brought up to date", async () => {
    const { call, product, get } = shop();
    const path = "/v1/ops/projections/stock";
    await call("POST", `${path}/rebuild`, { headers: staff });
    await rebuilt("stock", "done");
    await product({ skus: ["AFTER-REBUILD"], quantity: 6 });
    const back = await call("POST", `${path}/rollback`, { headers: staff });
    expect(back).toMatchObject({ status: 200, body: { name: "stock", rolledBack: true } });
    expect((await get("/v1/stock?limit=100", staff)).body.items).toContainEqual(
      expect.objectContaining({ sku: "AFTER-REBUILD", onHand: 6 }),
    );
    expect(await projection("stock")).toMatchObject({ state: "live" });
    const again = await call("POST", `${path}/rollback`, { headers: staff });
    expect(again).toMatchObject({ status: 409, body: { code: "illegal_transition" } });
  });

  test("is told to stop, and says so", async () => {
    const { call, runtime } = shop();
    const [failed, told] = [vi.spyOn(runtime.log, "error"), vi.spyOn(runtime.log, "info")];
    const path = "/v1/ops/projections/tasks/rebuild";
    const nothing = await call("DELETE", path, { headers: staff });
    expect(nothing).toMatchObject({ status: 409, body: { code: "illegal_transition" } });
    await call("POST", path, { headers: staff });
    expect((await call("DELETE", path, { headers: staff })).status).toBe(202);
    await rebuilt("tasks", "stopped");
    await expect
      .poll(() => told.mock.calls)
      .toContainEqual([{ model: "tasks" }, expect.stringContaining("stopped")]);
    expect(failed).not.toHaveBeenCalled();
    expect(await projection("tasks")).toMatchObject({ state: "live" });
    await call("POST", path, { headers: staff });
    await rebuilt("tasks", "done");
  });
});

describe("health", () => {
  /** The same shop, of which something else is the case. */
  const readyOf = async (changes: Partial<Runtime>) => {
    const app = await buildApp({ ...shop().runtime, ...changes });
    const answer = await app.inject("/health/ready");
    await app.close();
    return { status: answer.statusCode, body: answer.json() };
  };

  test("is live and ready", async () => {
    const { get } = shop();
    expect(await get("/health/live")).toMatchObject({ status: 200, body: { status: "ok" } });
    await shop().caughtUp();
    expect(await get("/health/ready")).toMatchObject({
      status: 200,
      body: { status: "ready", stores: { events: "ok", views: "ok", hot: "ok" } },
    });
  });

  test("names the store that is away", async () => {
    const { events, hot } = shop().runtime;
    const away = () => Promise.reject(new Error("gone"));
    const withoutHot = Object.create(hot, { get: { value: away } });
    expect(await readyOf({ hot: withoutHot })).toMatchObject({
      status: 200,
      body: {
        status: "degraded",
        stores: { events: "ok", hot: "away" },
        troubles: [{ about: "hot store", reason: "away" }],
      },
    });
    const withoutEvents = Object.create(events, { head: { value: away } });
    expect(await readyOf({ events: withoutEvents })).toMatchObject({
      status: 503,
      body: { stores: { events: "away" } },
    });
  });

  test("names the projection that is behind, and tells when none goes on", async () => {
    const { models, events } = shop().runtime;
    const head = at(100_000_000);
    const progress = (name: string) => ({
      ...models.progress(name),
      ...(name !== "catalog" && { position: head }),
    });
    const slow = {
      events: Object.create(events, {
        head: { value: async () => head },
        countBetween: { value: async () => 100_000 },
      }),
      models: Object.create(models, { progress: { value: progress } }),
    };
    expect(await readyOf(slow)).toMatchObject({
      status: 200,
      body: { status: "degraded", troubles: [{ about: "catalog", reason: "100000 events behind" }] },
    });
    const dead = Object.create(models, { death: { value: new Error("out of memory") } });
    expect(await readyOf({ models: dead })).toMatchObject({
      status: 200,
      body: { status: "degraded", troubles: [{ about: "projections" }] },
    });
  });
});

test("metrics count requests by route and status, and show what the engine and the projections do", async () => {
  const { get } = shop();
  await get("/v1/products/some-slug");
  await get("/nothing/here");
  const { status, headers, text } = await get("/metrics");
  expect(status).toBe(200);
  expect(headers["content-type"]).toContain("text/plain");
  expect(text).toMatch(
    /^http_requests_total\{method="GET",route="\/v1\/products\/:id",status="404"\} [1-9]/m,
  );
  expect(text).toMatch(/^http_requests_total\{method="GET",route="unmatched",status="404"\} [1-9]/m);
  expect(text).toMatch(
    /^http_request_duration_seconds_bucket\{le="0.1",method="GET",route="\/v1\/products\/:id"/m,
  );
  for (const name of ["lag_events", "lag_seconds", "parked_documents", "rebuilding"])
    expect(text).toMatch(new RegExp(`^cartwright_projection_${name}\\{projection="catalog"\\} 0$`, "m"));
  expect(text).toMatch(/^cartwright_commands_queued 0$/m);
  expect(text).toMatch(/^cartwright_cached_streams [1-9]/m);
  expect(text).toMatch(/^nodejs_eventloop_lag_seconds /m);
});

describe("the description", () => {
  test("is OpenAPI 3.1, with every path of the API, a summary for each and no loose ends", async () => {
    const { status, body } = await shop().get("/openapi.json");
    expect(status).toBe(200);
    expect(body.openapi).toMatch(/^3\.1\./);
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining([
        "/v1/products",
        "/v1/products/{id}",
        "/v1/stock/{sku}/ledger",
        "/v1/carts/{id}/checkout",
        "/v1/orders/{id}",
        "/v1/analytics/sales",
        "/v1/ops/projections",
        "/v1/ops/streams/{stream}",
        "/health/ready",
      ]),
    );
    for (const [path, item] of Object.entries<Body>(body.paths))
      for (const [method, operation] of Object.entries<Body>(item)) {
        expect(operation.summary, `${method} ${path}`).toEqual(expect.any(String));
        const inPath = (operation.parameters ?? []).filter((each: Body) => each.in === "path");
        const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
        expect(inPath.map((each: Body) => each.name).sort(), `${method} ${path}`).toEqual(names.sort());
      }
    const text = JSON.stringify(body);
    for (const [, name = ""] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g))
      expect(body.components.schemas, name).toHaveProperty([name]);
  });

  test("can be read as a page that needs nothing from elsewhere", async () => {
    const { get } = shop();
    const redirected = await get("/docs");
    const { status, headers, text } =
      redirected.status >= 300
        ? await get(String(redirected.headers.location).replace(/^\.?\/?docs/, "/docs"))
        : redirected;
    expect(status).toBe(200);
    expect(headers["content-type"]).toContain("text/html");
    const scripts = [...text.matchAll(/src="([^"]+)"/g)].map(([, src = ""]) => src);
    expect(scripts.length).toBeGreaterThan(0);
    for (const src of scripts) {
      expect(src).not.toMatch(/^(https?:)?\/\//);
      const { pathname } = new URL(src, "http://localhost/docs/");
      const script = await get(pathname);
      expect(script.status).toBe(200);
      const again = await get(pathname, { "if-none-match": String(script.headers.etag) });
      expect({ status: again.status, text: again.text }).toEqual({ status: 304, text: "" });
    }
  });
});
