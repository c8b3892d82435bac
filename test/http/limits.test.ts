import { describe, expect, test, vi } from "vitest";
import { InvalidConfig, readConfig } from "../../src/config.ts";
import { type HttpShop, openShop, openTimeoutMs, staff } from "./shop.ts";

const max = 5;

interface From {
  /** Of the connection. */
  remoteAddress?: string;
  headers?: Record<string, string>;
  method?: "GET" | "POST" | "OPTIONS" | "HEAD";
  payload?: object;
}

async function limitedShop(env: Record<string, string> = {}): Promise<HttpShop> {
  return openShop({ env: { RATE_LIMIT_PER_MINUTE: String(max), ...env } });
}

/** How many of the requests to these paths are let through, one after the other, before one is 429. */
async function passed(
  { app }: HttpShop,
  paths: readonly string[],
  from: (n: number) => From,
): Promise<number> {
  for (const [n, url] of paths.entries()) {
    const { statusCode } = await app.inject({ method: "GET", url, ...from(n) });
    if (statusCode === 429) return n;
  }
  return paths.length;
}

const times = (count: number, path: string) => Array.from({ length: count }, () => path);
const many = max * 2;

describe("requests are counted", { timeout: openTimeoutMs }, () => {
  test.each<[string, string, From]>([
    ["wrong staff keys", "/v1/orders", { headers: { authorization: "Bearer not-the-key-of-this-shop" } }],
    [
      "wrong staff keys where anybody may ask",
      "/v1/products",
      { headers: { authorization: "Bearer wrong" } },
    ],
    ["routes that are not there", "/nowhere", {}],
    ["paths that cannot be read", "/v1/products/%zz", {}],
    ["what is like health and is not", "/health/nothing", {}],
    ["metrics", "/metrics", {}],
    ["bodies that are not valid", "/v1/carts", { method: "POST", payload: { unknown: 1 } }],
    ["tokens that are nobody's", "/v1/carts/none", { headers: { "cart-token": "forged" } }],
  ])("%s too", async (_, path, from) => {
    expect(await passed(await limitedShop(), times(many, path), () => from)).toBe(max);
  });

  test("by address, of which another has its own", async () => {
    const shop = await limitedShop();
    const by = (remoteAddress: string) =>
      passed(shop, times(many, "/v1/products"), () => ({ remoteAddress }));
    expect([await by("192.0.2.1"), await by("192.0.2.1"), await by("192.0.2.2")]).toEqual([max, 0, max]);
  });

  test("by the first 64 bits of IPv6, and IPv4 in IPv6 as IPv4", async () => {
    const shop = await limitedShop();
    const one = (n: number) => ({ remoteAddress: `2001:db8:0:1::${(n + 1).toString(16)}` });
    expect(await passed(shop, times(many, "/v1/products"), one)).toBe(max);
    const next = () => ({ remoteAddress: "2001:db8:0:2::1" });
    expect(await passed(shop, times(many, "/v1/products"), next)).toBe(max);
    const wrapped = (n: number) => ({ remoteAddress: n % 2 === 0 ? "::ffff:192.0.2.9" : "192.0.2.9" });
    expect(await passed(shop, times(many, "/v1/products"), wrapped)).toBe(max);
  });

  test("a staff key by itself alone, wherever it comes from", async () => {
    const shop = await limitedShop();
    expect(await passed(shop, times(many, "/v1/products"), () => ({}))).toBe(max);
    const byKey = (n: number) => ({ headers: staff, remoteAddress: `192.0.2.${n}` });
    expect(await passed(shop, times(many, "/v1/orders"), byKey)).toBe(max);
    expect((await shop.app.inject({ url: "/v1/products", remoteAddress: "192.0.2.3" })).statusCode).toBe(200);
  });

  test("a cart's token by itself, wherever it comes from", async () => {
    const shop = await limitedShop();
    const { id, guest } = await shop.cart();
    const from = (n: number) => ({ headers: guest, remoteAddress: `192.0.2.${n}` });
    expect(await passed(shop, times(many, `/v1/carts/${id}`), from)).toBe(max);
  });

  test("a cart's token by itself at its order too, once it was shown", async () => {
    const shop = await limitedShop();
    const { id, guest } = await shop.cart();
    const from = (n: number) => ({ headers: guest, remoteAddress: `192.0.2.${n}` });
    const paths = [`/v1/carts/${id}`, ...times(many, "/v1/orders/none")];
    expect(await passed(shop, paths, from)).toBe(max);
  });

  test("tokens by their address too: with many there is no more than with one", async () => {
    const shop = await limitedShop();
    const carts: { id: string; cartToken: string }[] = [];
    for (let n = 0; n < many; n++)
      carts.push(
        (await shop.app.inject({ method: "POST", url: "/v1/carts", remoteAddress: `192.0.2.${n}` })).json(),
      );
    const urls = carts.map(({ id }) => `/v1/carts/${id}`);
    const from = (n: number) => ({
      headers: { "cart-token": carts[n]?.cartToken ?? "" },
      remoteAddress: "198.51.100.1",
    });
    expect(await passed(shop, urls, from)).toBe(max);
  });

  test("another's forged token costs that cart nothing", async () => {
    const shop = await limitedShop();
    const { id, guest } = await shop.cart();
    const forged = { headers: { "cart-token": `${guest["cart-token"]}x` }, remoteAddress: "192.0.2.7" };
    expect(await passed(shop, times(many, `/v1/carts/${id}`), () => forged)).toBe(max);
    const own = { headers: guest, remoteAddress: "192.0.2.8" };
    expect(await passed(shop, times(many, `/v1/carts/${id}`), () => own)).toBe(max);
  });

  test("by the address that a trusted proxy names, by no other", async () => {
    const shop = await limitedShop({ TRUST_PROXY: "10.0.0.0/8" });
    const named = (remoteAddress: string, name: (n: number) => string) =>
      passed(shop, times(many, "/v1/products"), (n) => ({
        remoteAddress,
        headers: { "x-forwarded-for": name(n) },
      }));
    expect(await named("10.1.2.3", () => "192.0.2.1")).toBe(max);
    expect(await named("10.1.2.3", (n) => `192.0.2.${n + 2}`)).toBe(many);
    expect(await named("203.0.113.1", (n) => `192.0.2.${n + 50}`)).toBe(max);
    expect(await named("10.1.2.4", (n) => `no address ${n}`)).toBe(max);
  });

  test("who asks whether the process lives or is ready is never refused", async () => {
    const shop = await limitedShop();
    const paths = [...times(many, "/health/live"), ...times(many, "/health/ready")];
    expect(await passed(shop, paths, () => ({}))).toBe(paths.length);
    expect(await passed(shop, paths, () => ({ method: "HEAD" }))).toBe(paths.length);
    expect(await passed(shop, times(many, "/v1/products"), () => ({}))).toBe(max);
    expect(await passed(shop, paths, () => ({}))).toBe(paths.length);
    const look = vi.spyOn(shop.runtime.hot, "get");
    await Promise.all(times(100, "/health/ready").map((url) => shop.app.inject(url)));
    expect(look.mock.calls.filter(([key]) => key === "ready").length).toBeLessThan(10);
  });

  test("answers say what is left, of what ends first, and 429 when to come again", async () => {
    const { app, cart } = await limitedShop();
    const { id, guest } = await cart();
    const told = async (remoteAddress: string, headers = guest) => {
      const answer = await app.inject({ url: `/v1/carts/${id}`, headers, remoteAddress });
      const names = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"];
      return { status: answer.statusCode, told: names.map((name) => answer.headers[name]), answer };
    };
    const first = await told("192.0.2.1");
    expect(first.told).toEqual(["5", "4", "60", undefined]);
    const second = await told("192.0.2.2");
    expect(second.told.slice(0, 2)).toEqual(["5", "3"]);
    for (let n = 0; n < 3; n++) await told(`192.0.2.${n + 3}`);
    const refused = await told("192.0.2.99");
    expect(refused.status).toBe(429);
    const [limit, left, reset, after] = refused.told;
    expect([limit, left, after]).toEqual(["5", "0", reset]);
    expect(Number(after)).toBeGreaterThan(50);
    expect(refused.answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
    expect(refused.answer.json()).toMatchObject({ status: 429, code: "rate_limited" });
  });

  test("nobody is, where the limit is 0", async () => {
    const shop = await openShop({ env: { RATE_LIMIT_PER_MINUTE: "0" } });
    expect(await passed(shop, times(many, "/v1/products"), () => ({}))).toBe(many);
  });
});

describe("TRUST_PROXY", () => {
  test.each([
    "loopback",
    "uniquelocal, linklocal",
    "10.0.0.0/8,192.168.1.1",
    "fd00::/8",
    "10.0.0.0/255.0.0.0",
  ])("%s names proxies", (text) => {
    expect(readConfig({ TRUST_PROXY: text }).TRUST_PROXY).toEqual(text.split(/, ?/));
  });

  test.each(["true", "1", "proxy.example", "10.0.0.0/33", "10.0.0.0/0", "10.0.0.0/", "10.0.0.1 10.0.0.2"])(
    "%s ends the start",
    (text) => {
      expect(() => readConfig({ TRUST_PROXY: text })).toThrow(InvalidConfig);
      expect(() => readConfig({ TRUST_PROXY: `loopback,${text}` })).toThrow(/TRUST_PROXY is .* allowed: /);
    },
  );
});
