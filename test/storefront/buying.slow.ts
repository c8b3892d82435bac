import { describe, expect, test } from "vitest";
import { staff } from "../http/shop.ts";
import {
  addToCart,
  fillCheckout,
  noBrowser,
  orderShown,
  pay,
  says,
  sharedFront,
  slowTestMs,
} from "./front.ts";

const front = sharedFront({ SHIPPING_STANDARD: "500", TAX_RATE_BP: "1000" });

describe.skipIf(noBrowser)(`who buys in the storefront ${noBrowser ?? ""}`, { timeout: slowTestMs }, () => {
  test("finds something, pays for it, gets it, and sends a piece back", async () => {
    const { shop, visit } = front();
    await shop.product({ name: "Walnut Teapot", skus: ["TEAPOT"], price: 2_000, quantity: 5 });
    await shop.caughtUp();
    const page = await visit("/");
    await page.getByRole("searchbox").fill("teapoot");
    await page.keyboard.press("Enter");
    await says(page, "Nothing is called “teapoot”. This is what there is for teapot.");
    await page.getByRole("link", { name: /Walnut Teapot/ }).click();
    await page.getByLabel("Quantity").fill("2");
    await page.getByRole("button", { name: "Add to cart" }).click();
    await page.getByRole("link", { name: "See the cart" }).click();
    await says(page, "$49.50");
    await page.getByLabel("Express, $15.00").check();
    await says(page, "$60.50");
    await page.getByLabel("Quantity of Walnut Teapot").fill("3");
    await page.keyboard.press("Tab");
    await says(page, "$82.50");
    await fillCheckout(page, front().url);
    await pay(page);
    const id = await orderShown(page);
    await says(page, "Paid, paid.");
    await says(page, "3 to be sent");
    expect((await shop.get(`/v1/orders/${id}`, staff)).body).toMatchObject({
      email: "ada@example.com",
      shippingMethod: "express",
      totals: { total: { amount: 8_250 } },
    });

    await shop.post(`/v1/orders/${id}/shipments`, { carrier: "Pigeon Post" });
    await shop.post(`/v1/orders/${id}/deliveries`, {});
    await shop.caughtUp();
    await page.reload();
    await says(page, "3 with you");
    await says(page, "3 pieces shipped with Pigeon Post");
    await page.getByLabel("Pieces (of 3)").fill("2");
    await page.getByLabel("Why").selectOption("It is damaged");
    await page.getByRole("button", { name: "Ask for the return" }).click();
    await says(page, "1 with you, 2 to come back");
    await page.getByRole("button", { name: "Withdraw" }).click();
    await says(page, "3 with you");
    await page.getByLabel("Pieces (of 3)").fill("1");
    await page.getByRole("button", { name: "Ask for the return" }).click();
    await says(page, "2 with you, 1 to come back");

    const { returns } = (await shop.get(`/v1/orders/${id}`, staff)).body;
    const returned = `/v1/orders/${id}/returns/${returns[1].id}`;
    await shop.post(`${returned}/approve`, {});
    await shop.post(`${returned}/receive`, { lines: [{ sku: "TEAPOT", sellable: 1 }] });
    await shop.caughtUp();
    await page.reload();
    await says(page, "2 with you, 1 came back");
    await says(page, "partly given back");
    await page.getByRole("link", { name: "Orders" }).click();
    await page.getByRole("link", { name: /^ORD-/ }).waitFor();
  });

  test("is told of a price that has changed, and pays the new one only when they agree", async () => {
    const { shop, url, visit } = front();
    const { id, slug } = await shop.product({ name: "Fickle Lamp", skus: ["LAMP"], price: 1_000 });
    const priced = (amount: number) =>
      shop.call("PUT", `/v1/products/${id}/variants/LAMP/price`, {
        body: { price: { amount, currency: "USD" } },
        headers: staff,
      });
    await shop.caughtUp();
    const page = await visit("/");
    await addToCart(page, `${url}/products/${slug}`);
    await priced(1_100);
    await page.goto(`${url}/cart`);
    await says(page, "The price was $10.00, and is $11.00 now.");
    await fillCheckout(page, url);
    await page.getByRole("button", { name: "Pay $17.60" }).waitFor();
    await priced(1_200);
    await pay(page);
    await says(page, "A price has changed.");
    await says(page, "Fickle Lamp was $10.00, and is $12.00 now.");
    await page.getByRole("button", { name: "Pay $18.70" }).click();
    const order = (await shop.get(`/v1/orders/${await orderShown(page)}`, staff)).body;
    expect(order.totals.total.amount).toBe(1_870);
  });

  test("is told what is sold out, by now too, and what is not for sale any more", async () => {
    const { shop, url, visit } = front();
    const none = await shop.product({ name: "Gone", skus: ["GONE"], quantity: 0 });
    await shop.stocked("GONE");
    const last = await shop.product({ name: "Last Two", skus: ["LAST"], quantity: 2 });
    const retired = await shop.product({ name: "Retired", skus: ["RETIRED"] });
    await shop.caughtUp();
    const page = await visit(`/products/${none.slug}`);
    await says(page, "Sold out");
    expect(await page.getByRole("button", { name: "Add to cart" }).count()).toBe(0);
    await page.goto(`${url}/products/${last.slug}`);
    await page.getByLabel("Quantity").fill("2");
    await page.getByRole("button", { name: "Add to cart" }).click();
    await says(page, "is in your cart");
    await addToCart(page, `${url}/products/${retired.slug}`);
    await shop.post(`/v1/products/${retired.id}/archive`);
    await page.goto(`${url}/cart`);
    await says(page, "Not for sale any more.");
    expect(await page.getByRole("link", { name: "Check out" }).count()).toBe(0);
    await page.getByRole("button", { name: "Remove Retired" }).click();
    await page.getByRole("link", { name: "Check out" }).waitFor();
    await shop.order(["LAST", 1]);
    await fillCheckout(page, url);
    await pay(page);
    await says(page, "There are only 1 left. Please take fewer.");
    await page.getByRole("link", { name: "Change your cart" }).click();
    await page.getByLabel("Quantity of Last Two").fill("1");
    await page.keyboard.press("Tab");
    await says(page, "$16.50");
    // What was typed in is kept with the cart.
    await page.getByRole("link", { name: "Check out" }).click();
    await pay(page);
    await orderShown(page);
  });

  test("waits for the bank, and sees when it has paid", async () => {
    const { shop, url, visit } = front();
    const { slug } = await shop.product({ name: "Pondered Chair", skus: ["CHAIR"] });
    await shop.caughtUp();
    const page = await visit("/");
    await addToCart(page, `${url}/products/${slug}`);
    await fillCheckout(page, url, "Card that is declined");
    await page.getByRole("textbox", { name: "E-mail" }).fill("nobody");
    await pay(page);
    await says(page, "Something in it is not right.");
    const email = page.getByRole("textbox", { name: "E-mail" });
    expect(await email.getAttribute("aria-invalid")).toBe("true");
    await email.fill("ada@example.com");
    await pay(page);
    await says(page, "The payment was declined, and nothing was charged.");
    await page.getByLabel("Card whose bank asks its owner first").check();
    await pay(page);
    const bankSays = async (type: string) => {
      const id = await orderShown(page);
      await page.getByRole("link", { name: "Confirm it with your bank" }).waitFor();
      const { payments } = (await shop.get(`/v1/orders/${id}`, staff)).body;
      const event = { id: `evt_${id}`, type, paymentId: payments[0].id };
      await shop.post("/v1/sandbox/events", { event });
    };
    await bankSays("payment.failed");
    await says(page, "Cancelled, the payment failed.");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("link", { name: "Check out" }).click();
    await page.getByLabel("Card whose bank asks its owner first").check();
    await pay(page);
    await bankSays("payment.authorized");
    await says(page, "Paid, paid.");
  });
});
