import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { signWebhook } from "../../src/gateways/sandbox-webhooks.ts";
import { prepareLog } from "../../src/runtime/prepare-log.ts";
import { type Body, openShop, openTimeoutMs, staff } from "./shop.ts";

const fixtures = join(import.meta.dirname, "../fixtures");

/** A shop on a data folder that version 0.1 has left, and what it had answered, by Idempotency-Key. */
async function upgraded() {
  const parent = await mkdtemp(join(tmpdir(), "cartwright-upgraded-"));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  execFileSync("tar", ["-xzf", join(fixtures, "data-v0.1.tar.gz"), "-C", parent]);
  const answers: Record<string, Body> = JSON.parse(await readFile(join(fixtures, "data-v0.1.json"), "utf8"));
  // The folder's keys live until a month after it was made.
  const clock = () => Date.UTC(2026, 10, 26);
  const shop = await openShop({ folder: join(parent, "data"), clock, runDueWork: true });
  return { shop, answers, clock };
}

const guest = (answer: Body) => ({ "cart-token": answer.cartToken });
const checkoutWith = (token: string) => ({
  email: "ada@example.com",
  shippingAddress: {
    fullName: "Ada Byron",
    addressLine1: "12 St James Square",
    city: "London",
    postalCode: "SW1Y 4JH",
    country: "GB",
  },
  payment: { method: "credit_card", token },
});

test("a shop on version 0.1's data answers its keys as that did, and no other body", {
  timeout: openTimeoutMs,
}, async () => {
  const { shop, answers } = await upgraded();
  const keyed = (key: string, headers = {}) => ({ ...headers, "idempotency-key": key });
  const opened = await shop.post("/v1/carts", undefined, keyed("cart-paid"));
  expect(opened).toMatchObject({ status: 201, body: answers["cart-paid"] });
  expect(opened.headers["idempotent-replayed"]).toBe("true");
  const { id } = answers["cart-paid"];
  const headers = keyed("checkout-paid", guest(answers["cart-paid"]));
  const bought = await shop.post(`/v1/carts/${id}/checkout`, checkoutWith("tok_ok"), headers);
  expect(bought).toMatchObject({ status: 201, body: answers["checkout-paid"] });
  const other = await shop.post(`/v1/carts/${id}/checkout`, checkoutWith("tok_slow"), headers);
  expect(other.body.code).toBe("idempotency_key_reused");
  const receipt = await shop.post("/v1/stock/MUG-01/receipts", { quantity: 10 }, keyed("receipt-1", staff));
  expect(receipt.body).toEqual(answers["receipt-1"]);
  expect((await shop.get("/v1/stock/MUG-01", staff)).body.onHand).toBe(208);
  const declined = answers["cart-declined"];
  const again = keyed("checkout-declined", guest(declined));
  const refused = await shop.post(`/v1/carts/${declined.id}/checkout`, checkoutWith("tok_declined"), again);
  expect(refused).toMatchObject({ status: 402, body: answers["checkout-declined"] });
});

test("its carts go on, and what waited is finished", { timeout: openTimeoutMs }, async () => {
  const { shop, answers, clock } = await upgraded();
  const open = answers["cart-open"];
  const sold = await shop.post(`/v1/carts/${open.id}/checkout`, checkoutWith("tok_ok"), guest(open));
  expect(sold).toMatchObject({ status: 201, body: { status: "paid" } });
  const waiting = answers["checkout-waiting"];
  const [{ id: paymentId }] = waiting.payments;
  const event = JSON.stringify({ id: "evt-1", type: "payment.authorized", paymentId });
  const signature = signWebhook(event, "whsec_cartwright_sandbox", Math.floor(clock() / 1000));
  const told = await shop.call("POST", "/v1/webhooks/sandbox", {
    headers: { "webhook-signature": signature, "content-type": "application/json" },
    body: event,
  });
  expect(told.status).toBe(200);
  await shop.caughtUp();
  // A day later its hold has run out twice over: the checkout was given up, and the money goes back.
  await vi.waitFor(
    async () => {
      await shop.caughtUp();
      expect((await shop.get("/v1/ops/tasks?kind=checkout", staff)).body.items).toEqual([]);
      const { body } = await shop.get(`/v1/orders/${waiting.id}`, staff);
      expect(["paid", "cancelled"]).toContain(body.status);
    },
    { timeout: 20_000, interval: 200 },
  );
  expect((await shop.get("/v1/stock/DESK-OAK", staff)).body).toMatchObject({ reserved: 0 });
});

test("its SKUs are found in any spelling from then on, and each is still had by one product", {
  timeout: openTimeoutMs,
}, async () => {
  const { shop } = await upgraded();
  await prepareLog(shop.runtime);
  const head = await shop.runtime.events.head();
  await prepareLog(shop.runtime);
  expect(await shop.runtime.events.head()).toBe(head);
  const cart = await shop.cart(["mug-01 ", 1]);
  expect((await shop.get(`/v1/carts/${cart.id}`, cart.guest)).body.items).toMatchObject([{ sku: "MUG-01" }]);
  const variants = [{ sku: "Mug-01", price: { amount: 100, currency: "USD" } }];
  expect(await shop.post("/v1/products", { name: "Another mug", variants })).toMatchObject({ status: 409 });
  await shop.caughtUp();
  expect((await shop.get("/v1/stock/mug-01", staff)).body).toMatchObject({ sku: "MUG-01" });
});
