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

const front = sharedFront({});
const password = "correct horse battery";

/** @returns the path of the link that was sent last to an address */
async function linkTo(email: string): Promise<string> {
  const { shop } = front();
  const find = async () => {
    const { items } = (await shop.get("/v1/ops/mails", staff)).body;
    const text = items.find(({ to }: { to: string }) => to === email)?.text;
    return /https?:\/\/[^/]+(\/\S+)/.exec(String(text))?.[1];
  };
  await expect.poll(find).toBeDefined();
  return String(await find());
}

describe.skipIf(noBrowser)(`who has an account ${noBrowser ?? ""}`, { timeout: slowTestMs }, () => {
  test("registers, brings the cart along, buys, finds the order again elsewhere, and sends a piece back", async () => {
    const { shop, url, visit } = front();
    const { slug } = await shop.product({
      name: "Copper Kettle",
      skus: ["KETTLE"],
      price: 2_000,
      quantity: 5,
    });
    await shop.caughtUp();
    const page = await visit("/account");
    await page.getByRole("form", { name: "Register" }).getByLabel("Your e-mail").fill("ada@example.com");
    await page.getByRole("button", { name: "Send me a link" }).click();
    await says(page, "open the link in it");
    await page.goto(url + (await linkTo("ada@example.com")));
    await page.getByLabel("Password").fill("password");
    await page.getByRole("button", { name: "Make my account" }).click();
    await says(page, "too easy to guess");
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Make my account" }).click();
    await says(page, "You are logged in as ada@example.com");
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("form", { name: "Log in" }).waitFor();

    await addToCart(page, `${url}/products/${slug}`);
    await page.goto(`${url}/account`);
    const login = page.getByRole("form", { name: "Log in" });
    await login.getByLabel("E-mail").fill("ada@example.com");
    await login.getByLabel("Password").fill(password);
    await login.getByRole("button", { name: "Log in" }).click();
    await says(page, "You are logged in");
    await page.getByRole("link", { name: "Cart (1)" }).click();
    await says(page, "Copper Kettle");
    await fillCheckout(page, url);
    await pay(page);
    const id = await orderShown(page);
    const order = (await shop.get(`/v1/orders/${id}`, staff)).body;
    expect(order).toMatchObject({ email: "ada@example.com", customerId: expect.any(String) });
    await shop.post(`/v1/orders/${id}/shipments`, {});
    await shop.post(`/v1/orders/${id}/deliveries`, {});
    await shop.caughtUp();

    const elsewhere = await visit("/account");
    const form = elsewhere.getByRole("form", { name: "Log in" });
    await form.getByLabel("E-mail").fill("ada@example.com");
    await form.getByLabel("Password").fill(password);
    await form.getByRole("button", { name: "Log in" }).click();
    await elsewhere.getByRole("link", { name: order.number }).click();
    await says(elsewhere, "1 with you");
    await elsewhere.getByLabel("Pieces (of 1)").fill("1");
    await elsewhere.getByLabel("Why").selectOption("It is damaged");
    await elsewhere.getByRole("button", { name: "Ask for the return" }).click();
    await says(elsewhere, "1 to come back");
  });

  test("sets another password by a link, and is told what is wrong with the one before", async () => {
    const { shop, url, visit } = front();
    await shop.call("POST", "/v1/auth/register", { body: { email: "bob@example.com" } });
    const page = await visit("/");
    await page.goto(url + (await linkTo("bob@example.com")));
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Make my account" }).click();
    await says(page, "You are logged in as bob@example.com");
    const other = await visit("/account/forgot-password");
    await other.getByLabel("E-mail").fill("bob@example.com");
    await other.getByRole("button", { name: "Send me a link" }).click();
    await says(other, "a message is on its way");
    await expect.poll(() => linkTo("bob@example.com")).toContain("reset-password");
    await other.goto(url + (await linkTo("bob@example.com")));
    await other.getByLabel("Password").fill("another horse battery");
    await other.getByRole("button", { name: "Set it" }).click();
    await says(other, "log in with it");
    const login = other.getByRole("form", { name: "Log in" });
    await login.getByLabel("E-mail").fill("bob@example.com");
    await login.getByLabel("Password").fill(password);
    await login.getByRole("button", { name: "Log in" }).click();
    await says(other, /not right/);
    await login.getByLabel("Password").fill("another horse battery");
    await login.getByRole("button", { name: "Log in" }).click();
    await says(other, "You are logged in as bob@example.com");
    // The other session is over.
    await page.reload();
    await page.getByRole("form", { name: "Log in" }).waitFor();
  });
});
