import { once } from "node:events";
import { connect } from "node:net";
import { beforeAll, describe, expect, test } from "vitest";
import { openTimeoutMs, sharedShop, staff } from "./shop.ts";

const shop = sharedShop();
let origin = "";
let port = 0;

beforeAll(async () => {
  origin = await shop().app.listen({ host: "127.0.0.1", port: 0 });
  port = Number(new URL(origin).port);
}, openTimeoutMs);

/** Sends bytes as they are. @returns all that comes back until the server closes */
async function exchange(text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    answer += chunk;
  });
  await once(socket, "connect");
  socket.write(text);
  await once(socket, "close");
  return answer;
}

describe("over a socket", () => {
  test("a cart becomes an order", async () => {
    const { product } = shop();
    await product({ skus: ["WIRE"] });
    const json = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
      const response = await fetch(origin + path, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: (await response.json()) as Record<string, string> };
    };
    const { body: cart } = await json("/v1/carts", {});
    const guest = { "cart-token": String(cart.cartToken) };
    await json(`/v1/carts/${cart.id}/items`, { sku: "WIRE", quantity: 2 }, guest);
    const { status, body: order } = await json(
      `/v1/carts/${cart.id}/checkout`,
      {
        email: "a@example.com",
        shippingAddress: { fullName: "A", addressLine1: "1", city: "C", postalCode: "1", country: "GB" },
        payment: { method: "credit_card", token: "tok_ok" },
      },
      guest,
    );
    expect({ status, paid: order.status }).toEqual({ status: 201, paid: "paid" });
    const read = await fetch(`${origin}/v1/orders/${order.id}`, { headers: guest });
    expect(await read.json()).toMatchObject({ number: order.number });
  });

  test("a SKU of 64 characters of four bytes fits into a path", async () => {
    const sku = "🔩".repeat(64);
    const url = `${origin}/v1/stock/${encodeURIComponent(sku)}`;
    const body = JSON.stringify({ quantity: 3 });
    const headers = { ...staff, "content-type": "application/json" };
    await shop().stocked(sku);
    expect((await fetch(`${url}/receipts`, { method: "POST", headers, body })).status).toBe(201);
    expect(await (await fetch(url, { headers })).json()).toMatchObject({ sku, onHand: 3 });
  });

  test("a client that stops in the middle of its body costs nothing", async () => {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.write(
      `POST /v1/carts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"cur`,
    );
    socket.destroy();
    expect((await fetch(`${origin}/health/live`)).status).toBe(200);
  });

  test.each([
    ["no HTTP", "hello\r\n\r\n"],
    ["a header without end", `GET / HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(17_000)}\r\n\r\n`],
    ["a bad length", "POST /v1/carts HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n"],
    [
      "two lengths",
      "POST /v1/carts HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    ],
    ["a raw NUL in the path", "GET /v1/\u0000 HTTP/1.1\r\nHost: x\r\n\r\n"],
  ])("%s is refused with 4xx", async (_, text) => {
    expect(await exchange(text)).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  test("answers to HEAD and OPTIONS are no errors of ours", async () => {
    for (const method of ["HEAD", "OPTIONS"])
      for (const path of ["/v1/products", "/health/live", "/v1/carts"])
        expect((await fetch(origin + path, { method })).status).toBeLessThan(500);
  });

  test("an answer that was begun is finished while the server closes", async () => {
    const { product, cart, app } = shop();
    await product({ skus: ["CLOSING"] });
    const { id, guest } = await cart(["CLOSING", 1]);
    const answer = fetch(`${origin}/v1/carts/${id}/checkout`, {
      method: "POST",
      headers: { ...guest, "content-type": "application/json" },
      body: JSON.stringify({
        email: "a@example.com",
        shippingAddress: { fullName: "A", addressLine1: "1", city: "C", postalCode: "1", country: "GB" },
        payment: { method: "credit_card", token: "tok_slow" },
      }),
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const closed = app.close();
    expect((await answer).status).toBe(201);
    await closed;
  });
});
