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

  test("takes tables as they are, and sends them so", async () => {
    const client = createClient({ url, token: staffToken });
    const { body: table } = await client.get("/v1/exports/products", { query: { format: "csv" } });
    expect(table.split("\n")[0]).toContain("sku");
    const { status, body } = await client.post("/v1/imports/products", {
      query: { dryRun: true },
      body: table,
      contentType: "text/csv",
    });
    expect(status).toBe(202);
    expect(body).toMatchObject({ dryRun: true });
    const inOther = client.post("/v1/imports/products", { body: "<a/>", contentType: "text/xml" });
    await expect(inOther).rejects.toMatchObject({ code: "unsupported_media_type" });
  });

  test("hears what happens, goes on when a stream ends, and ends when it is told to", async () => {
    let streams = 0;
    const lastIds: (string | null)[] = [];
    // Of the first stream only the beginning arrives.
    const cut = (async (input: string, init: RequestInit) => {
      lastIds.push(new Headers(init.headers).get("Last-Event-ID"));
      const response = await fetch(input, init);
      if (++streams > 1) return response;
      const upTo = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          controller.enqueue(chunk);
          if (new TextDecoder().decode(chunk).includes("HEARD-1")) controller.terminate();
        },
      });
      return new Response(response.body?.pipeThrough(upTo), response);
    }) as typeof fetch;
    const client = createClient({ url, token: staffToken, fetch: cut });
    const ending = new AbortController();
    const heard: unknown[] = [];
    const ids: unknown[] = [];
    const all = (async () => {
      const query = { topics: "stock.changed" };
      for await (const { id, event } of client.events({ query, signal: ending.signal })) {
        heard.push((event.data as { sku: string }).sku);
        ids.push(id);
        if (heard.length === 3) ending.abort();
        else await shop().receive(`HEARD-${heard.length + 1}`, 1);
      }
    })();
    await expect.poll(() => streams).toBe(1);
    await shop().stocked("HEARD-1", "HEARD-2", "HEARD-3");
    await shop().receive("HEARD-1", 1);
    await all;
    expect(heard).toEqual(["HEARD-1", "HEARD-2", "HEARD-3"]);
    expect(lastIds).toEqual([null, ids[0]]);
  });

  test("gives no event more once it is told to end, however many have come at once", async () => {
    const client = createClient({ url, token: staffToken });
    const ending = new AbortController();
    let events = 0;
    for await (const { id } of client.events({ query: { from: "start" }, signal: ending.signal }))
      if (id !== undefined && ++events === 3) ending.abort();
    expect(events).toBe(3);
  });

  test("asks no more often than a stream that always ends tells it, and gives it up", {
    timeout: 20_000,
  }, async () => {
    const started = performance.now();
    let streams = 0;
    const empty = (async () => {
      streams++;
      return new Response("retry: 400\nid: 1\n\n", { headers: { "Content-Type": "text/event-stream" } });
    }) as unknown as typeof fetch;
    const ending = new AbortController();
    const heard = createClient({ url, fetch: empty }).events({ signal: ending.signal }).next();
    setTimeout(() => ending.abort(), 1_000);
    expect((await heard).done).toBe(true);
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(streams).toBeLessThanOrEqual(3);
  });

  test("does not try for ever where a stream is refused, or nobody is there", async () => {
    const nobodys = createClient({ url }).events();
    await expect(nobodys.next()).rejects.toMatchObject({ code: "unauthorized" });
    const lost = unreliable(() => "lost");
    const away = createClient({ url, token: staffToken, fetch: lost.fetch, retries: 1 }).events();
    await expect(away.next()).rejects.toThrow(NoAnswer);
    expect(lost.sent).toHaveLength(2);
  });
});
