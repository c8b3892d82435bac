import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cart } from "../../../commands/cart/cart.ts";
import { type Cart, type CartLine, linesOf } from "../../../commands/cart/state.ts";
import { cartParts, cartsProjection, cartViewOf, getCart, listDrafts } from "../../../projections/carts.ts";
import { funnel, funnelProjection } from "../../../projections/sales/funnel.ts";
import { Problem } from "../../../src/values/problem.ts";
import { documentsOf, Log, project, type ShopData, type ShopEvent } from "./support.ts";

const opened = Date.parse("2011-03-07T09:00:00Z");
const expiresAt = "2011-03-14T09:00:00.000Z";
const tax = { rateBp: 0, included: false, per: "line", rounding: "half_up" } as const;
const item = { lineId: "sku:mug", sku: "mug", productId: "p1", name: "Mug", quantity: 2, unitPrice: 299 };
const checkout: ShopData<"CheckoutStarted"> = {
  email: "ada@example.org",
  shippingMethod: "standard",
  payment: { method: "credit_card", token: "tok_ok" },
  quote: { unitPrices: [299], shipping: 0, tax, total: 598 },
  attempt: 1,
  orderId: "o1",
};

describe("carts", () => {
  test("shows its items with totals, in the order they were added", async () => {
    const log = new Log()
      .add("cart-c1", opened, "CartOpened", { currency: "GBP", expiresAt })
      .add("cart-c1", opened + 1, "ItemAdded", { ...item, expiresAt })
      .add("cart-c1", opened + 2, "ItemAdded", {
        ...item,
        lineId: "1:22423",
        sku: "22423",
        unitPrice: 1,
        quantity: 1,
        priceOverridden: true,
        expiresAt,
      })
      .add("cart-c1", opened + 3, "ItemAdded", { ...item, quantity: 3, name: "Big mug", expiresAt })
      .add("cart-c1", opened + 4, "QuantityChanged", { lineId: "1:22423", quantity: 4, expiresAt });
    const model = await project(cartsProjection, log);
    const gbp = (amount: number) => ({ amount, currency: "GBP" });
    expect(await getCart(model, "c1")).toEqual({
      id: "c1",
      revision: 4,
      status: "open",
      currency: "GBP",
      items: [
        {
          lineId: "sku:mug",
          sku: "mug",
          productId: "p1",
          name: "Big mug",
          quantity: 5,
          unitPrice: gbp(299),
          lineTotal: gbp(1495),
        },
        {
          lineId: "1:22423",
          sku: "22423",
          productId: "p1",
          name: "Mug",
          quantity: 4,
          unitPrice: gbp(1),
          lineTotal: gbp(4),
          priceOverridden: true,
        },
      ],
      subtotal: gbp(1499),
      itemCount: 9,
      createdAt: "2011-03-07T09:00:00.000Z",
      updatedAt: "2011-03-07T09:00:00.004Z",
      expiresAt,
    });
    expect(await getCart(model, "c2")).toBeUndefined();
  });

  test("lists drafts, newest first, until they are orders or given up", async () => {
    const log = new Log().add("cart-c1", opened, "CartOpened", { currency: "GBP", expiresAt });
    const { expiresAt: _, ...started } = { ...checkout, expiresAt };
    for (const [n, id] of ["d1", "d2", "d3", "d4"].entries())
      log.add(`cart-${id}`, opened + n, "CartOpened", { currency: "GBP", draft: true });
    // So many that some are in documents of their own.
    for (let n = 0; n < 100; n++)
      log.add("cart-d2", opened, "ItemAdded", { ...item, lineId: `sku:${n}`, sku: `${n}` });
    log.add("cart-d2", opened, "CheckoutStarted", started);
    log
      .add("cart-d3", opened, "CheckoutStarted", started)
      .add("cart-d3", opened, "CartConverted", { orderId: "o1" });
    log.add("cart-d4", opened, "CartAbandoned", {});
    const model = await project(cartsProjection, log);
    const first = await listDrafts(model, { limit: 1 });
    const second = await listDrafts(model, { limit: 1, after: first.next ?? [] });
    expect(second.next).toBeNull();
    const common = { currency: "GBP", draft: true };
    expect([...first.texts, ...second.texts].map((text) => JSON.parse(text))).toEqual([
      {
        ...common,
        id: "d2",
        revision: 101,
        status: "checking_out",
        subtotal: { amount: 59_800, currency: "GBP" },
        itemCount: 200,
        orderId: "o1",
        createdAt: "2011-03-07T09:00:00.001Z",
        updatedAt: "2011-03-07T09:00:00.000Z",
      },
      {
        ...common,
        id: "d1",
        revision: 0,
        status: "open",
        subtotal: { amount: 0, currency: "GBP" },
        itemCount: 0,
        createdAt: "2011-03-07T09:00:00.000Z",
        updatedAt: "2011-03-07T09:00:00.000Z",
      },
    ]);
  });

  test("keeps what its checkout will need, all of it as it was said last", async () => {
    const details = { email: "ada@example.com", shippingMethod: "express" };
    const log = new Log()
      .add("cart-c1", opened, "CartOpened", { currency: "GBP", expiresAt })
      .add("cart-c1", opened, "DetailsChanged", { ...details, expiresAt });
    expect(await getCart(await project(cartsProjection, log), "c1")).toMatchObject({
      ...details,
      revision: 1,
    });
    log.add("cart-c1", opened, "DetailsChanged", { shippingMethod: "standard", expiresAt });
    const now = await getCart(await project(cartsProjection, log), "c1");
    expect(now).toMatchObject({ shippingMethod: "standard", revision: 2 });
    expect(now).not.toHaveProperty("email");
  });

  test("tells of a checkout that is under way, has failed, or is done", async () => {
    const log = new Log()
      .add("cart-c1", opened, "CartOpened", { currency: "GBP", expiresAt })
      .add("cart-c1", opened, "ItemAdded", { ...item, expiresAt });
    const cartNow = async () => getCart(await project(cartsProjection, log), "c1");

    log.add("cart-c1", opened, "CheckoutStarted", checkout);
    expect(await cartNow()).toMatchObject({ status: "checking_out", orderId: "o1" });

    const failure = { code: "payment_declined", detail: "no funds" };
    log.add("cart-c1", opened, "CheckoutFailed", { ...failure, attempt: 1, orderId: "o1", extras: {} });
    const failed = await cartNow();
    expect(failed).toMatchObject({ status: "open", failure });
    expect(failed).not.toHaveProperty("orderId");

    log
      .add("cart-c1", opened, "CheckoutStarted", { ...checkout, attempt: 2, orderId: "o2" })
      .add("cart-c1", opened, "CartConverted", { orderId: "o2" });
    const converted = await cartNow();
    expect(converted).toMatchObject({ status: "converted", orderId: "o2" });
    expect(converted).not.toHaveProperty("failure");
  });

  test("of many lines is stored in parts, so that a change writes a small one, and is shown whole", async () => {
    const log = new Log().add("cart-c1", opened, "CartOpened", { currency: "GBP", expiresAt });
    const line = (n: number) => ({ ...item, lineId: `sku:${n}`, sku: `${n}`, expiresAt });
    for (let n = 0; n < 1_000; n++) log.add("cart-c1", opened, "ItemAdded", line(n));
    log.add("cart-c1", opened, "QuantityChanged", { lineId: "sku:999", quantity: 7, expiresAt });
    log.add("cart-c1", opened, "ItemRemoved", { lineId: "sku:0", expiresAt });
    log.add("cart-c1", opened, "ItemAdded", line(0));
    const model = await project(cartsProjection, log);
    const shown = await getCart(model, "c1");
    expect(shown?.items.map(({ sku }) => sku)).toEqual([
      ...Array.from({ length: 999 }, (_, n) => `${n + 1}`),
      "0",
    ]);
    expect(shown?.items[998]?.quantity).toBe(7);
    const sizes = (await model.scan(undefined, 100)).map(({ json }) => json.length);
    expect(Math.max(...sizes)).toBeLessThan(6_000);
  });

  test("holds what the write model holds, whatever the SKUs are called", () => {
    const skus = ["__proto__", "22423", "constructor", "85123A", "a", "b", "c", "d", "e", "f"];
    const added = fc.record({
      name: fc.constant("Add"),
      sku: fc.constantFrom(...skus),
      quantity: fc.integer({ min: 1, max: 9 }),
      price: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
    });
    const changed = fc.record({
      name: fc.constantFrom("ChangeQuantity", "Remove"),
      sku: fc.constantFrom(...skus),
      quantity: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(
        fc.array(fc.oneof(added, changed), { maxLength: 30, size: "max" }).map(repeated),
        (sequence) => {
          const log = new Log();
          let state: Cart = cart.initial();
          const run = (decide: (context: { now: number }) => ShopEvent[]) => {
            let events: ShopEvent[] = [];
            try {
              events = decide({ now: opened });
            } catch (error) {
              if (!(error instanceof Problem)) throw error;
            }
            log.addAll("cart-c1", opened, events);
            for (const { type, data } of events) {
              const evolve = cart.evolve[type as keyof typeof cart.evolve];
              state = evolve(state, data as never, { time: opened });
            }
          };
          const lifeMs = 1_000;
          run((context) => cart.decide.Open(state, { currency: "GBP", lifeMs }, context) as ShopEvent[]);
          for (const { sku, quantity, ...step } of sequence) {
            const change = { cartId: "c1", line: sku, quantity, lifeMs };
            run((context) => {
              if (!("price" in step)) return cart.decide[step.name as "Remove"](state, change, context);
              const override = step.price === undefined ? {} : { priceOverridden: true as const };
              const items = [
                { sku, productId: "p1", name: sku, quantity, unitPrice: step.price ?? 5, ...override },
              ];
              return cart.decide.Add(state, { cartId: "c1", items, currency: "GBP", lifeMs }, context);
            });
          }
          for (const stored of [false, true]) {
            const docs = documentsOf(cartsProjection, log, stored);
            const parts = cartParts(docs.get("c1"), "c1").map((key) => docs.get(key));
            const { items } = cartViewOf("c1", docs.get("c1"), parts);
            const lines = state.phase === "absent" ? [] : linesOf(state);
            expect(items).toEqual(lines.map(itemOf));
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});

/** So that some lines come late, and go on changing. */
function repeated<T>(steps: T[]): T[] {
  return [...steps, ...steps.toReversed(), ...steps, ...steps.toReversed(), ...steps];
}

function itemOf({ lineId, sku, productId, name, quantity, unitPrice, priceOverridden }: CartLine) {
  const money = (amount: number) => ({ amount, currency: "GBP" });
  const item = { lineId, sku, productId, name, quantity, unitPrice: money(unitPrice) };
  const lineTotal = money(quantity * unitPrice);
  return { ...item, lineTotal, ...(priceOverridden && { priceOverridden: true }) };
}

describe("funnel", () => {
  const line = { ...item, subtotal: 598, discount: 0, tax: 0, total: 598 };
  const placed: ShopData<"OrderPlaced"> = {
    number: "ORD-1",
    cartId: "c1",
    paymentId: "pay1",
    paymentMethod: "credit_card",
    currency: "GBP",
    lines: [line],
    totals: { subtotal: 598, discount: 0, shipping: 0, tax: 0, total: 598 },
    tax,
    shippingMethod: "standard",
  };

  test("counts each cart once for each step it reached, on the store's day of its opening", async () => {
    const evening = "2011-03-27T22:59:00Z"; // 23:59 in London, on the day the clocks went forward
    const night = "2011-03-27T23:01:00Z"; // the next day
    const log = new Log()
      .add("cart-c1", evening, "CartOpened", { currency: "GBP", expiresAt })
      .add("cart-c2", evening, "CartOpened", { currency: "GBP", expiresAt })
      // Staff's drafts count in none.
      .add("cart-d1", evening, "CartOpened", { currency: "GBP", draft: true })
      .add("cart-d1", evening, "ItemAdded", item)
      .add("cart-d1", evening, "CheckoutStarted", { ...checkout, orderId: "o9" })
      .add("order-o9", evening, "OrderPlaced", { ...placed, cartId: "d1" })
      .add("cart-c1", night, "ItemAdded", { ...item, expiresAt })
      .add("cart-c1", night, "ItemAdded", { ...item, lineId: "sku:cup", sku: "cup", expiresAt })
      .add("cart-c1", night, "CheckoutStarted", checkout)
      .add("order-o1", night, "OrderPlaced", placed)
      .add("cart-c1", night, "CheckoutStarted", { ...checkout, attempt: 2, orderId: "o2" })
      .add("order-o2", night, "OrderPlaced", placed)
      .add("order-o2", night, "OrderConfirmed", {
        currency: "GBP",
        lines: [{ sku: "mug", productId: "p1", name: "Mug", quantity: 2, revenue: 598 }],
        units: 2,
        gross: 598,
      });
    const model = await project(funnelProjection("Europe/London"), log);
    const counts = async (range: { from?: string; to?: string }) =>
      (await funnel(model, range)).items.map(({ step, count }) => `${step} ${count}`);
    expect(await counts({})).toEqual([
      "carts_opened 2",
      "carts_with_items 1",
      "checkouts_started 1",
      "orders_placed 1",
      "orders_confirmed 1",
    ]);
    expect(await counts({ to: "2011-03-27" })).toEqual(await counts({}));
    expect((await counts({ from: "2011-03-27" })).slice(0, 2)).toEqual([
      "carts_opened 2",
      "carts_with_items 1",
    ]);
    expect((await counts({ from: "2011-03-28" })).slice(0, 2)).toEqual([
      "carts_opened 0",
      "carts_with_items 0",
    ]);
  });

  test("counts a cart as filled by its first item, also when its customer was known before", async () => {
    const log = new Log().add("cart-c1", opened, "CartOpened", { currency: "GBP", expiresAt });
    log.add("cart-c1", opened, "DetailsChanged", { email: "ada@example.com", expiresAt });
    const item = { sku: "mug", productId: "p1", name: "Mug", quantity: 1, unitPrice: 1, lineId: "sku:mug" };
    log.add("cart-c1", opened, "ItemAdded", { ...item, first: true, expiresAt });
    log.add("cart-c1", opened, "ItemRemoved", { lineId: "sku:mug", expiresAt });
    log.add("cart-c1", opened, "ItemAdded", { ...item, first: true, expiresAt });
    const model = await project(funnelProjection("UTC"), log);
    expect((await funnel(model, {})).items.slice(0, 2)).toEqual([
      { step: "carts_opened", count: 1 },
      { step: "carts_with_items", count: 1 },
    ]);
  });
});
