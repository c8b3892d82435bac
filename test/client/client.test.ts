import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, expectTypeOf, test } from "vitest";
import { CartwrightError, type Client, createClient, NoAnswer } from "../../client/index.js";
import { type Document, typesOf } from "../../client/types.ts";
import { checkoutBody, sharedShop, staff } from "../http/shop.ts";

const shop = sharedShop();
let url = "";

beforeAll(async () => {
  url = await shop().app.listen({ host: "127.0.0.1", port: 0 });
});

const staffToken = staff.authorization.slice("Bearer ".length);

/** Does as `fetch` does, but where `fate` says otherwise: the request is lost, or its answer. */
function unreliable(fate: (attempt: number) => "lost" | "mute" | "pass") {
  const sent: Request[] = [];
  const fetched = async (input: string | URL | Request, init?: RequestInit) => {
    const request = new Request(input, init);
    sent.push(request.clone());
    const its = fate(sent.length);
    if (its === "lost") throw new TypeError("fetch failed");
    const response = await fetch(request);
    if (its === "mute") throw new TypeError("terminated");
    return response;
  };
  return { sent, fetch: fetched as typeof fetch };
}

async function guestCart(client: Client, sku: string) {
  const { body } = await client.post("/v1/carts");
  const guest = client.with({ cartToken: body.cartToken as string });
  await guest.post("/v1/carts/{id}/items", { path: { id: body.id }, body: { sku, quantity: 1 } });
  return { guest, id: body.id };
}

test("its types are those of the document", async () => {
  const file = join(import.meta.dirname, "../../client/api.d.ts");
  expect(await readFile(file, "utf8")).toBe(typesOf(shop().app.swagger() as unknown as Document));
});

describe("the client", () => {
  test("buys, and reads what it has written", async () => {
    await shop().product({ skus: ["CLIENT"], quantity: 5 });
    const client = createClient({ url });
    const { guest, id } = await guestCart(client, "CLIENT");
    const quoted = await guest.post("/v1/carts/{id}/quote", { path: { id }, body: {} });
    const { quoteHash } = quoted.body;
    const ordered = await guest.post("/v1/carts/{id}/checkout", {
      path: { id },
      body: { ...checkoutBody, payment: { method: "credit_card", token: "tok_ok" }, quoteHash },
    });
    expectTypeOf(ordered.body.status).toEqualTypeOf<
      "cancelled" | "confirmed" | "delivered" | "paid" | "pending" | "processing" | "refunded" | "shipped"
    >();
    expect(ordered).toMatchObject({
      status: 201,
      replayed: false,
      etag: expect.stringMatching(/^(W\/)?"\d+"$/),
    });
    const read = await guest.get("/v1/orders/{id}", { path: { id: ordered.body.id } });
    expect(read.body).toMatchObject({ number: ordered.body.number, paymentStatus: "paid" });
    const again = await guest.get("/v1/orders/{id}", {
      path: { id: ordered.body.id },
      ifNoneMatch: read.etag as string,
    });
    expect(again).toMatchObject({ status: 304, notModified: true });
  });

  test("sends a command again with the same key, and it is done once", async () => {
    await shop().product({ skus: ["AGAIN"], quantity: 5 });
    const { guest, id } = await guestCart(createClient({ url }), "AGAIN");
    const wire = unreliable((attempt) => ["lost", "mute", "pass"][attempt - 1] as "lost" | "mute" | "pass");
    const checkout = {
      path: { id },
      body: { ...checkoutBody, payment: { method: "credit_card" as const, token: "tok_ok" } },
    };
    const ordered = await guest.with({ fetch: wire.fetch }).post("/v1/carts/{id}/checkout", checkout);
    expect(ordered).toMatchObject({ status: 201, replayed: true });
    expect(new Set(wire.sent.map(({ headers }) => headers.get("Idempotency-Key"))).size).toBe(1);
    expect(wire.sent).toHaveLength(3);
    const stock = createClient({ url, token: staffToken }).get("/v1/stock/{sku}", { path: { sku: "AGAIN" } });
    expect((await stock).body).toMatchObject({ committed: 1 });
  });

  test("says when there was no answer at all, and by which key it can be asked for", async () => {
    const wire = unreliable(() => "mute");
    const client = createClient({ url, fetch: wire.fetch, retries: 1 });
    const failed = await client.post("/v1/carts").catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(NoAnswer);
    expect(wire.sent).toHaveLength(2);
    const { idempotencyKey = "" } = failed as NoAnswer;
    const opened = await createClient({ url }).post("/v1/carts", { idempotencyKey });
    expect(opened.replayed).toBe(true);
  });

  test("throws what is refused by its code, and does not send it again", async () => {
    await shop().product({ skus: ["SCARCE"], quantity: 1 });
    const wire = unreliable(() => "pass");
    const client = createClient({ url, fetch: wire.fetch });
    const { guest, id } = await guestCart(client, "SCARCE");
    await guest.patch("/v1/carts/{id}/items/{line}", { path: { id, line: "SCARCE" }, body: { quantity: 9 } });
    const before = wire.sent.length;
    const refused = await guest
      .post("/v1/carts/{id}/checkout", {
        path: { id },
        body: { ...checkoutBody, payment: { method: "credit_card", token: "tok_ok" } },
      })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(CartwrightError);
    const { code, status, problem } = refused as CartwrightError;
    expect({ code, status, available: problem.available }).toEqual({
      code: "out_of_stock",
      status: 409,
      available: 1,
    });
    expect(wire.sent).toHaveLength(before + 1);
    const conflict = guest.delete("/v1/carts/{id}", { path: { id }, ifMatch: '"0"' });
    await expect(conflict).rejects.toMatchObject({ code: "revision_mismatch" });
  });

  test("walks through what has happened, and ends where nothing more has", { timeout: 10_000 }, async () => {
    let pages = 0;
    const counted = ((...asked: Parameters<typeof fetch>) => {
      pages++;
      return fetch(...asked);
    }) as typeof fetch;
    const client = createClient({ url, token: staffToken, fetch: counted });
    let events = 0;
    for await (const { id } of client.items("/v1/events", { query: { from: "start", limit: 5 } }))
      events += id ? 1 : 0;
    expect(events).toBeGreaterThan(5);
    expect(pages).toBeLessThanOrEqual(events / 5 + 2);
  });

  test("waits as long as it is told to, and walks through all pages", async () => {
    let tries = 0;
    const busy = (async (...asked: Parameters<typeof fetch>) =>
      ++tries === 1
        ? new Response(JSON.stringify({ code: "unavailable" }), {
            status: 503,
            headers: { "Content-Type": "application/problem+json", "Retry-After": "0" },
          })
        : fetch(...asked)) as typeof fetch;
    const client = createClient({ url, fetch: busy });
    const names: string[] = [];
    for await (const { name } of client.items("/v1/products", { query: { limit: 1 } })) names.push(name);
    expect(names.length).toBeGreaterThan(1);
    expect(new Set(names).size).toBe(names.length);
    expect(tries).toBeGreaterThan(names.length);
  });
});
