import { beforeAll, describe, expect, test, vi } from "vitest";
import { type Body, checkoutBody, openShop, openTimeoutMs, sharedShop, staff } from "./shop.ts";

const shop = sharedShop();
const usd = (amount: number) => ({ amount, currency: "USD" });
const put = (url: string, body: unknown) => shop().call("PUT", url, { headers: staff, body });

describe("products", () => {
  test("are created as drafts with a slug, described, priced, published and archived", async () => {
    const { post, call } = shop();
    const created = await post("/v1/products", {
      name: "Enamel Kettle",
      description: "Holds two litres.",
      brand: "Potter",
      category: "kitchen",
      tags: ["enamel"],
      images: [{ url: "/kettle.jpg" }],
      variants: [
        {
          sku: "KETTLE",
          name: "Red",
          price: usd(4_500),
          compareAtPrice: usd(5_000),
          attributes: { c: "red" },
        },
      ],
    });
    expect(created).toMatchObject({ status: 201, body: { slug: "enamel-kettle", status: "draft" } });
    const url = `/v1/products/${created.body.id}`;
    expect(await call("PATCH", url, { headers: staff, body: { brand: null, tags: [] } })).toMatchObject({
      status: 200,
    });
    expect(await post(`${url}/variants`, { sku: "KETTLE-B", price: usd(4_600) })).toMatchObject({
      status: 200,
    });
    expect(await put(`${url}/variants/KETTLE-B/price`, { price: usd(4_700) })).toMatchObject({
      status: 200,
      body: { sku: "KETTLE-B", price: usd(4_700) },
    });
    expect(await post(`${url}/publish`)).toMatchObject({ status: 200, body: { status: "published" } });
    expect(await post(`${url}/archive`)).toMatchObject({ status: 200, body: { status: "archived" } });
    expect(await post(`${url}/variants`, { sku: "KETTLE-C", price: usd(1) })).toMatchObject({
      status: 409,
      body: { code: "illegal_transition" },
    });
  });

  test("cannot share a SKU", async () => {
    const { product, post } = shop();
    await product({ skus: ["TAKEN"] });
    const second = await post("/v1/products", {
      name: "Another",
      variants: [{ sku: "TAKEN", price: usd(1) }],
    });
    expect(second).toMatchObject({ status: 409, body: { code: "already_exists", sku: "TAKEN" } });
  });
});

describe("stock", () => {
  test("is received, adjusted and given a policy", async () => {
    const { post } = shop();
    await shop().stocked("BOLTS");
    expect(await post("/v1/stock/BOLTS/receipts", { quantity: 10, reference: "note 1" })).toMatchObject({
      status: 201,
      body: { sku: "BOLTS", onHand: 10, available: 10 },
    });
    expect(await post("/v1/stock/BOLTS/adjustments", { delta: -4, reason: "lost" })).toMatchObject({
      status: 201,
      body: { onHand: 6 },
    });
    expect(await post("/v1/stock/BOLTS/adjustments", { delta: -7, reason: "lost" })).toMatchObject({
      status: 409,
      body: { code: "out_of_stock" },
    });
    expect(await put("/v1/stock/BOLTS/policy", { backorders: true, lowStockThreshold: 2 })).toMatchObject({
      status: 200,
      body: { backorders: true, lowStockThreshold: 2 },
    });
  });
});

describe("a cart", () => {
  beforeAll(async () => {
    await shop().product({ skus: ["CART-A", "CART-B"], price: 1_000, quantity: 1_000 });
  }, openTimeoutMs);

  test("is opened with a token, filled, changed and emptied", async () => {
    const { call, post } = shop();
    const { status, body } = await post("/v1/carts", {}, {});
    expect({ status, body }).toMatchObject({
      status: 201,
      body: {
        id: expect.any(String),
        cartToken: expect.any(String),
        items: [],
        status: "open",
        currency: "USD",
      },
    });
    const headers = { "cart-token": body.cartToken };
    const items = `/v1/carts/${body.id}/items`;
    expect(await post(items, { sku: "CART-A", quantity: 2 }, headers)).toMatchObject({
      status: 200,
      body: { items: [{ sku: "CART-A", quantity: 2, lineTotal: usd(2_000) }], totals: { total: usd(2_000) } },
    });
    await post(items, { sku: "CART-B", quantity: 1 }, headers);
    expect((await call("PATCH", `${items}/CART-A`, { headers, body: { quantity: 5 } })).body.itemCount).toBe(
      6,
    );
    expect((await call("DELETE", `${items}/CART-A`, { headers })).body.items).toMatchObject([
      { sku: "CART-B" },
    ]);
    expect(await call("DELETE", `${items}/CART-A`, { headers })).toMatchObject({ status: 404 });
    expect(await call("DELETE", `/v1/carts/${body.id}`, { headers })).toMatchObject({
      body: { status: "abandoned" },
    });
    expect(await post(items, { sku: "CART-A", quantity: 1 }, headers)).toMatchObject({
      status: 409,
      body: { code: "cart_closed" },
    });
  });

  test("takes no SKU that is not for sale, and no other currency", async () => {
    const { cart, post } = shop();
    const { id, guest } = await cart();
    expect(await post(`/v1/carts/${id}/items`, { sku: "NOBODY-HAS-IT", quantity: 1 }, guest)).toMatchObject({
      status: 404,
      body: { code: "not_found" },
    });
    expect(await post("/v1/carts", { currency: "EUR" }, {})).toMatchObject({
      status: 409,
      body: { code: "currency_mismatch" },
    });
  });

  test("lets only staff set a price", async () => {
    const { cart, post } = shop();
    const { id, guest } = await cart();
    const line = { sku: "CART-A", quantity: 1, unitPrice: usd(1) };
    expect((await post(`/v1/carts/${id}/items`, line, guest)).status).toBe(401);
    expect((await post(`/v1/carts/${id}/items`, line)).body.totals.total).toEqual(usd(1));
  });
});

describe("a checkout", () => {
  beforeAll(async () => {
    await shop().product({ skus: ["BUY"], price: 1_000, quantity: 1_000 });
    await shop().product({ skus: ["LAST"], price: 1_000, quantity: 1 });
  }, openTimeoutMs);

  test("makes a paid order out of a cart, once", async () => {
    const { cart, checkOut, get } = shop();
    const full = await cart(["BUY", 3]);
    const { status, body } = await checkOut(full, { shippingMethod: "express", acceptedTotal: usd(4_500) });
    expect({ status, body }).toMatchObject({
      status: 201,
      body: {
        id: expect.any(String),
        number: expect.stringMatching(/^ORD-\d{8}-[0-9A-Z]{5,}$/),
        status: "paid",
        paymentStatus: "paid",
        lines: [{ sku: "BUY", quantity: 3, unitPrice: usd(1_000), total: usd(3_000) }],
        totals: {
          subtotal: usd(3_000),
          discount: usd(0),
          shipping: usd(1_500),
          tax: usd(0),
          total: usd(4_500),
        },
      },
    });
    expect((await get(`/v1/carts/${full.id}`, full.guest)).body).toMatchObject({
      status: "converted",
      orderId: body.id,
    });
    const again = await checkOut(full);
    expect(again.status === 409 ? again.body.code : again.body.id).toBe(
      again.status === 409 ? "cart_converted" : body.id,
    );
  });

  test.each([
    ["tok_declined", 402, "payment_declined"],
    ["tok_error_once", 201, undefined],
    ["tok_action", 201, undefined],
  ])("with %s answers %i", async (token, status, code) => {
    const { cart, checkOut } = shop();
    const answer = await checkOut(await cart(["BUY", 1]), { payment: { method: "credit_card", token } });
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
  });

  test.each(["debit_card", "paypal", "bank_transfer", "cod"])("can be paid by %s", async (method) => {
    const { cart, checkOut } = shop();
    const { status, body } = await checkOut(await cart(["BUY", 1]), { payment: { method, token: "tok_ok" } });
    expect({ status, paymentMethod: body.paymentMethod }).toEqual({ status: 201, paymentMethod: method });
  });

  test("is refused with out_of_stock when the last piece has gone, and leaves the cart open", async () => {
    const { cart, checkOut, get } = shop();
    const [first, second] = [await cart(["LAST", 1]), await cart(["LAST", 1])];
    expect((await checkOut(first)).status).toBe(201);
    expect(await checkOut(second)).toMatchObject({ status: 409, body: { code: "out_of_stock" } });
    expect((await get(`/v1/carts/${second.id}`, second.guest)).body).toMatchObject({
      status: "open",
      failure: { code: "out_of_stock" },
    });
    expect((await get("/v1/stock/LAST", staff)).body).toMatchObject({
      onHand: 1,
      reserved: 0,
      committed: 1,
      available: 0,
    });
  });

  test("is refused with price_changed when the client has accepted another total", async () => {
    const { cart, checkOut } = shop();
    const answer = await checkOut(await cart(["BUY", 1]), { acceptedTotal: usd(999) });
    expect(answer).toMatchObject({ status: 409, body: { code: "price_changed", total: usd(1_000) } });
  });

  test("of one cart in two tabs makes one order", async () => {
    const { cart, checkOut } = shop();
    const full = await cart(["BUY", 1]);
    const answers = await Promise.all([checkOut(full), checkOut(full)]);
    const made = answers.filter(({ status }) => status === 201).map(({ body }) => body.id);
    expect(made.length).toBeGreaterThan(0);
    expect(new Set(made).size).toBe(1);
  });

  test("by twenty at once of five pieces makes five orders", async () => {
    const { product, cart, checkOut } = shop();
    await product({ skus: ["RUSH"], quantity: 5 });
    const carts = await Promise.all(Array.from({ length: 20 }, () => cart(["RUSH", 1])));
    const answers = await Promise.all(carts.map((each) => checkOut(each)));
    const codes = answers.map(({ status, body }) => (status === 201 ? "ordered" : body.code)).sort();
    expect(codes).toEqual([...Array(5).fill("ordered"), ...Array(15).fill("out_of_stock")]);
  });

  test("of an empty cart, or one that is nobody's, is refused", async () => {
    const { cart, checkOut, post } = shop();
    expect(await checkOut(await cart())).toMatchObject({ status: 409, body: { code: "cart_empty" } });
    expect((await post("/v1/carts/none/checkout", checkoutBody)).status).toBe(404);
  });
});

describe("an order", () => {
  const ordered = async (
    quantity = 2,
  ): Promise<{ id: string; url: string; paymentId: string; body: Body }> => {
    const { order } = await shop().order(["FULFIL", quantity]);
    return { id: order.id, url: `/v1/orders/${order.id}`, paymentId: order.payments[0].id, body: order };
  };

  beforeAll(async () => {
    await shop().product({ skus: ["FULFIL"], price: 1_000, quantity: 1_000 });
  }, openTimeoutMs);

  test("is shipped in parts, delivered, returned and refunded", async () => {
    const { post } = shop();
    const { url } = await ordered(3);
    expect(
      await post(`${url}/shipments`, {
        lines: [{ sku: "FULFIL", quantity: 1 }],
        carrier: "DHL",
        trackingNumber: "1",
      }),
    ).toMatchObject({ status: 201, body: { status: "processing", shipmentId: expect.any(String) } });
    expect(await post(`${url}/shipments`)).toMatchObject({ status: 201, body: { status: "shipped" } });
    expect(await post(`${url}/deliveries`, {})).toMatchObject({ status: 201, body: { status: "delivered" } });
    const returned = await post(`${url}/returns`, {
      lines: [{ sku: "FULFIL", quantity: 2 }],
      reason: "too many",
    });
    expect(returned).toMatchObject({ status: 201, body: { returns: [{ status: "requested" }] } });
    const back = `${url}/returns/${returned.body.returnId}`;
    expect(await post(`${back}/approve`)).toMatchObject({
      status: 200,
      body: { returns: [{ status: "approved" }] },
    });
    expect(
      await post(`${back}/receive`, { lines: [{ sku: "FULFIL", sellable: 1, damaged: 1 }] }),
    ).toMatchObject({
      status: 200,
      body: {
        returns: [{ status: "closed" }],
        refunded: usd(2_000),
        paymentStatus: "partially_refunded",
      },
    });
    expect(await post(`${url}/refunds`, { reason: "goodwill" })).toMatchObject({
      status: 201,
      body: { refunded: usd(3_000), paymentStatus: "refunded" },
    });
    expect(await post(`${url}/refunds`, { amount: usd(1), reason: "more" })).toMatchObject({ status: 409 });
  });

  test("whose refund the gateway refuses has nothing refunded, and the same key is told the same", async () => {
    const { post, get, product, order, caughtUp, runtime } = shop();
    await product({ skus: ["KEPT"], price: 1_000 });
    const { order: bought } = await order(["KEPT", 1]);
    const url = `/v1/orders/${bought.id}`;
    const refuse = vi.spyOn(runtime.shop.gateway, "refund");
    refuse.mockResolvedValue({ status: "refused", reason: "the card is closed" });
    const keyed = { ...staff, "idempotency-key": "refused-refund" };
    const ask = () => post(`${url}/refunds`, { amount: usd(300), reason: "r" }, keyed);
    const refused = await ask();
    expect(refused).toMatchObject({
      status: 402,
      body: { code: "refund_refused", detail: expect.stringContaining("the card is closed") },
    });
    refuse.mockRestore();
    expect(await ask()).toMatchObject({ status: 402, body: refused.body });
    await caughtUp();
    expect((await get(url, staff)).body).toMatchObject({
      paymentStatus: "paid",
      refunded: usd(0),
      refunds: [],
    });
    expect((await post(`${url}/refunds`, { amount: usd(300), reason: "another card" })).status).toBe(201);
  });

  test("says of what has still to be sent what is there for it, and what is on backorder (8)", async () => {
    const { product, order, post, call, get, receive, caughtUp } = shop();
    await product({ skus: ["LATE"], price: 1_000, quantity: 1 });
    await call("PUT", "/v1/stock/LATE/policy", { headers: staff, body: { backorders: true } });
    const { order: placed, cart } = await order(["LATE", 3]);
    const url = `/v1/orders/${placed.id}`;
    const shown = async (headers = staff as Record<string, string>) => {
      await caughtUp();
      const { toShip, allocated, backordered } = (await get(url, headers)).body.lines[0].quantities;
      return { toShip, allocated, backordered };
    };
    expect(await shown()).toEqual({ toShip: 3, allocated: 1, backordered: 2 });
    expect(await shown(cart.guest)).toEqual({ toShip: 3, allocated: 1, backordered: 2 });
    await post(`${url}/cancel`, { lines: [{ lineId: 1, quantity: 1 }] });
    expect(await shown()).toEqual({ toShip: 2, allocated: 1, backordered: 1 });
    await receive("LATE", 1);
    expect(await shown()).toEqual({ toShip: 2, allocated: 2, backordered: 0 });
    await post(`${url}/shipments`, {});
    expect(await shown()).toEqual({ toShip: 0, allocated: 0, backordered: 0 });
  });

  test("is cancelled and refunded in parts, by line, and says where its pieces and its money are", async () => {
    const { product, order, post, get, caughtUp } = shop();
    await product({ skus: ["PART-A"], price: 1_000, quantity: 10 });
    await product({ skus: ["PART-B"], price: 2_000, quantity: 10 });
    const placed = await order(["PART-A", 3], ["PART-B", 1]);
    const url = `/v1/orders/${placed.order.id}`;
    const [a] = placed.order.lines;
    const lineId = a.sku === "PART-A" ? 1 : 2;
    const line = (body: Body) => body.lines[lineId - 1].quantities;
    const stock = async () => (await get("/v1/stock/PART-A", staff)).body;

    const cancelled = await post(`${url}/cancel`, { lines: [{ sku: "part-a", quantity: 1 }] });
    expect(cancelled).toMatchObject({
      status: 200,
      body: { status: "paid", paymentStatus: "partially_refunded" },
    });
    expect(line(cancelled.body)).toMatchObject({ ordered: 3, cancelled: 1, toShip: 2 });
    expect(cancelled.body.money).toEqual({
      due: usd(4_000),
      captured: usd(5_000),
      refunded: usd(1_000),
      pending: usd(0),
      balance: usd(0),
    });
    expect(await post(`${url}/shipments`, { lines: [{ sku: "PART-A", quantity: 1 }] })).toMatchObject({
      status: 201,
    });
    expect(await stock()).toMatchObject({ onHand: 9, committed: 1 });
    const refunded = await post(`${url}/refunds`, { lines: [{ lineId, quantity: 1 }], reason: "not wanted" });
    expect(refunded).toMatchObject({ status: 201, body: { refunded: usd(2_000) } });
    expect(line(refunded.body)).toMatchObject({ cancelled: 2, inTransit: 1, toShip: 0 });
    await caughtUp();
    const { body: left } = await get(`/v1/orders/${placed.order.number}/refundable`, staff);
    expect(left).toMatchObject({
      id: placed.order.id,
      shipping: usd(0),
      total: usd(3_000),
      payout: usd(3_000),
    });
    expect(left.lines[lineId - 1]).toEqual({
      lineId,
      sku: "PART-A",
      name: expect.any(String),
      quantity: 1,
      goods: usd(1_000),
      tax: usd(0),
      total: usd(1_000),
    });
    expect((await get("/v1/orders/none/refundable", staff)).status).toBe(404);
    expect(await stock()).toMatchObject({ onHand: 9, committed: 0, available: 9 });
    expect(await post(`${url}/refunds`, { lines: [{ lineId, quantity: 2 }], reason: "r" })).toMatchObject({
      status: 409,
      body: { code: "illegal_transition", detail: expect.stringContaining("at most 1") },
    });
    expect(await post(`${url}/cancel`)).toMatchObject({
      status: 200,
      body: { status: "shipped", refunded: usd(4_000) },
    });
    await caughtUp();
    const told = (await get(url, staff)).body;
    expect(told).toMatchObject({ status: "shipped", money: { due: usd(1_000), balance: usd(0) } });
    expect(line(told)).toMatchObject({ ordered: 3, cancelled: 2, inTransit: 1 });
    const products = (await get("/v1/analytics/products?sort=units&limit=50", staff)).body.items;
    expect(products.find(({ sku }: Body) => sku === "PART-A")).toMatchObject({
      units: 1,
      revenue: usd(1_000),
    });
    expect(await post(`${url}/refunds`, { amount: usd(1), shipping: true, reason: "r" })).toMatchObject({
      status: 422,
    });
  });

  test("is returned in parts, inspected, and refunded less a fee", async () => {
    const { product, order, post, get, caughtUp } = shop();
    await product({ skus: ["COMES-BACK"], price: 1_000, quantity: 10 });
    const placed = await order(["COMES-BACK", 3]);
    const url = `/v1/orders/${placed.order.id}`;
    await post(`${url}/shipments`);
    await post(`${url}/deliveries`);
    const announced = await post(`${url}/returns`, {
      lines: [{ lineId: 1, quantity: 3, reason: "wrong_size" }],
      reason: "too small",
    });
    expect(announced).toMatchObject({
      status: 201,
      body: { returns: [{ lines: [{ reason: "wrong_size" }] }] },
    });
    const its = `${url}/returns/${announced.body.returnId}`;
    await post(`${its}/approve`);
    const came = { lines: [{ sku: "comes-back", quantity: 1, sellable: 1 }], fee: usd(400) };
    expect(await post(`${its}/receive`, came)).toMatchObject({
      status: 200,
      body: {
        returns: [{ status: "partly_received" }],
        refunded: usd(600),
        lines: [{ quantities: { announced: 1, inspecting: 1, sellable: 1, returned: 2 } }],
      },
    });
    expect(await post(`${its}/inspect`, { lines: [{ lineId: 1, rejected: 1 }] })).toMatchObject({
      status: 200,
      body: { refunded: usd(600), lines: [{ quantities: { kept: 1, inspecting: 0 } }] },
    });
    expect(await post(`${its}/inspect`, { lines: [{ lineId: 1, sellable: 1 }] })).toMatchObject({
      status: 409,
    });
    expect(await post(`${its}/withdraw`)).toMatchObject({ status: 409 });
    expect(await post(`${its}/close`)).toMatchObject({
      status: 200,
      body: { returns: [{ status: "closed" }] },
    });
    expect((await get("/v1/stock/COMES-BACK", staff)).body).toMatchObject({ onHand: 8, damaged: 0 });
    const again = await post(`${url}/returns`, { lines: [{ lineId: 1, quantity: 2 }] });
    expect(await post(`${url}/returns/${again.body.returnId}/withdraw`)).toMatchObject({
      status: 200,
      body: { returns: [{ status: "closed" }, { status: "withdrawn" }] },
    });
    await caughtUp();
    const told = (await get(url, staff)).body;
    expect(told).toMatchObject({ status: "delivered", money: { due: usd(2_400), balance: usd(0) } });
    expect(told.returns[0].received).toHaveLength(2);
  });

  test("of which a parcel comes to nothing says so, takes it back, and is sent again or ended", async () => {
    const { product, order, post, get, caughtUp } = shop();
    await product({ skus: ["FAILS"], price: 1_000, quantity: 10 });
    const placed = await order(["FAILS", 3]);
    const url = `/v1/orders/${placed.order.id}`;
    const some = (quantity: number) => [{ lineId: 1, quantity }];
    const { shipmentId } = (await post(`${url}/shipments`, { lines: some(2) })).body;
    const its = `${url}/shipments/${shipmentId}`;
    expect(await post(`${url}/deliveries`, { shipmentId, lines: some(1) })).toMatchObject({
      status: 201,
      body: { shipments: [{ delivered: false }], lines: [{ quantities: { kept: 1, inTransit: 1 } }] },
    });
    expect(await post(`${url}/deliveries`, { lines: some(1) })).toMatchObject({ status: 422 });
    expect(await post(`${its}/failures`, { outcome: "lost" })).toMatchObject({
      status: 201,
      body: { status: "processing", shipmentId, lines: [{ quantities: { failed: 1, toShip: 1 } }] },
    });
    expect(await post(`${its}/failures`, { outcome: "lost" })).toMatchObject({ status: 409 });
    const found = { lines: [{ sku: "fails", sellable: 1, damaged: 0 }] };
    expect(await post(`${its}/returns`, found)).toMatchObject({ status: 201 });
    expect(await post(`${its}/returns`, found)).toMatchObject({ status: 409 });
    expect((await get("/v1/stock/FAILS", staff)).body).toMatchObject({ onHand: 9, committed: 1 });
    expect(await post(`${url}/reshipments`, { lines: some(1) })).toMatchObject({
      status: 201,
      body: { lines: [{ quantities: { failed: 0, toShip: 2 } }] },
    });
    expect((await get("/v1/stock/FAILS", staff)).body).toMatchObject({ onHand: 9, committed: 2 });
    expect(await post(`${url}/shipments`)).toMatchObject({ status: 201, body: { status: "shipped" } });
    expect(await post(`${url}/deliveries`)).toMatchObject({ status: 201, body: { status: "delivered" } });
    await caughtUp();
    const { body } = await get(url, staff);
    expect(body).toMatchObject({ status: "delivered", paymentStatus: "paid" });
    expect(body.shipments[0].failures).toMatchObject([
      { outcome: "lost", lines: [{ lineId: 1, quantity: 1 }] },
    ]);
    const told = (await get(url, placed.cart.guest)).body.timeline.map(({ text }: Body) => text);
    expect(told).toEqual(
      expect.arrayContaining(["1 piece lost on the way", "1 piece will be sent once more"]),
    );
    expect(await post(`${url}/shipments/none/failures`, { outcome: "lost" })).toMatchObject({ status: 404 });
  });

  test("is cancelled with its money and its stock given back, by the guest who placed it", async () => {
    const { product, order, post, get } = shop();
    await product({ skus: ["BACK"], quantity: 4 });
    const placed = await order(["BACK", 4]);
    const answer = await post(
      `/v1/orders/${placed.order.id}/cancel`,
      { reason: "changed my mind" },
      placed.cart.guest,
    );
    expect(answer).toMatchObject({ status: 200, body: { status: "cancelled" } });
    expect((await get("/v1/stock/BACK", staff)).body.available).toBe(4);
    const { timeline, payments } = (await get(`/v1/orders/${placed.order.id}`, placed.cart.guest)).body;
    expect(timeline.map(({ type }: Body) => type)).toContain("cancelled");
    expect(payments[0].refunded).toEqual(usd(1_000 * 4));
  });

  test("cannot be shipped twice, delivered before, or cancelled after", async () => {
    const { post } = shop();
    const { url } = await ordered();
    expect(await post(`${url}/deliveries`)).toMatchObject({
      status: 409,
      body: { code: "illegal_transition" },
    });
    await post(`${url}/shipments`);
    expect(await post(`${url}/shipments`)).toMatchObject({
      status: 409,
      body: { code: "illegal_transition" },
    });
    expect(await post(`${url}/cancel`)).toMatchObject({ status: 409, body: { code: "illegal_transition" } });
  });

  test("that is not there is not found by any command", async () => {
    const commands: [string, unknown][] = [
      ["cancel", {}],
      ["shipments", {}],
      ["deliveries", {}],
      ["returns", { lines: [{ sku: "A", quantity: 1 }] }],
      ["refunds", { reason: "none" }],
      ["notes", { text: "none" }],
    ];
    for (const [command, body] of commands)
      expect(await shop().post(`/v1/orders/none/${command}`, body)).toMatchObject({
        status: 404,
        body: { code: "not_found" },
      });
  });

  test("that is cancelled says at once what its gateway does not give back, and each refund has its name", async () => {
    const { cart, checkOut, post, caughtUp, get } = shop();
    const cancelled = async () => {
      const payment = { method: "credit_card", token: "tok_refund_refused" };
      const { id } = (await checkOut(await cart(["FULFIL", 1]), { payment })).body;
      const { status, body } = await post(`/v1/orders/${id}/cancel`);
      const { pending, balance, captured } = body.money;
      expect({ status, pending: pending.amount, balance: -balance.amount }).toEqual({
        status: 200,
        pending: 0,
        balance: captured.amount,
      });
      return { id, failed: `cancellation-${id}` };
    };
    const [first, second] = [await cancelled(), await cancelled()];
    for (const { id, failed } of [second, first]) {
      const again = await post(`/v1/refunds/${failed}/retry`, { manual: true });
      expect(again).toMatchObject({ status: 201, body: { id, paymentStatus: "refunded" } });
    }
    await caughtUp();
    expect((await get(`/v1/orders/${first.id}`, staff)).body.money.balance.amount).toBe(0);
    expect((await post("/v1/refunds/none/approve")).status).toBe(404);
  });

  test("by bank transfer is paid when the transfer is booked, and a payment can be voided before", async () => {
    const { cart, checkOut, post } = shop();
    const byTransfer = async () => {
      const { body } = await checkOut(await cart(["FULFIL", 1]), { payment: { method: "bank_transfer" } });
      return { url: `/v1/payments/${body.payments[0].id}`, orderId: body.id };
    };
    const [paid, voided] = [await byTransfer(), await byTransfer()];
    expect(await post(`${paid.url}/capture`)).toMatchObject({ status: 200, body: { status: "captured" } });
    expect((await shop().post(`/v1/orders/${paid.orderId}/shipments`)).status).toBe(201);
    expect(await post(`${voided.url}/void`)).toMatchObject({ status: 200, body: { status: "voided" } });
    // What comes after all goes back.
    const late = { amount: { amount: 700, currency: "USD" } };
    expect((await shop().post(`${voided.url}/capture`, late)).body).toMatchObject({ captured: late.amount });
    await shop().caughtUp();
    expect((await shop().get(voided.url, staff)).body).toMatchObject({ refunded: late.amount });
  });
});

test(
  "a draft is made by staff, holds nothing, never ends, and is checked out like any cart (50)",
  async () => {
    let now = Date.now();
    const { product, post, get, caughtUp, runtime } = await openShop({ clock: () => now, runDueWork: true });
    await product({ skus: ["DRAFTED"], price: 1_000, quantity: 3 });
    expect(await post("/v1/carts", { draft: true }, {})).toMatchObject({
      status: 403,
      body: { code: "forbidden" },
    });
    const keyed = { ...staff, "idempotency-key": "draft" };
    const { body: draft } = await post("/v1/carts", { draft: true }, keyed);
    expect(draft).toMatchObject({ draft: true, status: "open" });
    expect((await post("/v1/carts", { draft: true }, keyed)).body).toEqual(draft);
    const { body: ordinary } = await post("/v1/carts", {}, staff);
    const url = `/v1/carts/${draft.id}`;
    await post(`${url}/items`, { sku: "DRAFTED", quantity: 2, unitPrice: usd(800) });
    expect((await get("/v1/stock/DRAFTED", staff)).body).toMatchObject({ reserved: 0, available: 3 });

    now += 400 * 86_400_000;
    await expect.poll(async () => (await get(`/v1/carts/${ordinary.id}`, staff)).body.status).toBe("expired");
    await caughtUp();
    const { draft: isDraft, ...guests } = (await get(url, { "cart-token": draft.cartToken })).body;
    expect([isDraft, guests.status, guests.expiresAt]).toEqual([undefined, "open", undefined]);
    const { items } = (await get("/v1/drafts", staff)).body;
    expect(items).toMatchObject([{ id: draft.id, draft: true, itemCount: 2, subtotal: usd(1_600) }]);
    const { body: order, status } = await post(`${url}/checkout`, {
      ...checkoutBody,
      email: "ada@example.com",
    });
    expect({ status, order }).toMatchObject({
      status: 201,
      order: { status: "paid", totals: { total: usd(1_600) } },
    });
    expect((await get("/v1/stock/DRAFTED", staff)).body).toMatchObject({ committed: 2, available: 1 });
    await caughtUp();
    expect((await get("/v1/drafts", staff)).body.items).toEqual([]);
    expect((await get(`/v1/orders/${order.id}`, staff)).body.email).toBe("ada@example.com");
    expect(runtime.tasks.failing()).toEqual([]);
  },
  openTimeoutMs,
);

test("a return is approved as it is announced, where the shop has it so", {
  timeout: openTimeoutMs,
}, async () => {
  const { product, order, post, get, caughtUp } = await openShop({ env: { RETURN_APPROVAL: "auto" } });
  await product({ skus: ["AUTO"], price: 1_000, quantity: 10 });
  const { order: bought, cart } = await order(["AUTO", 2]);
  const url = `/v1/orders/${bought.id}`;
  await post(`${url}/shipments`);
  await post(`${url}/deliveries`);
  const keyed = { ...cart.guest, "idempotency-key": "announced" };
  const announce = () =>
    post(`${url}/returns`, { lines: [{ lineId: 1, quantity: 1, reason: "late" }] }, keyed);
  const announced = await announce();
  expect(announced).toMatchObject({ status: 201, body: { returns: [{ status: "approved" }] } });
  expect((await announce()).body).toEqual(announced.body);
  const here = await post(`${url}/returns`, { lines: [{ lineId: 1, quantity: 1, sellable: 1 }] });
  expect(here).toMatchObject({
    status: 201,
    body: { returns: [{ status: "approved" }, { status: "closed" }] },
  });
  await caughtUp();
  const { timeline, refunded } = (await get(url, cart.guest)).body;
  expect(refunded).toEqual(usd(1_000));
  expect(timeline.filter(({ type }: Body) => type === "return_approved")).toHaveLength(2);
});

test("a webhook that is not signed is refused", async () => {
  const headers = { "content-type": "application/json" };
  const answer = await shop().call("POST", "/v1/webhooks/sandbox", { headers, body: { id: "evt_1" } });
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
  expect((await shop().call("POST", "/v1/webhooks/nobody", { headers, body: {} })).status).toBe(404);
});
