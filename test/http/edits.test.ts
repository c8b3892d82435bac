import { describe, expect, test } from "vitest";
import { order as orderDecider } from "../../commands/order/order.ts";
import { claimMore } from "../../commands/processes/claims.ts";
import { processOf, systemContext } from "../../commands/processes/process.ts";
import { processes } from "../../commands/processes/tasks.ts";
import { type Body, openShop, openTimeoutMs, staff } from "./shop.ts";

const usd = (amount: number) => ({ amount, currency: "USD" });
const a3b1: [string, number][] = [
  ["A", 3],
  ["B", 1],
];

async function shopWith(options: Parameters<typeof openShop>[0] = {}) {
  const shop = await openShop(options);
  await shop.product({ skus: ["A"], price: 1_000, quantity: 10 });
  await shop.product({ skus: ["B"], price: 2_000, quantity: 10 });
  await shop.product({ skus: ["C"], price: 800, quantity: 2 });
  const committed = async (sku: string) => {
    await shop.caughtUp();
    return (await shop.get(`/v1/stock/${sku}`, staff)).body.committed;
  };
  const paidOrder = async () => (await shop.order(...a3b1)).order as Body;
  return { ...shop, committed, paidOrder };
}

describe("an edit", { timeout: openTimeoutMs }, () => {
  test("claims what is new and frees what is taken off, and the price difference is paid or goes back (41)", async () => {
    const { post, committed, paidOrder, get, caughtUp } = await shopWith();
    const { id } = await paidOrder();
    const add = [{ sku: "c", quantity: 1 }];
    const edited = await post(`/v1/orders/${id}/edits`, { add, acceptedTotal: usd(5_800) });
    expect(edited).toMatchObject({ status: 201, body: { editId: expect.any(String), status: "confirmed" } });
    expect(edited.body.money.balance).toEqual(usd(800));
    expect([await committed("A"), await committed("C")]).toEqual([3, 1]);
    const rest = { lines: a3b1.map(([sku, quantity]) => ({ sku, quantity })) };
    expect((await post(`/v1/orders/${id}/shipments`, rest)).status).toBe(201);
    expect(await post(`/v1/orders/${id}/shipments`)).toMatchObject({ status: 409 });
    const paid = await post(`/v1/orders/${id}/payments`, { method: "credit_card", token: "tok_ok" });
    expect(paid).toMatchObject({ status: 201, body: { paymentStatus: "paid" } });
    const removed = await post(`/v1/orders/${id}/edits`, { remove: [{ lineId: 3, quantity: 1 }] });
    expect(removed).toMatchObject({ status: 201, body: { status: "shipped", refunded: usd(800) } });
    expect(await committed("C")).toBe(0);
    await caughtUp();
    const { body } = await get(`/v1/orders/${id}`, staff);
    expect(body.lines[2]).toMatchObject({ lineId: 3, sku: "C", quantities: { cancelled: 1 } });
    expect(body.timeline.map(({ type }: Body) => type)).toEqual(expect.arrayContaining(["edited"]));
  });

  test("of what is out of stock changes nothing, and promises nothing (43)", async () => {
    const { post, committed, paidOrder } = await shopWith();
    const { id } = await paidOrder();
    const add = [
      { sku: "A", quantity: 1 },
      { sku: "C", quantity: 3 },
    ];
    const headers = { ...staff, "idempotency-key": "edit-1" };
    const refused = await post(`/v1/orders/${id}/edits`, { add }, headers);
    expect(refused).toMatchObject({ status: 409, body: { code: "out_of_stock", sku: "C" } });
    expect([await committed("A"), await committed("C")]).toEqual([3, 0]);
    expect((await post(`/v1/orders/${id}/edits`, { add }, headers)).body.code).toBe("out_of_stock");
    expect((await post(`/v1/orders/${id}/shipments`)).status).toBe(201);
    expect((await post(`/v1/orders/${id}/edits`, { add: add.slice(0, 1) })).status).toBe(409);
  });

  test("changes address and method while something is left to be sent (44)", async () => {
    const { post, paidOrder, get, caughtUp } = await shopWith();
    const { id } = await paidOrder();
    const shippingAddress = {
      fullName: "B",
      addressLine1: "2 Low Street",
      city: "York",
      postalCode: "YO1",
      country: "GB",
    };
    const body = { shippingAddress, shippingMethod: "express" };
    const edited = await post(`/v1/orders/${id}/edits`, body);
    expect(edited).toMatchObject({ status: 201, body: { shippingMethod: "express" } });
    expect(edited.body.money.balance).toEqual(usd(1_500));
    await caughtUp();
    expect((await get(`/v1/orders/${id}`, staff)).body).toMatchObject(body);
    const back = await post(`/v1/orders/${id}/edits`, { shippingMethod: "standard" });
    expect(back.body.money.balance).toEqual(usd(0));
  });

  test("that nobody goes on with is given up, and its claim is free again", async () => {
    let now = Date.now();
    const opened = await shopWith({ clock: () => now });
    const { runtime, paidOrder, committed, post } = opened;
    const { shop, clock } = runtime;
    const { id } = await paidOrder();
    const context = systemContext(clock, "test");
    const process = processOf(shop, id, context);
    const adds = [{ sku: "C", quantity: 2 }];
    await process.once(["edit", "e-1"], orderDecider, id, "RequestEdit", { editId: "e-1", adds });
    await claimMore(process, id, "e-1", [["C", 2]]);
    expect(await committed("C")).toBe(2);
    // The request that has asked for it may still be at it.
    expect((await post(`/v1/orders/${id}/notes`, { text: "n" })).status).toBe(201);
    await processes.order(shop, id, context);
    expect(await committed("C")).toBe(2);
    now += 60_000;
    await processes.order(shop, id, systemContext(clock, "test"));
    expect(await committed("C")).toBe(0);
    await expect(claimMore(process, id, "e-1", [["C", 2]])).rejects.toMatchObject({
      code: "illegal_transition",
    });
    expect(
      await shop.engine.read(orderDecider, id, (state) => state.phase === "placed" && state.openEffects.size),
    ).toBe(0);
  });
});

test("an exchange holds the new piece until the old one is inspected (40)", {
  timeout: openTimeoutMs,
}, async () => {
  const { post, paidOrder, committed } = await shopWith();
  const { id } = await paidOrder();
  await post(`/v1/orders/${id}/shipments`);
  await post(`/v1/orders/${id}/deliveries`);
  const exchange = {
    returns: [{ lineId: 1, quantity: 1, reason: "wrong_size" }],
    adds: [{ sku: "C", quantity: 1 }],
  };
  const agreed = await post(`/v1/orders/${id}/exchanges`, exchange);
  expect(agreed).toMatchObject({ status: 201, body: { status: "processing", returnId: expect.any(String) } });
  expect(await committed("C")).toBe(1);
  expect((await post(`/v1/orders/${id}/shipments`)).status).toBe(409);
  const url = `/v1/orders/${id}/returns/${agreed.body.returnId}/receive`;
  const received = await post(url, { lines: [{ lineId: 1, sellable: 1 }] });
  expect(received).toMatchObject({ status: 200, body: { refunded: usd(200) } });
  expect((await post(`/v1/orders/${id}/shipments`)).status).toBe(201);
  await post(`/v1/orders/${id}/deliveries`);
  const advance = { ...exchange, adds: [{ sku: "A", quantity: 1 }], advance: true };
  expect(await post(`/v1/orders/${id}/exchanges`, advance)).toMatchObject({ status: 201 });
  expect((await post(`/v1/orders/${id}/shipments`)).status).toBe(201);
});
