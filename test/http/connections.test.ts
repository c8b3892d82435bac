import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { readConfig } from "../../src/config.ts";
import { boundConnections, type ConnectionBounds, nearOf } from "../../src/http/edge/connections.ts";
import { openTimeoutMs, sharedShop } from "./shop.ts";

const shop = sharedShop();
let port = 0;

beforeAll(async () => {
  await shop().app.listen({ host: "127.0.0.1", port: 0 });
  port = (shop().app.server.address() as AddressInfo).port;
}, openTimeoutMs);

/** Sends a text as it is. @returns what comes back until the server closes: its status, type and problem */
async function exchange(text: string) {
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    answer += chunk;
  });
  await once(socket, "connect");
  if (text !== "") socket.write(text);
  await once(socket, "close");
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  const status = Number(/^HTTP\/1\.1 (\d+) /.exec(head)?.[1]);
  return {
    status,
    isProblem: /^content-type: application\/problem\+json/im.test(head),
    body: JSON.parse(body),
  };
}

describe("what does not come as a whole", () => {
  test("headers that are too large are 431", async () => {
    const answer = await exchange(`GET / HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(17_000)}\r\n\r\n`);
    expect(answer).toMatchObject({
      status: 431,
      isProblem: true,
      body: { status: 431, code: "headers_too_large" },
    });
  });

  test("headers that fit are read", async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/health/live`, {
      headers: { x: "y".repeat(15_000) },
    });
    expect(answer.status).toBe(200);
  });

  test.each([
    ["nothing", ""],
    ["half of the headers", "GET /health/live HTTP/1.1\r\nHost: x\r\n"],
    [
      "half of a body",
      'POST /v1/carts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"cur',
    ],
  ])("%s is 408 when its time is over", async (_, text) => {
    const { server } = shop().app;
    expect([server.headersTimeout, server.requestTimeout]).toEqual([10_000, 60_000]);
    Object.assign(server, { headersTimeout: 100, requestTimeout: 200 });
    try {
      const answer = await exchange(text);
      expect(answer).toMatchObject({ status: 408, isProblem: true, body: { code: "request_timeout" } });
    } finally {
      Object.assign(server, { headersTimeout: 10_000, requestTimeout: 60_000 });
    }
  });

  test("every bound is set", () => {
    const { timeout, keepAliveTimeout, maxRequestsPerSocket, maxConnections } = shop().app.server;
    expect({ timeout, keepAliveTimeout, maxRequestsPerSocket, maxConnections }).toEqual({
      timeout: 180_000,
      keepAliveTimeout: 72_000,
      maxRequestsPerSocket: 100_000,
      maxConnections: 10_200,
    });
  });

  test("a client that goes on sending after its answer is cut off", async () => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => {});
    socket.write("hello\r\n\r\n");
    const sending = setInterval(() => socket.write("more"), 50);
    await once(socket, "data");
    const start = performance.now();
    await new Promise((resolve) => socket.once("close", resolve));
    clearInterval(sending);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

describe("connections", () => {
  async function bounded(isNear: (address: string) => boolean, bounds: ConnectionBounds): Promise<Server> {
    const server = createServer((_request, response) => response.end());
    boundConnections(server, isNear, bounds);
    server.listen(0);
    await once(server, "listening");
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return server;
  }

  /** Opens so many, one after the other. @returns those that the server has kept */
  async function open(server: Server, count: number, localAddress = "127.0.0.1"): Promise<Socket[]> {
    const kept: Socket[] = [];
    for (let n = 0; n < count; n++) {
      const socket = connect({
        port: (server.address() as AddressInfo).port,
        host: "127.0.0.1",
        localAddress,
      });
      onTestFinished(() => void socket.destroy());
      socket.on("error", () => {});
      socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      if (await Promise.race([once(socket, "data"), once(socket, "close").then(() => undefined)]))
        kept.push(socket);
    }
    return kept;
  }

  test("of one address are so many, and one that closes makes room", async () => {
    const server = await bounded(() => false, { max: 100, nearMax: 10, addressMax: 3 });
    const kept = await open(server, 5);
    expect(kept).toHaveLength(3);
    expect(await open(server, 2, "127.0.0.2")).toHaveLength(2);
    kept[0]?.destroy();
    await expect.poll(() => open(server, 1).then(({ length }) => length)).toBe(1);
    expect(await open(server, 1)).toHaveLength(0);
  });

  test("of all are so many, and some more of those that are near", async () => {
    const isNear = (address: string) => address.endsWith("127.0.0.9");
    const server = await bounded(isNear, { max: 3, nearMax: 2, addressMax: 100 });
    expect(await open(server, 5)).toHaveLength(3);
    expect(await open(server, 4, "127.0.0.9")).toHaveLength(2);
  });

  test("are near from this machine, its networks and the proxies that are trusted", () => {
    const isNear = nearOf(readConfig({ TRUST_PROXY: "203.0.113.0/24" }));
    const near = ["127.0.0.1", "::1", "10.0.0.7", "::ffff:192.168.1.1", "fd00::1", "fe80::1", "203.0.113.9"];
    expect(near.map(isNear)).toEqual(near.map(() => true));
    expect(["198.51.100.1", "2001:db8::1"].map(isNear)).toEqual([false, false]);
  });
});
