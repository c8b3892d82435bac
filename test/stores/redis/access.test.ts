import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { openRedisHotStore, type RedisHotStore } from "../../../src/stores/hot-store/redis/hot.ts";
import { newId } from "../../../src/values/ids.ts";
import { freePort } from "../../support/ports.ts";
import { startRedis, whyNoRedisHere } from "./server.ts";

const whyNot = whyNoRedisHere();
const withinMs = 10_000;
const longMs = 60_000;

describe.skipIf(whyNot)(`who may use a Redis ${whyNot ?? ""}`, () => {
  /** The store, and what it has told of its state. */
  function open(url: string): { store: RedisHotStore; told: string[] } {
    const told: string[] = [];
    const store = openRedisHotStore({
      url,
      logId: newId(),
      commandTimeoutMs: 5_000,
      onState: (state, error) => told.push(`${state} ${error?.message ?? ""}`.trim()),
    });
    onTestFinished(() => store.close());
    return { store, told };
  }

  test("is who knows the password; others are told why not, and go on without", async () => {
    const server = await startRedis(["--requirepass", "open sesame"]);
    onTestFinished(() => server.close());
    const at = (password: string) => `redis://${password}127.0.0.1:${server.port}`;
    const { store } = open(at(":open%20sesame@"));
    expect(await store.connected(withinMs)).toBe(true);
    await store.set("a", "x", longMs);
    expect(await store.get("a")).toBe("x");
    for (const password of [":guess@", ""]) {
      const { store: stranger, told } = open(at(password));
      await vi.waitFor(() => expect(told.join()).toMatch(/^away .*(WRONGPASS|NOAUTH)/), {
        timeout: withinMs,
      });
      await expect(stranger.get("a")).rejects.toThrow("away");
      expect(stranger.state()).toBe("away");
    }
  });

  test("names a user, where there are several", async () => {
    const server = await startRedis([
      "--user",
      "shop",
      "on",
      ">pw",
      "~*",
      "&*",
      "+@all",
      "--user",
      "default",
      "off",
    ]);
    onTestFinished(() => server.close());
    const { store } = open(`redis://shop:pw@127.0.0.1:${server.port}`);
    expect(await store.connected(withinMs)).toBe(true);
    expect(await store.setIfAbsent("a", "x", longMs)).toBe(true);
  });

  test("keeps to the database that the URL names", async () => {
    const server = await startRedis();
    onTestFinished(() => server.close());
    const { store } = open(`${server.url}/3`);
    expect(await store.connected(withinMs)).toBe(true);
    await store.set("a", "x", longMs);
    expect(server.ask("-n", "3", "DBSIZE")).toBe("1");
    expect(server.ask("DBSIZE")).toBe("0");
  });

  test("over TLS does not trust a certificate that nobody vouches for", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cartwright-tls-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"];
    execFileSync("openssl", [...made, "-keyout", key, "-out", certificate], { stdio: "ignore" });
    const tlsPort = await freePort();
    const files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate];
    const server = await startRedis(["--tls-port", `${tlsPort}`, "--tls-auth-clients", "no", ...files]);
    onTestFinished(() => server.close());
    const { store, told } = open(`rediss://localhost:${tlsPort}`);
    await vi.waitFor(() => expect(told.join()).toMatch(/^away .*self-signed/), { timeout: withinMs });
    expect(store.state()).toBe("away");
  });
});
