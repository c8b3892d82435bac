import { setTimeout as sleep } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type Receiver, startReceiver } from "../support/receiver.ts";
import { type Body, type HttpShop, openShop, openTimeoutMs, type ShopOptions, staff } from "./shop.ts";

const allowed = { WEBHOOK_PRIVATE_ADDRESSES: "true" };
const timeout = openTimeoutMs;
const hourMs = 3_600_000;

async function receiving(): Promise<Receiver> {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  return receiver;
}

/** A shop that does its due work, by a clock that can be moved. */
async function delivering(options: ShopOptions = {}) {
  const clock = { ahead: 0 };
  const shop = await openShop({
    env: allowed,
    runDueWork: true,
    clock: () => Date.now() + clock.ahead,
    ...options,
  });
  return { shop, clock };
}

async function endpoint({ post }: HttpShop, { url }: Receiver, ...topics: string[]): Promise<Body> {
  const { status, body } = await post("/v1/webhook-endpoints", { url, topics });
  expect({ status, body }).toMatchObject({ status: 201 });
  return body;
}

const shown = async ({ get }: HttpShop, { id }: Body) =>
  (await get(`/v1/webhook-endpoints/${id}`, staff)).body;
const until = (check: () => void | Promise<void>, timeout = 15_000) =>
  vi.waitFor(check, { timeout, interval: 50 });
const receipt = (shop: HttpShop, sku: string, quantity: number) => shop.receive(sku, quantity);
const quantities = ({ received }: Receiver) =>
  received.map(({ body }) => (body.data.change as { onHand: number }).onHand);
/** What was taken, each once, in the order of its first coming. */
const distinct = <T>(values: T[]) => [...new Set(values)];

describe("a webhook endpoint", () => {
  test("shows its secret when it is made and when it is made anew, and nowhere else", {
    timeout,
  }, async () => {
    const { shop } = await delivering();
    const receiver = await receiving();
    const made = await endpoint(shop, receiver, "order.paid");
    expect(made.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    await shop.caughtUp();
    const listed = await shop.get("/v1/webhook-endpoints", staff);
    expect(listed.body.items).toEqual([await shown(shop, made)]);
    expect(await shown(shop, made)).toMatchObject({ status: "enabled", topics: ["order.paid"] });
    const rotated = await shop.post(`/v1/webhook-endpoints/${made.id}/rotate-secret`);
    expect(rotated.body.secret).toMatch(/^whsec_/);
    expect(rotated.body.secret).not.toBe(made.secret);
    await shop.caughtUp();
    const told = [
      (await shop.get("/v1/webhook-endpoints", staff)).text,
      (await shop.get(`/v1/ops/streams/subscription-${made.id}`, staff)).text,
      (await shop.get("/v1/events?from=start&limit=100", staff)).text,
    ].join();
    for (const { secret } of [made, rotated.body]) expect(told).not.toContain(secret.slice(6, 20));
  });

  test("is made once for a key, and gets the same secret", { timeout }, async () => {
    const { shop } = await delivering();
    const { url } = await receiving();
    const headers = { ...staff, "idempotency-key": "endpoint-1" };
    const make = () => shop.post("/v1/webhook-endpoints", { url, topics: ["order.paid"] }, headers);
    const [first, second] = [await make(), await make()];
    expect(second.text).toBe(first.text);
    await shop.caughtUp();
    expect((await shop.get("/v1/webhook-endpoints", staff)).body.items).toHaveLength(1);
  });

  test("is told again by its key when there is room for no other", { timeout: 60_000 }, async () => {
    const shop = await openShop({ env: allowed });
    const { url } = await receiving();
    const make = (headers: Record<string, string>) =>
      shop.post("/v1/webhook-endpoints", { url, topics: ["order.paid"] }, { ...staff, ...headers });
    const key = { "idempotency-key": "endpoint-0" };
    const first = await make(key);
    for (let made = 1; made < 100; made++) expect((await make({})).status).toBe(201);
    await shop.caughtUp();
    expect(await make({})).toMatchObject({ status: 409, body: { code: "illegal_transition" } });
    const again = await make(key);
    expect([again.status, again.text]).toEqual([201, first.text]);
  });

  test("is sent nothing once it was answered that it is turned off", { timeout }, async () => {
    const { shop } = await delivering();
    const receiver = await receiving();
    const made = await endpoint(shop, receiver, "stock.changed");
    await receipt(shop, "A", 1);
    await until(() => expect(quantities(receiver)).toEqual([1]));
    const turn = (enabled: boolean) =>
      shop.call("PATCH", `/v1/webhook-endpoints/${made.id}`, { headers: staff, body: { enabled } });
    await turn(false);
    await receipt(shop, "A", 2);
    // Longer than it takes until changes of endpoints are looked for.
    await sleep(1_500);
    expect(quantities(receiver)).toEqual([1]);
    await turn(true);
    await until(() => expect(quantities(receiver)).toEqual([1, 2]));
  });

  test("is at a public address, over TLS", { timeout }, async () => {
    const { post } = await openShop();
    for (const url of [
      ...[
        "http://hooks.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.1.2.3/",
        "ftp://a.example",
      ],
      ...[
        "https://0x7f000001/",
        "https://2130706433/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/",
      ],
      ...["https://user:secret@hooks.example/", "https://hooks.example/#a", "hooks.example", "https://"],
      ...[
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
      ],
    ]) {
      const { status, body } = await post("/v1/webhook-endpoints", { url, topics: ["order.paid"] });
      expect({ url, status, path: body.errors?.[0].path }).toEqual({ url, status: 422, path: "url" });
    }
    const made = await post("/v1/webhook-endpoints", { url: "https://localhost:1/", topics: ["order.paid"] });
    const tried = await post(`/v1/webhook-endpoints/${made.body.id}/test`);
    expect(tried.body).toMatchObject({
      delivered: false,
      reason: expect.stringContaining("no public address"),
    });
  });

  test("is tried, and what came of it is told", { timeout }, async () => {
    const { shop } = await delivering();
    const receiver = await receiving();
    const made = await endpoint(shop, receiver, "order.paid");
    receiver.secret = made.secret;
    const tried = await shop.post(`/v1/webhook-endpoints/${made.id}/test`);
    expect(tried.body).toEqual({ messageId: receiver.received[0]?.id, delivered: true, status: 204 });
    expect(receiver.received).toMatchObject([
      { type: "webhook.test", body: { data: { endpointId: made.id } } },
    ]);
    receiver.answer = { status: 302, headers: { location: receiver.url } };
    const redirected = await shop.post(`/v1/webhook-endpoints/${made.id}/test`);
    expect(redirected.body).toMatchObject({ delivered: false, status: 302, reason: "answered 302" });
    expect(receiver.received).toHaveLength(2);
  });
});

describe("what happens", () => {
  test("is sent in order, signed, of the topics asked for, and no more than once", { timeout }, async () => {
    const { shop } = await delivering();
    const receiver = await receiving();
    await shop.product({ skus: ["BEFORE"] });
    const topics = ["order.placed", "order.confirmed", "order.paid", "order.shipped", "order.delivered"];
    const made = await endpoint(shop, receiver, ...topics);
    receiver.secret = made.secret;
    await shop.product({ skus: ["CUP"], price: 1_250 });
    const { order } = await shop.order(["CUP", 2]);
    await shop.post(`/v1/orders/${order.id}/shipments`, {});
    await shop.post(`/v1/orders/${order.id}/deliveries`, {});
    await until(() => expect(receiver.received).toHaveLength(5));
    expect(receiver.typesReceived()).toEqual(topics);
    const [{ body, headers, text }] = receiver.received as [Receiver["received"][number]];
    expect(new Webhook(made.secret).verify(text, headers)).toEqual(body);
    expect(body).toMatchObject({
      id: headers["webhook-id"],
      type: "order.placed",
      data: {
        orderId: order.id,
        number: order.number,
        lines: [{ lineId: 1, sku: "CUP", quantity: 2, unitPrice: { amount: 1_250, currency: "USD" } }],
        totals: { total: order.totals.total },
      },
    });
    expect(receiver.received.map(({ text }) => text).join()).not.toMatch(/buyer@example|High Street|A Buyer/);
    expect(receiver.received.every(({ body }) => body.data.orderId === order.id)).toBe(true);
  });

  test("is signed with the old secret as well for a day after a new one was made", { timeout }, async () => {
    const { shop } = await delivering();
    const receiver = await receiving();
    const made = await endpoint(shop, receiver, "stock.changed");
    const { secret } = (await shop.post(`/v1/webhook-endpoints/${made.id}/rotate-secret`)).body;
    await shop.post(`/v1/webhook-endpoints/${made.id}/test`);
    const [{ text, headers }] = receiver.received as [Receiver["received"][number]];
    for (const each of [made.secret, secret]) new Webhook(each).verify(text, headers);
    expect(headers["webhook-signature"]?.split(" ")).toHaveLength(2);
  });

  test("is sent again until it is taken, in order, and holds up no other endpoint", { timeout }, async () => {
    const { shop, clock } = await delivering();
    const [broken, fine] = [await receiving(), await receiving()];
    const made = await endpoint(shop, broken, "stock.changed");
    await endpoint(shop, fine, "stock.changed");
    broken.answer = 500;
    for (const quantity of [1, 2, 3]) await receipt(shop, "A", quantity);
    await until(() => expect(quantities(fine)).toEqual([1, 2, 3]));
    for (let tries = 1; tries <= 3; tries++) {
      await until(() => expect(broken.received.length).toBeGreaterThanOrEqual(tries));
      clock.ahead += hourMs;
    }
    await until(async () =>
      expect(await shown(shop, made)).toMatchObject({ status: "failing", reason: "answered 500" }),
    );
    expect(distinct(quantities(broken))).toEqual([1]);
    expect(distinct(broken.received.map(({ id }) => id))).toHaveLength(1);
    broken.answer = 200;
    clock.ahead += hourMs;
    await until(() => expect(distinct(quantities(broken))).toEqual([1, 2, 3]));
    await until(async () => expect((await shown(shop, made)).status).toBe("enabled"));
  });

  test("is not sent any more to who takes nothing for a day, or wants none", { timeout }, async () => {
    const { shop, clock } = await delivering();
    const [broken, gone] = [await receiving(), await receiving()];
    const made = await endpoint(shop, broken, "stock.changed");
    const left = await endpoint(shop, gone, "stock.changed");
    broken.answer = 503;
    gone.answer = 410;
    await receipt(shop, "A", 1);
    await until(async () =>
      expect(await shown(shop, left)).toMatchObject({ status: "disabled", reason: "answered 410" }),
    );
    await until(() => expect(broken.received).toHaveLength(1));
    clock.ahead += 25 * hourMs;
    await until(async () =>
      expect(await shown(shop, made)).toMatchObject({ status: "disabled", reason: "answered 503" }),
    );
    await receipt(shop, "A", 2);
    await sleep(1_500);
    expect(quantities(broken)).toEqual([1, 1]);
    // Turned on again, it gets what it has missed.
    broken.answer = 200;
    await shop.call("PATCH", `/v1/webhook-endpoints/${made.id}`, { headers: staff, body: { enabled: true } });
    await until(() => expect(quantities(broken)).toEqual([1, 1, 1, 2]));
    await until(async () => expect((await shown(shop, made)).status).toBe("enabled"));
  });

  test("is sent from where it stood after the shop was stopped", { timeout }, async () => {
    const { shop } = await delivering();
    const receiver = await receiving();
    await endpoint(shop, receiver, "stock.changed");
    await receipt(shop, "A", 1);
    await until(() => expect(quantities(receiver)).toEqual([1]));
    await receipt(shop, "A", 2);
    await shop.close();
    const { shop: again } = await delivering({ folder: shop.folder });
    await receipt(again, "A", 3);
    await until(() => expect(quantities(receiver).at(-1)).toBe(3));
    expect(distinct(quantities(receiver))).toEqual([1, 2, 3]);
    // Stopped in order, it has kept how far it was.
    expect(quantities(receiver).filter((quantity) => quantity === 1)).toHaveLength(1);
  });

  test("is nothing of an endpoint that was deleted, and goes where one was changed to", {
    timeout,
  }, async () => {
    const { shop } = await delivering();
    const [one, other] = [await receiving(), await receiving()];
    const made = await endpoint(shop, one, "stock.changed");
    const deleted = await endpoint(shop, one, "order.paid");
    const removed = await shop.call("DELETE", `/v1/webhook-endpoints/${deleted.id}`, { headers: staff });
    expect(removed).toMatchObject({ status: 200, body: { id: deleted.id, deleted: true } });
    const body = { url: other.url, description: "Warehouse" };
    const changed = await shop.call("PATCH", `/v1/webhook-endpoints/${made.id}`, { headers: staff, body });
    expect(changed.body).toMatchObject(body);
    await shop.caughtUp();
    await sleep(1_200);
    await shop.product({ skus: ["A"], quantity: 3 });
    await shop.order(["A", 1]);
    await until(() => expect(quantities(other)).toContain(3));
    expect(one.received).toEqual([]);
    expect((await shop.get(`/v1/webhook-endpoints/${deleted.id}`, staff)).status).toBe(404);
  });
});

describe("a replay", () => {
  test("sends again from a position, in order, and then goes on", { timeout }, async () => {
    const { shop } = await delivering();
    const receiver = await receiving();
    const made = await endpoint(shop, receiver, "stock.changed");
    await receipt(shop, "A", 1);
    const { headers } = await shop.post("/v1/stock/A/receipts", { quantity: 2 });
    for (const quantity of [3, 4]) await receipt(shop, "A", quantity);
    await until(() => expect(quantities(receiver)).toEqual([1, 2, 3, 4]));
    const ids = receiver.received.map(({ id }) => id);
    await shop.call("PATCH", `/v1/webhook-endpoints/${made.id}`, {
      headers: staff,
      body: { enabled: false },
    });
    await until(async () =>
      expect((await shop.get(`/v1/ops/streams/subscription-${made.id}`, staff)).text).toContain(
        "DeliveriesReached",
      ),
    );
    await shop.call("PATCH", `/v1/webhook-endpoints/${made.id}`, { headers: staff, body: { enabled: true } });
    const asked = await shop.post(`/v1/webhook-endpoints/${made.id}/replay`, { from: headers.position });
    expect(asked).toMatchObject({ status: 202, body: { replaying: true } });
    await until(() => expect(quantities(receiver)).toEqual([1, 2, 3, 4, 3, 4]));
    expect(receiver.received.slice(4).map(({ id }) => id)).toEqual(ids.slice(2));
    await until(async () => expect((await shown(shop, made)).replaying).toBe(false));
    await receipt(shop, "A", 5);
    await until(() => expect(quantities(receiver)).toEqual([1, 2, 3, 4, 3, 4, 5]));
  });

  test("goes back before the endpoint was made, by a time, of some of its topics", { timeout }, async () => {
    const { shop, clock } = await delivering();
    const receiver = await receiving();
    await receipt(shop, "A", 1);
    clock.ahead += hourMs;
    const from = new Date(Date.now() + clock.ahead - 1_000).toISOString();
    await shop.product({ skus: ["B"], quantity: 2 });
    const made = await endpoint(shop, receiver, "stock.changed", "product.published");
    const asked = await shop.post(`/v1/webhook-endpoints/${made.id}/replay`, {
      from,
      topics: ["stock.changed"],
    });
    expect(asked.status).toBe(202);
    await until(() => expect(quantities(receiver)).toEqual([2]));
    await until(async () => expect((await shown(shop, made)).replaying).toBe(false));
    await shop.product({ skus: ["C"], quantity: 0 });
    await until(() => expect(receiver.typesReceived()).toEqual(["stock.changed", "product.published"]));
  });

  test("takes an endpoint back that is being sent to, and ends no sooner than it stood", {
    timeout,
  }, async () => {
    const { shop } = await delivering();
    const receiver = await receiving();
    await receipt(shop, "A", 1);
    const made = await endpoint(shop, receiver, "stock.changed");
    await receipt(shop, "A", 2);
    await until(() => expect(quantities(receiver)).toEqual([2]));
    const from = "2020-01-01T00:00:00Z";
    await shop.post(`/v1/webhook-endpoints/${made.id}/replay`, { from });
    // Nothing was kept yet of where it stood: what came since it was made comes again.
    await until(() => expect(quantities(receiver)).toEqual([2, 1, 2]));
    await receipt(shop, "A", 3);
    await until(() => expect(quantities(receiver)).toEqual([2, 1, 2, 3]));
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(3);
  });

  test("is refused for what is no time and no position", { timeout }, async () => {
    const { shop } = await delivering();
    const made = await endpoint(shop, await receiving(), "stock.changed");
    for (const from of ["yesterday", "2026-02-30T00:00:00Z", "2026-01-01", "x".repeat(60)]) {
      const { status } = await shop.post(`/v1/webhook-endpoints/${made.id}/replay`, { from });
      expect({ from, status }).toEqual({ from, status: 422 });
    }
  });
});
