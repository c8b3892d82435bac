import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";
import { type HttpShop, openTimeoutMs, sharedShop } from "../http/shop.ts";
import { freePort } from "../support/ports.ts";

/** Where Debian's package puts it. */
const chromiumPath = "/usr/bin/chromium";
const actionTimeoutMs = 10_000;
/** Of a test in a browser, while other tests are running. */
export const slowTestMs = 60_000;
const storefrontFile = join(import.meta.dirname, "../../examples/storefront/server.js");

/** Why there are no tests in a browser, if there are none. */
export const noBrowser = existsSync(chromiumPath) ? undefined : `(skipped: there is no ${chromiumPath})`;
if (noBrowser) console.warn(`tests of the storefront are ${noBrowser.slice(1, -1)}`);

export const desktop = { width: 1280, height: 900 };
export const phone = { width: 360, height: 740 };

export interface Front {
  shop: HttpShop;
  url: string;
  /** What stands between the storefront and the API. */
  gate: Gate;
  /**
   * A page of a new visitor, gone with the test. A test fails if a script of it fails or its policy stops something.
   */
  visit(path: string, options?: BrowserContextOptions): Promise<Page>;
}

/** One shop with its storefront, as its own command starts it, for all tests of a file. */
export function sharedFront(env: Record<string, string>): () => Front {
  const [apiPort, gatePort, port] = ports();
  const url = `http://127.0.0.1:${port}`;
  const shop = sharedShop({ env: { ...env, CORS_ORIGINS: url } });
  const gate = createGate(gatePort, apiPort);
  let storefront: ChildProcess | undefined;
  let browser: Browser | undefined;
  if (!noBrowser) {
    beforeAll(async () => {
      await shop().app.listen({ host: "127.0.0.1", port: apiPort });
      await gate.open();
      storefront = await startStorefront(["--api", `http://127.0.0.1:${gatePort}`, "--port", String(port)]);
      browser = await chromium.launch({ executablePath: chromiumPath });
    }, openTimeoutMs);
    afterAll(async () => {
      await browser?.close();
      storefront?.kill();
      await gate.close();
    });
  }
  return () => {
    const opened = browser;
    if (!opened) throw new Error("the storefront opens before the tests");
    return { shop: shop(), url, gate, visit: (path, options) => visit(opened, url + path, options) };
  };
}

const given = await Promise.all(Array.from({ length: 3 }, freePort));

function ports(): [number, number, number] {
  const some = given.splice(0, 3);
  if (some.length < 3) throw new Error("a file has one storefront");
  return some as [number, number, number];
}

/** @returns once it listens */
export async function startStorefront(args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [storefrontFile, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, "line")) as [string];
  if (!line.includes("The storefront is at")) throw new Error(line);
  return child;
}

async function visit(browser: Browser, url: string, options?: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext({ viewport: desktop, locale: "en-GB", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(actionTimeoutMs);
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) faults.push(message.text());
  });
  onTestFinished(async () => {
    await context.close();
    expect(faults).toEqual([]);
  });
  await page.goto(url);
  return page;
}

interface Gate {
  open(): Promise<void>;
  /** Breaks off what goes through it, and lets nothing else in. */
  close(): Promise<void>;
}

/** Lets bytes through to a port, while it is open. */
function createGate(port: number, to: number): Gate {
  let server: Server | undefined;
  const sockets = new Set<Socket>();
  return {
    async open() {
      server = createServer((near) => {
        const far = connect(to, "127.0.0.1");
        for (const socket of [near, far]) {
          sockets.add(socket);
          // Whichever ends takes the other one along.
          socket.on("error", () => {});
          socket.on("close", () => {
            sockets.delete(socket);
            near.destroy();
            far.destroy();
          });
        }
        near.pipe(far).pipe(near);
      }).listen(port, "127.0.0.1");
      await once(server, "listening");
    },
    async close() {
      if (!server?.listening) return;
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

/** Waits until a page says this. */
export async function says(page: Page, text: string | RegExp): Promise<void> {
  await page.getByText(text).first().waitFor();
}

export async function addToCart(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.getByRole("button", { name: "Add to cart" }).click();
  await says(page, "is in your cart");
}

/** Fills in the checkout of a cart that has something in it. */
export async function fillCheckout(page: Page, url: string, payment = "Card that pays"): Promise<void> {
  await page.goto(`${url}/checkout`);
  const fill = (name: string, value: string) => page.getByRole("textbox", { name, exact: true }).fill(value);
  await fill("E-mail", "ada@example.com");
  await fill("Name", "Ada Byron");
  await fill("Street and number", "12 St James Square");
  await fill("Postal code", "SW1Y 4JH");
  await fill("City", "London");
  await page.getByLabel(payment, { exact: true }).check();
}

export async function pay(page: Page): Promise<void> {
  await page.getByRole("button", { name: /^Pay/ }).click();
}

/** @returns the id of the order that the page shows */
export async function orderShown(page: Page): Promise<string> {
  await page.waitForURL(/\/orders\/.+/);
  await page.getByRole("heading", { name: /^Order / }).waitFor();
  return page.url().split("/").at(-1) ?? "";
}
