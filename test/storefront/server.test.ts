import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasPostalCodes } from "../../commands/address.ts";
import { freePort } from "../support/ports.ts";
import { startStorefront } from "./front.ts";

const api = "http://127.0.0.1:3999";
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
let storefront: Awaited<ReturnType<typeof startStorefront>>;

beforeAll(async () => {
  storefront = await startStorefront(["--api", api, "--port", String(port)]);
});
afterAll(async () => {
  storefront.kill();
  await once(storefront, "exit");
});

describe("the storefront's server", () => {
  test("gives its pages by any address without extension, and lets them ask the API alone", async () => {
    for (const path of ["/", "/cart", "/products/a-mug?from=x"]) {
      const response = await fetch(url + path);
      expect(response.headers.get("content-security-policy")).toContain(`connect-src ${api}`);
      expect(response.headers.get("content-security-policy")).not.toContain("unsafe");
      const html = await response.text();
      expect(html).toContain(`<meta name="api" content="${api}"`);
      expect(html).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=/);
    }
  });

  test("gives the client where a module of the page asks for it", async () => {
    const response = await fetch(`${url}/client/index.js`);
    expect(response.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(await response.text()).toContain("export function createClient");
  });

  test("gives nothing else", async () => {
    for (const path of ["/server.js", "/../server.js", "/%2e%2e/server.js", "/client/api.d.ts", "/none.js"])
      expect([path, (await fetch(url + path)).status]).toEqual([path, 404]);
    const posted = await fetch(url, { method: "POST", body: "x" });
    expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  test("compresses, and says when nothing has changed", async () => {
    const get = (headers: Record<string, string>, method = "GET") =>
      fetch(`${url}/app.js`, { method, headers });
    const packed = await get({ "accept-encoding": "gzip, br" });
    expect(packed.headers.get("content-encoding")).toBe("br");
    expect(await packed.text()).toBe(await (await get({ "accept-encoding": "identity" })).text());
    const etag = packed.headers.get("etag") ?? "";
    expect((await get({ "if-none-match": etag })).status).toBe(304);
    const head = await get({}, "HEAD");
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });
});

test("it asks for postal codes in the countries that the API does", async () => {
  const file = join(import.meta.dirname, "../../examples/storefront/browser/countries.js");
  const known = await import(file);
  const countries: { code: string; name: string }[] = known.countries();
  expect(countries.length).toBeGreaterThan(240);
  for (const { code, name } of countries)
    expect([name, known.hasPostalCodes(code)]).toEqual([name, hasPostalCodes(code)]);
});
