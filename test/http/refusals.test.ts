import { expect, test, vi } from "vitest";
import { checkoutBody, openShop, openTimeoutMs, sharedShop, staff } from "./shop.ts";

const shop = sharedShop();
const left = 4_321;
const wanted = 5_000;

test("of what is not left, staff are told exactly, everybody else up to a hundred", async () => {
  const { product, cart, post, get, caughtUp } = shop();
  await product({ skus: ["PLENTY"], quantity: left });
  const { id, guest } = await cart(["PLENTY", wanted]);
  const url = `/v1/carts/${id}/checkout`;
  const key = { "idempotency-key": "once" };
  const answers = [await post(url, checkoutBody, { ...guest, ...key }), await post(url, checkoutBody, guest)];
  for (const { status, text, body } of answers) {
    expect({ status, body }).toMatchObject({
      status: 409,
      body: { code: "out_of_stock", sku: "PLENTY", available: 100, requested: wanted },
    });
    expect(text).not.toContain(String(left));
  }
  expect((await post(url, checkoutBody, { ...guest, ...key })).text).not.toContain(String(left));
  expect(await post(url, checkoutBody)).toMatchObject({
    status: 409,
    body: { code: "out_of_stock", available: left, detail: expect.stringContaining(String(left)) },
  });
  const adjusted = await post("/v1/stock/PLENTY/adjustments", { delta: -wanted, reason: "lost" });
  expect(adjusted.body).toMatchObject({ code: "out_of_stock", available: left });

  await caughtUp();
  const asGuest = await get(`/v1/carts/${id}`, guest);
  expect(asGuest.body.failure).toEqual({ code: "out_of_stock", detail: "There is not enough stock" });
  expect(asGuest.text).not.toContain(String(left));
  expect((await get(`/v1/carts/${id}`, staff)).body.failure.detail).toContain(String(left));
});

test("what a gateway says of a card is for the shop alone", async () => {
  const { product, cart, checkOut, get, caughtUp, runtime } = shop();
  const reason = "do not tell: reported stolen";
  await product({ skus: ["CARD"] });
  const gateway = runtime.shop.gateway;
  runtime.shop.gateway = { ...gateway, authorize: async () => ({ status: "declined", reason }) };
  const declined = await cart(["CARD", 1]);
  const refused = await checkOut(declined).finally(() => {
    runtime.shop.gateway = gateway;
  });
  expect(refused).toMatchObject({ status: 402, body: { detail: "the payment was declined" } });
  await caughtUp();
  expect((await get(`/v1/carts/${declined.id}`, declined.guest)).text).not.toContain(reason);
  expect((await get(`/v1/carts/${declined.id}`, staff)).body.failure.detail).toBe(reason);
});

test("why an operator gives a checkout up, and what had failed in it, is for staff alone", {
  timeout: openTimeoutMs,
}, async () => {
  const { product, cart, runtime, get, post, caughtUp } = await openShop();
  await product({ skus: ["STUCK"] });
  const { id, guest } = await cart(["STUCK", 1]);
  const { engine } = runtime;
  const execute = engine.execute.bind(engine);
  const broken = vi
    .spyOn(engine, "execute")
    .mockImplementation(((...args: Parameters<typeof execute>) =>
      args[2] === "Commit" || args[2] === "Release"
        ? Promise.reject(new TypeError("canary: a shelf at 10.0.0.7"))
        : execute(...args)) as typeof engine.execute);
  const url = `/v1/carts/${id}/checkout`;
  const headers = { ...guest, "idempotency-key": "stuck" };
  const failed = await post(url, checkoutBody, headers);
  expect(failed.status).toBe(500);
  const reason = "canary: this customer has not paid before";
  const settled = await post(`/v1/ops/tasks/checkout/${id}/settle`, { as: "failed", reason });
  expect(settled).toMatchObject({ status: 200, body: { left: [expect.stringContaining("canary")] } });
  broken.mockRestore();
  await caughtUp();
  const answers = [failed, await post(url, checkoutBody, headers), await get(`/v1/carts/${id}`, guest)];
  expect(answers.map(({ status }) => status)).toEqual([500, 503, 200]);
  for (const { text } of answers) expect(text).not.toMatch(/canary/i);
  expect((await get(`/v1/carts/${id}`, staff)).body.failure).toEqual({ code: "unavailable", detail: reason });
});

test("of two SKUs that there is plenty of, nothing tells which there is more of", async () => {
  const { call, product, cart, post, caughtUp } = shop();
  const stocked = [
    { name: "aa", quantity: 3_000, threshold: 5 },
    { name: "bb", quantity: 70_000, threshold: 2_000 },
  ];
  const answers: string[][] = [];
  for (const { name, quantity, threshold } of stocked) {
    const { id } = await product({ name, skus: [name], quantity });
    const policy = { lowStockThreshold: threshold };
    await call("PUT", `/v1/stock/${name}/policy`, { headers: staff, body: policy });
    // One movement more, and a reservation, of which the answers of this product are not to know.
    if (name === "bb") {
      await post("/v1/stock/bb/adjustments", { delta: -1, reason: "lost" });
      await shop().order(["bb", 150]);
    }
    await caughtUp();
    const open = await cart([name, 1]);
    const told: string[] = [];
    const ask = async (...[method, url, options]: Parameters<typeof call>) => {
      const { status, text, headers } = await call(method, url, options);
      const own = [id, open.id, String(open.guest["cart-token"])];
      const whole = `${status} ${text} ${JSON.stringify({ etag: headers.etag, length: headers["content-length"] })}`;
      told.push(
        own
          .reduce((rest, mine) => rest.replaceAll(mine, "own"), whole)
          // Of all that is shown above, ids and times included.
          .replaceAll(/\d\.[\w-]{27}|"[\w-]{27}\\"/g, "digest")
          .replaceAll(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, "time")
          .replaceAll(new RegExp(`\\b${name}\\b`, "g"), "name"),
      );
    };
    await ask("GET", `/v1/products/${name}`);
    await ask("GET", `/v1/products?q=${name}`);
    await ask("GET", `/v1/stock/${name}`);
    const mine = { headers: open.guest };
    await ask("POST", `/v1/carts/${open.id}/items`, { ...mine, body: { sku: name, quantity: 99_999 } });
    await ask("GET", `/v1/carts/${open.id}`, mine);
    await ask("POST", `/v1/carts/${open.id}/checkout`, { ...mine, body: checkoutBody });
    await caughtUp();
    await ask("GET", `/v1/carts/${open.id}`, mine);
    answers.push(told);
  }
  expect(answers[0]).toHaveLength(7);
  expect(answers[0]?.[5]).toMatch(/^409 .*out_of_stock/);
  expect(answers[1]).toEqual(answers[0]);
});
