import { AxeBuilder } from "@axe-core/playwright";
import type { Page, Route } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { staff } from "../http/shop.ts";
import {
  addToCart,
  fillCheckout,
  noBrowser,
  orderShown,
  pay,
  phone,
  says,
  sharedFront,
  slowTestMs,
} from "./front.ts";

const productsMax = 30;
const transferredMax = 60_000;
const requestsMax = 12;
const image = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9"/></svg>';

const front = sharedFront({ SHIPPING_STANDARD: "500" });

describe.skipIf(noBrowser)(`the pages of the storefront ${noBrowser ?? ""}`, { timeout: slowTestMs }, () => {
  beforeAll(async () => {
    const { shop } = front();
    for (let n = 0; n < productsMax; n++) {
      const fields = { brand: n % 2 ? "Odd" : "Even", category: `Category ${n % 5}`, tags: [`tag-${n % 7}`] };
      await shop.product({ skus: [`SKU-${n}`], price: 1_000 + 100 * n, fields });
    }
    const images = [{ url: "https://images.example/bowl.svg", alt: "A bowl, seen from above" }];
    await shop.product({ name: "Bowl", skus: ["BOWL-S", "BOWL-L"], quantity: 3, fields: { images } });
    await shop.caughtUp();
  });

  test("begin with less than 60 KB and few requests", async () => {
    const page = await front().visit("/orders");
    await page.waitForLoadState("networkidle");
    const sizes: Promise<number>[] = [];
    page.on("requestfinished", (request) => {
      sizes.push(
        request
          .sizes()
          .then(({ responseBodySize, responseHeadersSize }) => responseBodySize + responseHeadersSize),
      );
    });
    const session = await page.context().newCDPSession(page);
    await session.send("Network.clearBrowserCache");
    await page.goto(front().url, { waitUntil: "networkidle" });
    await page.getByText("Show more").waitFor();
    const transferred = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    console.log(`the first page: ${transferred} bytes in ${sizes.length} requests`);
    expect(transferred).toBeLessThan(transferredMax);
    expect(sizes.length).toBeLessThanOrEqual(requestsMax);
  });

  test("list what is asked for, and keep that in their address", async () => {
    const page = await front().visit("/");
    await says(page, "31 products");
    expect(await page.getByRole("listitem").count()).toBe(24);
    await page.getByRole("button", { name: "Show more" }).click();
    await says(page, "7 more products.");
    expect(await page.getByRole("listitem").count()).toBe(31);
    await page.getByLabel("Category 1 (6)").check();
    await says(page, /^6 products/);
    await page.getByLabel("Odd (3)").check();
    await says(page, /^3 products/);
    // Whoever goes by keyboard stays where they were.
    expect(await page.evaluate("document.activeElement.id")).toBe("brand-Odd");
    await page.getByLabel("Sort").selectOption("Dearest first");
    await page.waitForURL(({ search }) => search === "?sort=-price&category=Category+1&brand=Odd");
    await page.getByLabel("From").fill("21");
    await page.keyboard.press("Enter");
    await says(page, /^2 products/);
    await page.reload();
    await says(page, /^2 products/);
    expect(await page.getByRole("heading", { level: 2 }).count()).toBe(2);
    await page.goBack();
    await says(page, /^3 products/);
  });

  test("keep what is typed while they are looked for", async () => {
    const page = await front().visit("/");
    await says(page, "31 products");
    const answered = Promise.withResolvers<void>();
    await page.route("**/v1/products?*", async (route) => {
      await answered.promise;
      await route.continue();
    });
    await page.getByLabel("Category 1 (6)").check();
    await page.getByLabel("From").fill("21");
    answered.resolve();
    await says(page, /^6 products/);
    expect(await page.getByLabel("From").inputValue()).toBe("21");
    await page.keyboard.press("Enter");
    await page.waitForURL(({ search }) => search.includes("min=21"));
  });

  test("are bought from by keyboard alone", async () => {
    const page = await front().visit("/products/bowl");
    await page.route("https://images.example/**", (route) =>
      route.fulfill({ contentType: "image/svg+xml", body: image }),
    );
    await page.reload();
    await page.getByRole("img", { name: "A bowl, seen from above" }).waitFor();
    await tabTo(page, "Add to cart");
    await page.keyboard.press("Enter");
    await says(page, "is in your cart");
    await tabTo(page, "See the cart");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Your cart" }).waitFor();
    await tabTo(page, "Check out");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Check out" }).waitFor();
    await tabTo(page, "E-mail");
    await page.keyboard.type("ada@example.com");
    await tabTo(page, "Country");
    // A country without postal codes is not asked for one.
    await page.keyboard.type("Hong");
    for (const [name, text] of [
      ["Name", "Ada Byron"],
      ["Street and number", "1 Queen's Road"],
      ["City", "Hong Kong"],
    ] as const) {
      await tabTo(page, name);
      await page.keyboard.type(text);
    }
    expect(await page.getByRole("textbox", { name: "Postal code" }).count()).toBe(0);
    await tabTo(page, "Standard, $5.00");
    await page.keyboard.press("ArrowDown");
    await tabTo(page, "Pay $25.00");
    await page.keyboard.press("Enter");
    await orderShown(page);
    await says(page, "Express shipping");
  });

  test("have no fault that axe finds, and fit on a phone", async () => {
    const { shop, url, visit } = front();
    const page = await visit("/", { viewport: phone, isMobile: true, hasTouch: true });
    const checked = async (path: string, text: string | RegExp) => {
      await page.goto(url + path);
      await says(page, text);
      expect([path, await faults(page)]).toEqual([path, []]);
    };
    await checked("/", "31 products");
    await page.getByText("Filter and sort").click();
    await checked("/?q=nothing-like-it", "Nothing is like that.");
    await checked("/products/bowl", "In stock: 3");
    await checked("/products/none", "There is no such thing here");
    await checked("/cart", "It is empty.");
    await addToCart(page, `${url}/products/bowl`);
    await checked("/cart", "Express, $15.00");
    await checked("/checkout", "Card that pays");
    await page.getByLabel("The bill goes to another address").check();
    expect(await faults(page)).toEqual([]);
    const { order, cart } = await shop.order(["SKU-1", 2], ["SKU-2", 1]);
    await shop.post(`/v1/orders/${order.id}/shipments`, { carrier: "Pigeon Post", trackingNumber: "PP-1" });
    await shop.post(`/v1/orders/${order.id}/deliveries`, {});
    const returned = { lines: [{ sku: "SKU-1", quantity: 1, reason: "late" }] };
    await shop.post(`/v1/orders/${order.id}/returns`, returned, cart.guest);
    await shop.caughtUp();
    const kept = { id: order.id, number: order.number, token: cart.guest["cart-token"], at: new Date(0) };
    await page.evaluate((text) => localStorage.setItem("orders", text), JSON.stringify([kept]));
    await checked("/orders", order.number);
    await checked("/account", "New here?");
    await checked("/account/forgot-password", "Send me a link");
    await checked("/account/register", "Make my account");
    await checked(`/orders/${order.id}`, "1 with you, 1 to come back");
  });

  test("are there again when the API is back, and never pay twice", async () => {
    const { shop, url, visit, gate } = front();
    const { slug } = await shop.product({ name: "Patient Clock", skus: ["CLOCK"] });
    await shop.caughtUp();
    const page = await visit(`/products/${slug}`);
    const button = page.getByRole("button", { name: "Add to cart" });
    await button.waitFor();
    await gate.close();
    await button.click();
    await says(page, "One moment…");
    await gate.open();
    await says(page, "is in your cart");
    await page.getByRole("link", { name: "Cart (1)" }).waitFor();
    await fillCheckout(page, url);
    // The command arrives, no answer ever does.
    const muted = async (route: Route) => {
      await route.fetch();
      await route.abort("connectionreset");
    };
    await page.route("**/v1/carts/*/checkout", muted);
    await pay(page);
    await says(page, "The shop cannot be reached at the moment.");
    await gate.close();
    await page.reload();
    await says(page, "The shop cannot be reached at the moment.");
    await gate.open();
    await page.getByRole("button", { name: "Try again" }).click();
    const id = await orderShown(page);
    await says(page, "Paid, paid.");
    await shop.caughtUp();
    const { items } = (await shop.get("/v1/orders?sku=CLOCK", staff)).body;
    expect(items.map((order: { id: string }) => order.id)).toEqual([id]);
  });
});

/** What axe finds that is serious, and what is wider than the page. */
async function faults(page: Page): Promise<string[]> {
  // There are no frames: the legacy mode looks at one page, and opens no other to do so.
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  const found = violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(", ")}`);
  // Not the window's width: on a phone that grows with what is in it.
  const width = await page.evaluate<number>("document.documentElement.scrollWidth");
  const wider = width - phone.width;
  return wider > 0 ? [...found, `${wider} pixels too wide`] : found;
}

/** Presses Tab until what has this name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  const stepsMax = 80;
  const target = page.locator(":focus").and(
    page
      .getByRole("button", { name, exact: true })
      .or(page.getByRole("link", { name, exact: true }))
      .or(page.getByLabel(name, { exact: true })),
  );
  for (let step = 0; step < stepsMax; step++) {
    await page.keyboard.press("Tab");
    if ((await target.count()) > 0) return;
  }
  throw new Error(`Tab does not lead to ${name}`);
}
