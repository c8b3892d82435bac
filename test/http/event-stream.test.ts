import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import fastify from "fastify";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { createEventStreams } from "../../src/http/edge/event-stream.ts";
import type { App } from "../../src/http/server.ts";
import { type Body, openShop, openTimeoutMs, sharedShop, staff } from "./shop.ts";

const shop = sharedShop({ env: { CORS_ORIGINS: "https://shop.example" } });
let origin = "";
const timeout = openTimeoutMs;

beforeAll(async () => {
  origin = await shop().app.listen({ host: "127.0.0.1", port: 0 });
}, openTimeoutMs);

interface Block {
  id?: string;
  event?: string;
  data?: Body;
}

interface Stream {
  headers: IncomingMessage["headers"];
  status: number;
  /** All that came so far, as the specification reads it. */
  blocks(): Block[];
  events(): Block[];
  text(): string;
  closed: Promise<unknown>;
  end(): void;
}

async function listen(query = "", headers: Record<string, string> = {}, at = origin): Promise<Stream> {
  const request = get(`${at}/v1/events${query}`, {
    headers: { ...staff, accept: "text/event-stream", ...headers },
  });
  request.on("error", () => {});
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => {
    text += chunk;
  });
  response.on("error", () => {});
  const stream: Stream = {
    headers: response.headers,
    status: response.statusCode ?? 0,
    text: () => text,
    blocks: () => text.split("\n\n").slice(0, -1).map(blockOf),
    events: () => stream.blocks().filter(({ event }) => event !== undefined),
    closed: new Promise((resolve) => response.once("close", resolve)),
    end: () => request.destroy(),
  };
  onTestFinished(stream.end);
  return stream;
}

function blockOf(text: string): Block {
  const fields = text.split("\n").map((line) => /^(\w*): ?(.*)$/.exec(line) ?? []);
  const field = (name: string) => fields.find(([, each]) => each === name)?.[2];
  const [id, event, data] = [field("id"), field("event"), field("data")];
  return { ...(id && { id }), ...(event && { event }), ...(data && { data: JSON.parse(data) }) };
}

const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 20 });
const changes = (stream: Stream) => stream.events().map(({ data }) => data.data.change.onHand);
const ofStock = "?topics=stock.changed";

describe("the event stream", () => {
  test("tells what happens from now on, as it happens", { timeout }, async () => {
    await shop().receive("A", 1);
    const stream = await listen("?topics=stock.changed,product.published");
    expect(stream.status).toBe(200);
    expect(stream.headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "private, no-store",
      vary: expect.stringContaining("Accept"),
    });
    await until(() => expect(stream.text()).toMatch(/^retry: \d+\nid: /));
    const { id } = await shop().product({ skus: ["B"], quantity: 7 });
    await until(() => expect(stream.events()).toHaveLength(2));
    expect(stream.events()).toMatchObject([
      { event: "product.published", data: { type: "product.published", data: { productId: id } } },
      { event: "stock.changed", data: { data: { sku: "B", change: { onHand: 7, available: 7 } } } },
    ]);
  });

  test("goes on behind the last id that a reader has, with none lost or told twice", {
    timeout,
  }, async () => {
    const first = await listen(ofStock);
    for (const quantity of [1, 2, 3]) await shop().receive("R", quantity);
    await until(() => expect(changes(first)).toEqual([1, 2, 3]));
    const last = first.events()[1]?.id ?? "";
    first.end();
    for (const quantity of [4, 5]) await shop().receive("R", quantity);
    const second = await listen(ofStock, { "last-event-id": last });
    await until(() => expect(changes(second)).toEqual([3, 4, 5]));
    // Who has got nothing yet goes on by the id that the stream began with.
    const begun = first.blocks()[0]?.id ?? "";
    const third = await listen(ofStock, { "last-event-id": begun });
    await until(() => expect(changes(third)).toEqual([1, 2, 3, 4, 5]));
    const fourth = await listen(`${ofStock}&from=${last}`);
    await until(() => expect(changes(fourth)).toEqual([3, 4, 5]));
  });

  test("begins at the start of the log, or at a time", { timeout }, async () => {
    const all = await listen("?from=start&topics=stock.changed");
    await until(() => expect(changes(all)[0]).toBe(1));
    await sleep(5);
    const from = new Date().toISOString();
    await shop().receive("T", 11);
    const since = await listen(`${ofStock}&from=${from}`);
    await until(() => expect(changes(since)).toEqual([11]));
  });

  test("is neither compressed nor kept from pages of other origins", { timeout }, async () => {
    const stream = await listen(ofStock, {
      "accept-encoding": "gzip, br, zstd",
      origin: "https://shop.example",
    });
    expect(stream.headers["content-encoding"]).toBeUndefined();
    expect(stream.headers["access-control-allow-origin"]).toBe("https://shop.example");
    await shop().receive("Z", 5);
    await until(() => expect(changes(stream)).toEqual([5]));
  });

  test("answers HEAD, and is not open after it", { timeout }, async () => {
    const headers = { ...staff, accept: "text/event-stream" };
    for (let at = 0; at < 120; at++) {
      const { status, headers: told } = await fetch(`${origin}/v1/events`, { method: "HEAD", headers });
      expect({ at, status }).toEqual({ at, status: 200 });
      expect(told.get("content-type")).toContain("text/event-stream");
    }
  });

  test("is for staff, and refuses what nobody was given", { timeout }, async () => {
    const refused = await listen("", { authorization: "Bearer wrong" });
    expect(refused.status).toBe(401);
    for (const [query, headers] of [
      ["?topics=order.paid,none", {}],
      ["?from=yesterday", {}],
      ["", { "last-event-id": "x".repeat(60) }],
    ] as const) {
      const { status, headers: told } = await listen(query, headers);
      expect({ query, status, type: told["content-type"] }).toEqual({
        query,
        status: 422,
        type: "application/problem+json; charset=utf-8",
      });
    }
  });

  test("ends when the shop is closed, soon, and also to who takes nothing", { timeout }, async () => {
    const own = await openShop();
    const at = await own.app.listen({ host: "127.0.0.1", port: 0 });
    const stream = await listen("", {}, at);
    const deaf = connect(Number(new URL(at).port), "127.0.0.1");
    onTestFinished(() => void deaf.destroy());
    deaf.pause();
    deaf.write(`GET /v1/events?from=start HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n`);
    deaf.write(`Authorization: ${staff.authorization}\r\n\r\n`);
    await own.receive("A", 1);
    await until(() => expect(stream.events()).toHaveLength(1));
    const startedAt = performance.now();
    await own.close();
    await stream.closed;
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});

describe("a reader", () => {
  const piece = "x".repeat(256 * 1024);

  async function serving(
    options: { stallMs?: number; readers?: number },
    pieces: () => AsyncIterable<string>,
  ) {
    const app = fastify() as unknown as App;
    const streams = createEventStreams(app, options);
    app.get("/", async (_, reply) => streams.send(reply, pieces));
    app.setErrorHandler((error: { status?: number }, _, reply) => reply.code(error.status ?? 500).send({}));
    const url = await app.listen({ host: "127.0.0.1", port: 0 });
    onTestFinished(() => app.close());
    return url;
  }

  async function open(url: string): Promise<IncomingMessage> {
    const [response] = (await once(
      get(url).on("error", () => {}),
      "response",
    )) as [IncomingMessage];
    response.on("error", () => {});
    onTestFinished(() => void response.destroy());
    return response;
  }

  test("that takes nothing is closed, and until then little is made for it", { timeout }, async () => {
    let made = 0;
    let ended = false;
    async function* pieces() {
      try {
        for (; made < 1_000; made++) yield piece;
      } finally {
        ended = true;
      }
    }
    const response = await open(await serving({ stallMs: 300 }, pieces));
    response.pause();
    await vi.waitFor(() => expect(ended).toBe(true), { timeout: 10_000 });
    // What the sockets of both ends take, and no more.
    expect(made * piece.length).toBeLessThan(32 * 1024 * 1024);
  });

  test("that is slow gets all of it", { timeout }, async () => {
    async function* pieces() {
      for (let at = 0; at < 40; at++) yield piece;
    }
    const response = await open(await serving({ stallMs: 300 }, pieces));
    let bytes = 0;
    for await (const chunk of response) {
      bytes += chunk.length;
      await sleep(1);
    }
    expect(bytes).toBe(40 * piece.length);
  });

  test("more than there may be is refused, until another one leaves", { timeout }, async () => {
    async function* pieces() {
      yield "one";
      await sleep(60_000, undefined, { ref: false });
    }
    const url = await serving({ readers: 1 }, pieces);
    const first = await open(url);
    expect((await open(url)).statusCode).toBe(429);
    first.destroy();
    await vi.waitFor(async () => expect((await open(url)).statusCode).toBe(200), { timeout: 5_000 });
  });
});

describe("the feed by pages", () => {
  const page = async (query: string) => (await shop().get(`/v1/events?${query}`, staff)).body;

  test("is the same feed, whose cursor goes on for ever", { timeout }, async () => {
    const begun = await page("topics=stock.changed");
    expect(begun).toMatchObject({ items: [], more: false });
    for (const quantity of [1, 2, 3, 4, 5]) await shop().receive("P", quantity);
    const pages: Body[] = [];
    for (let cursor = begun.nextCursor; pages.length < 3; cursor = pages.at(-1).nextCursor)
      pages.push(await page(`topics=stock.changed&limit=2&cursor=${cursor}`));
    const told = (each: Body) => each.items.map(({ data }: Body) => data.change.onHand);
    expect(pages.map(told)).toEqual([[1, 2], [3, 4], [5]]);
    expect(pages[0].more).toBe(true);
    const end = await page(`topics=stock.changed&cursor=${pages[2].nextCursor}`);
    expect(end).toMatchObject({ items: [], more: false });
    const stream = await listen(ofStock, { "last-event-id": pages[0].nextCursor });
    await until(() => expect(changes(stream)).toEqual([3, 4, 5]));
  });

  test("keeps to the time that it was begun with", { timeout }, async () => {
    await sleep(5);
    const from = new Date().toISOString();
    for (const quantity of [21, 22]) await shop().receive("Q", quantity);
    const first = await page(`topics=stock.changed&limit=1&from=${from}`);
    const items: Body[] = [...first.items];
    for (let next = first; next.more; items.push(...next.items))
      next = await page(`topics=stock.changed&limit=1&from=${from}&cursor=${next.nextCursor}`);
    expect(items.map(({ data }) => data.change.onHand)).toEqual([21, 22]);
  });

  test("shows no event twice and none in another order than the log's", { timeout }, async () => {
    const all = await page("from=start&limit=100");
    const ids = all.items.map(({ id }: Body) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const times = all.items.map(({ timestamp }: Body) => timestamp);
    expect(times).toEqual([...times].sort());
  });
});

test("heartbeats say where the stream is", { timeout: 60_000 }, async () => {
  const stream = await listen("?topics=order.refunded");
  await shop().receive("H", 1);
  await vi.waitFor(() => expect(stream.text()).toContain("\n: here\nid: "), {
    timeout: 25_000,
    interval: 200,
  });
  const beat = stream.blocks().at(-1)?.id;
  expect(beat).toBeDefined();
  expect(beat).not.toBe(stream.blocks()[0]?.id);
});
