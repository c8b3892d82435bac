import type { FastifyRequest } from "fastify";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createRecency, type Recency } from "../../src/http/recency.ts";
import { logStart } from "../../src/stores/event-store/event-store.ts";
import { at } from "../support/positions.ts";
import { type OpenCart, sharedShop, staff } from "./shop.ts";

const from = (headers: Record<string, string>, ip = "10.0.0.1") =>
  ({ headers, ip }) as unknown as FastifyRequest;
const withCart = (token: string, ip?: string) => from({ "cart-token": token }, ip);

describe("what a client has written last", () => {
  test("is remembered by its token, wherever it comes from", () => {
    const recency = createRecency();
    recency.wrote(withCart("a", "10.0.0.1"), at(7));
    expect(recency.lastWrite(withCart("a", "10.9.9.9"))).toBe(at(7));
    recency.wrote(withCart("a", "10.9.9.9"), at(8));
    expect(recency.lastWrite(withCart("a", "10.0.0.1"))).toBe(at(8));
  });

  test("is nothing to others behind its address, with a token of their own or none", () => {
    const recency = createRecency();
    recency.wrote(withCart("a"), at(7));
    for (const other of [
      withCart("b"),
      from({}),
      from({ authorization: "Bearer a" }),
      from({ authorization: "a " }),
    ])
      expect(recency.lastWrite(other)).toBeUndefined();
    recency.wrote(from({}), at(9));
    expect(recency.lastWrite(from({}))).toBeUndefined();
    recency.wrote(withCart("b"), at(8));
    expect(recency.lastWrite(withCart("a"))).toBe(at(7));
  });

  test("is the staff's with their key, whichever cart they look after", () => {
    const recency = createRecency();
    recency.wrote(from({ ...staff, "cart-token": "a" }), at(7));
    expect(recency.lastWrite(from(staff))).toBe(at(7));
    expect(recency.lastWrite(from({ ...staff, "cart-token": "b" }))).toBe(at(7));
    expect(recency.lastWrite(withCart("a"))).toBeUndefined();
  });

  test("is forgotten when its time is over, counted from the last write", () => {
    let now = 1_000;
    const recency = createRecency({ rememberedMs: 60, now: () => now });
    recency.wrote(withCart("a"), at(7));
    now += 50;
    expect(recency.lastWrite(withCart("a"))).toBe(at(7));
    recency.wrote(withCart("a"), at(8));
    now += 50;
    expect(recency.lastWrite(withCart("a"))).toBe(at(8));
    now += 20;
    expect(recency.lastWrite(withCart("a"))).toBeUndefined();
  });

  test("is forgotten of who was silent longest when there are too many", () => {
    const recency = createRecency({ clientsMax: 3 });
    for (const [index, token] of ["a", "b", "c"].entries()) recency.wrote(withCart(token), at(index));
    recency.lastWrite(withCart("a"));
    recency.wrote(withCart("d"), at(9));
    const known = (token: string) => recency.lastWrite(withCart(token)) !== undefined;
    expect(["a", "b", "c", "d"].filter(known)).toEqual(["a", "c", "d"]);
  });

  test("takes no more room for a token that is long", () => {
    const recency: Recency = createRecency({ clientsMax: 1 });
    const long = "x".repeat(8_000);
    recency.wrote(withCart(`${long}a`), at(7));
    expect(recency.lastWrite(withCart(`${long}a`))).toBe(at(7));
    expect(recency.lastWrite(withCart(`${long}b`))).toBeUndefined();
  });
});

describe("a read", () => {
  const shop = sharedShop();
  afterEach(() => {
    vi.restoreAllMocks();
  });

  /** From now on every read model stands where the log starts. @returns what is waited for, by model */
  function heldUp(): string[] {
    const { models } = shop().runtime;
    const progress = models.progress.bind(models);
    vi.spyOn(models, "progress").mockImplementation((name) => ({ ...progress(name), position: logStart }));
    const waited: string[] = [];
    vi.spyOn(models, "reached").mockImplementation(async (name) => {
      waited.push(name);
      return false;
    });
    return waited;
  }

  const ordered = (): Promise<{ order: { id: string }; cart: OpenCart }> => shop().order(["READ", 1]);

  test("waits for what its own client has written, and for nobody else's", async () => {
    const { product, get, caughtUp } = shop();
    await product({ skus: ["READ"], quantity: 100 });
    const [mine, theirs] = [await ordered(), await ordered()];
    await caughtUp();
    const waited = heldUp();
    const readAs = async (headers: Record<string, string>, url = "/v1/products?sort=newest") => {
      waited.length = 0;
      const { status } = await get(url, headers);
      return { status, waited: [...waited] };
    };
    for (const { order, cart } of [mine, theirs])
      expect(await readAs(cart.guest, `/v1/orders/${order.id}`)).toEqual({
        status: 200,
        waited: ["orders", "payments", "reservations"],
      });
    expect((await readAs(staff)).waited).toEqual(["catalog"]);
    // Behind the same address: one that has written nothing, and one that shows no token.
    const silent = { "cart-token": "of-one-that-was-silent" };
    for (const headers of [{}, silent]) expect(await readAs(headers)).toEqual({ status: 200, waited: [] });
  });

  test("with Min-Position is refused where it would only be late without", async () => {
    const { get, post } = shop();
    const { headers } = await post("/v1/stock/READ/receipts", { quantity: 1 });
    heldUp();
    const url = "/v1/stock/READ/ledger";
    expect((await get(url, staff)).status).toBe(200);
    const asked = { ...staff, "min-position": String(headers.position), prefer: "wait=0" };
    expect((await get(url, asked)).status).toBe(504);
  });

  test("waits no longer than its own writes are worth", async () => {
    const { post, get, runtime } = shop();
    await post("/v1/stock/READ/receipts", { quantity: 1 });
    heldUp();
    const reached = vi.mocked(runtime.models.reached);
    await get("/v1/orders", staff);
    expect(reached.mock.calls.map(([, , timeoutMs]) => timeoutMs)).toEqual([250]);
  });
});
