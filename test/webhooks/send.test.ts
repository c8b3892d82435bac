import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { isPublicAddress, lookupPublic, PrivateAddress, whyNotUrl } from "../../src/webhooks/addresses.ts";
import { createSender } from "../../src/webhooks/send.ts";
import { endpointSecret, goodSecrets } from "../../src/webhooks/sign.ts";

async function serving(listener: RequestListener) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

function sender(timeoutMs = 5_000, allowPrivate = true) {
  const made = createSender({ allowPrivate, timeoutMs });
  onTestFinished(() => made.close());
  return made;
}

describe("an address", () => {
  test.each([
    ...["127.0.0.1", "127.255.255.255", "0.0.0.0", "10.0.0.1", "100.64.0.1", "169.254.169.254", "172.16.0.1"],
    ...["172.31.255.255", "192.168.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"],
    ...["::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "fe80::1", "fc00::1", "fd12::1", "ff02::1"],
    ...["64:ff9b::7f00:1", "2001::1", "2001:db8::1", "2002:7f00:1::", "100::1"],
  ])("%s is not for everybody to reach", (address) => {
    expect(isIP(address)).not.toBe(0);
    expect(isPublicAddress(address)).toBe(false);
  });

  test.each([
    ...["8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.1", "223.255.255.255"],
    ...["2606:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888"],
  ])("%s is", (address) => expect(isPublicAddress(address)).toBe(true));

  test("of a name is looked at when it is connected to", async () => {
    const look = promisify(lookupPublic as never) as (name: string, options: object) => Promise<unknown>;
    await expect(look("localhost", { all: true })).rejects.toThrow(PrivateAddress);
    await expect(look("localhost", {})).rejects.toThrow(PrivateAddress);
    const { url } = await serving((_, response) => response.end());
    const local = url.replace("127.0.0.1", "localhost").replace("http:", "https:");
    expect(whyNotUrl(local, false)).toBeUndefined();
    expect(await sender(5_000, false).send(local, {}, "{}")).toMatchObject({
      ok: false,
      reason: expect.stringContaining("no public address"),
    });
  });
});

describe("a message", () => {
  test("that is not answered in time is not waited for", async () => {
    const { url } = await serving(() => {});
    expect(await sender(100).send(url, {}, "{}")).toEqual({ ok: false, reason: "no answer within 100 ms" });
  });

  test("is taken by a status of 2xx and nothing else", async () => {
    let status = 200;
    const { url } = await serving((_, response) => response.writeHead(status, { location: "/" }).end());
    const { send } = sender();
    for (status of [200, 201, 202, 204, 299]) expect(await send(url, {}, "{}")).toEqual({ ok: true, status });
    for (status of [301, 302, 307, 400, 404, 429, 500, 503])
      expect(await send(url, {}, "{}")).toEqual({ ok: false, status, reason: `answered ${status}` });
    status = 410;
    const later = await serving((_, response) => response.writeHead(503, { "retry-after": "120" }).end());
    expect(await send(later.url, {}, "{}")).toMatchObject({ ok: false, status: 503, retryAfterMs: 120_000 });
    expect(await send(url, {}, "{}")).toMatchObject({ ok: false, gone: true });
  });

  test("has its answer read no further than need be", async () => {
    let written = 0;
    const { url } = await serving(async (_, response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(64 * 1024);
      const closed = once(response, "close");
      while (!response.destroyed && written < 1024 * chunk.length) {
        written += chunk.length;
        if (!response.write(chunk)) await Promise.race([once(response, "drain").catch(() => {}), closed]);
      }
      response.end();
    });
    expect(await sender().send(url, {}, "{}")).toEqual({ ok: true, status: 200 });
    expect(written).toBeLessThan(16 * 1024 * 1024);
  });

  test("goes by a new connection where the one that was kept has been closed", async () => {
    const { server, url } = await serving((_, response) => response.end());
    const { send } = sender();
    let connections = 0;
    server.on("connection", () => connections++);
    for (let at = 0; at < 3; at++) expect(await send(url, {}, "{}")).toMatchObject({ ok: true });
    expect(connections).toBe(1);
    server.closeAllConnections();
    expect(await send(url, {}, "{}")).toMatchObject({ ok: true });
    expect(connections).toBe(2);
  });

  test("that is answered with another protocol, or by a connection that closes, was not taken", async () => {
    const { server, url } = await serving(() => {});
    server.on("upgrade", (_, socket) => socket.end("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
    const answers = ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", ""];
    server
      .removeAllListeners("request")
      .on("request", (request) => request.socket.end(answers.shift() ?? ""));
    const { send } = sender();
    expect(await send(url, {}, "{}")).toEqual({ ok: false, status: 101, reason: "answered 101" });
    expect(await send(url, {}, "{}")).toMatchObject({
      ok: false,
      reason: expect.stringContaining("no connection"),
    });
  });

  test("to nobody says so", async () => {
    const { server, url } = await serving(() => {});
    server.close();
    await once(server, "close");
    expect(await sender().send(url, {}, "{}")).toMatchObject({
      ok: false,
      reason: expect.stringContaining("ECONNREFUSED"),
    });
    server.listen(0);
    await once(server, "listening");
  });
});

test("a secret is an endpoint's own, and the one before is good for a day", () => {
  const shop = "a shop's secret";
  const [first, second] = [endpointSecret(shop, "one", 0), endpointSecret(shop, "one", 1)];
  const others = [endpointSecret(shop, "two", 0), endpointSecret("another shop's", "one", 0)];
  expect(new Set([first, second, ...others]).size).toBe(4);
  const rotated = { rotation: 1, rotatedAt: 1_000 };
  expect(goodSecrets(shop, "one", { rotation: 0 }, 0)).toEqual([first]);
  expect(goodSecrets(shop, "one", rotated, 86_400_999)).toEqual([second, first]);
  expect(goodSecrets(shop, "one", rotated, 86_401_000)).toEqual([second]);
});
