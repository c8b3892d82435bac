import { describe, expect, test } from "vitest";
import { cart, cartBytesMax, cartLinesMax } from "../../commands/cart/cart.ts";
import { type CartItem, lineQuantityMax } from "../../commands/cart/events.ts";
import { type ExistingCart, lineBytes, linesOf, type OpenCart } from "../../commands/cart/state.ts";
import { shopEvents } from "../../commands/events.ts";
import { order } from "../../commands/order/order.ts";
import { priceOrder } from "../../commands/pricing.ts";
import { runCheckout } from "../../commands/processes/checkout.ts";
import { stock } from "../../commands/stock/stock.ts";
import { createCodec } from "../../src/engine/codec.ts";
import { appendBytesMax } from "../../src/stores/event-store/event-store.ts";
import { deriveId } from "../../src/values/ids.ts";
import { Problem } from "../../src/values/problem.ts";
import { createShop, restartCheckout } from "../support/shop.ts";
import { temporaryLog } from "../support/stores.ts";

const codec = createCodec(shopEvents);
const lifeMs = 1_000_000;
const at = { time: 0 };
/** What the engine counts beside data and metadata: an event's id and names. */
const overheadBytes = 200;
const japanese = (characters: number) => "茶碗と急須の詰め合わせ".repeat(30).slice(0, characters);

type Shape = (n: number) => Partial<CartItem>;

const itemOf = (n: number, shape: Shape): CartItem => ({
  sku: `MUG-${n}`,
  productId: deriveId("product", n),
  name: "Mug with a handle",
  quantity: 1,
  unitPrice: 1_299,
  ...shape(n),
});

/** Adds lines until one is refused, or there are as many as a cart holds. */
function filledWith(shape: Shape): { state: OpenCart; refusal: unknown } {
  let state = cart.initial();
  const evolve = (events: ReturnType<typeof cart.decide.Open>) => {
    for (const { type, data } of events)
      state = cart.evolve[type](state, codec.encode(type, data).data as never, { time: 0 });
  };
  evolve(cart.decide.Open(state, { currency: "JPY", lifeMs }, { now: 0 }));
  let refusal: unknown;
  for (let n = 0; n <= cartLinesMax && !refusal; n++) {
    try {
      const items = [itemOf(n, shape)];
      evolve(cart.decide.Add(state, { cartId: "c-1", items, currency: "JPY", lifeMs }, { now: 0 }));
    } catch (error) {
      refusal = error;
    }
  }
  if (state.phase !== "open") throw new Error("it is open");
  return { state, refusal };
}

const text = (characters: number) => "漢".repeat(characters);
const address = {
  fullName: text(200),
  addressLine1: text(200),
  addressLine2: text(200),
  city: text(100),
  state: text(100),
  postalCode: text(20),
  country: text(100),
  phone: text(40),
};

/** The order that a checkout makes of a cart, with the longest addresses, and taxed. */
function orderOf(state: ExistingCart) {
  const lines = linesOf(state);
  const tax = { rateBp: 1_900, included: false, per: "line", rounding: "half_up" } as const;
  const priced = priceOrder(lines, 99_999_999, tax);
  const orderLines = lines.map(({ lineId: _, ...line }, index) => {
    const amounts = priced.lines[index];
    if (!amounts) throw new Error("every line is priced");
    return { ...line, ...amounts };
  });
  return {
    number: "A-LONG-PREFIX-20260115-ABCDEFG",
    cartId: deriveId("cart"),
    paymentId: deriveId("payment"),
    paymentMethod: "bank_transfer" as const,
    currency: state.currency,
    lines: orderLines,
    totals: priced.totals,
    tax,
    shippingMethod: "overnight",
    email: text(320),
    customerId: text(200),
    shippingAddress: address,
    billingAddress: address,
  };
}

/** Of each event that makes an order of the cart, in an append of its own. */
function bytesOf(state: ExistingCart): Record<string, number> {
  const metadata = {
    time: 1_768_478_400_000,
    commandId: deriveId("command"),
    correlationId: text(200),
    actor: text(100),
    causationId: deriveId("cause"),
    ip: "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
    userAgent: text(1_000),
  };
  const beside = Buffer.byteLength(JSON.stringify(metadata)) + overheadBytes;
  const events = order.decide.Place(
    { phase: "absent" },
    { ...orderOf(state), confirm: { buyer: "f".repeat(32) } },
  );
  return Object.fromEntries(
    events.map(({ type, data }) => [type, Buffer.byteLength(codec.encode(type, data).json) + beside]),
  );
}

describe("the bytes of a cart", () => {
  test(`let ${cartLinesMax} lines with ordinary names in, and not one more`, () => {
    const shape: Shape = (n) => ({ name: `Hand-made stoneware mug no. ${n}, 0.3 l`, category: "Kitchen" });
    const { state, refusal } = filledWith(shape);
    expect(state.lines.size).toBe(cartLinesMax);
    expect(refusal).toMatchObject({
      code: "cart_full",
      message: `a cart holds at most ${cartLinesMax} lines`,
    });
  });

  test("end before 2,000 lines with names of 60 Japanese characters, with the reason", () => {
    const { state, refusal } = filledWith(() => ({ name: japanese(60) }));
    expect(refusal).toBeInstanceOf(Problem);
    expect(refusal).toMatchObject({
      code: "cart_full",
      message: `a cart's lines hold at most ${cartBytesMax} bytes together`,
    });
    expect(state.lines.size).toBeLessThan(cartLinesMax);
    // Not a cent's worth too early either: the next line is what did not fit.
    const next = lineBytes({ ...itemOf(state.lines.size, () => ({ name: japanese(60) })) });
    expect(state.bytes).toBeLessThanOrEqual(cartBytesMax);
    expect(state.bytes + next + Buffer.byteLength(',"lineId":"sku:MUG-1000"')).toBeGreaterThan(cartBytesMax);
  });

  test("are those of the lines that are there: what is removed makes room, what is added again does not count twice", () => {
    const { state } = filledWith(() => ({ name: japanese(60) }));
    const sum = (of: ExistingCart) => linesOf(of).reduce((total, line) => total + lineBytes(line), 0);
    expect(state.bytes).toBe(sum(state));
    const add = (to: OpenCart, n: number) =>
      cart.decide.Add(
        to,
        { cartId: "c-1", items: [itemOf(n, () => ({ name: japanese(60) }))], currency: "JPY", lifeMs },
        { now: 0 },
      );
    // Another digit of the quantity is all that it takes more.
    expect(add(state, 0)).toHaveLength(1);
    const [removed] = cart.decide.Remove(state, { cartId: "c-1", line: "MUG-500", lifeMs }, { now: 0 });
    const less = cart.evolve.ItemRemoved(state, removed?.data as never, at);
    if (less.phase !== "open") throw new Error("it is open");
    expect(less.bytes).toBe(sum(less));
    expect(() => add(state, 3_000)).toThrow(Problem);
    const more = add(less, 500);
    const again = cart.evolve.ItemAdded(less, more[0]?.data as never, at);
    expect((again as OpenCart).bytes).toBe(state.bytes);
  });
});

describe("the largest cart makes an order that fits into one append, and a confirmation that does", () => {
  const dearest = Math.floor(1_000_000_000_000 / cartLinesMax);
  const shapes: [string, Shape][] = [
    ["names of 60 Japanese characters", () => ({ name: japanese(60) })],
    ["names of 255 Japanese characters", () => ({ name: japanese(255), category: japanese(255) })],
    ["names of 255 characters that JSON writes as six", () => ({ name: "\u0001".repeat(255) })],
    ["names of 255 emoji", () => ({ name: "🫖".repeat(255) })],
    ["as many lines as there may be, each as dear as can be", () => ({ unitPrice: dearest })],
    [
      "the shortest lines with the largest amounts",
      (n) => ({ sku: n.toString(36), productId: "p", name: "x", unitPrice: dearest }),
    ],
    [
      "prices that staff has set, of one SKU",
      (n) => ({ sku: "MUG", name: japanese(40), unitPrice: 400_000_000 + n, priceOverridden: true }),
    ],
  ];

  test.each(shapes)("with %s", (_, shape) => {
    const { state } = filledWith(shape);
    expect(state.lines.size).toBeGreaterThan(100);
    for (const [type, bytes] of Object.entries(bytesOf(state)))
      expect(bytes, type).toBeLessThan(appendBytesMax);
  });

  test("also when its quantities have grown since, which takes digits", () => {
    const filled = filledWith(() => ({ name: japanese(60), unitPrice: 1 })).state;
    let state: ExistingCart = filled;
    for (const { sku } of linesOf(filled)) {
      const change = { cartId: "c-1", line: sku, quantity: lineQuantityMax, byStaff: true, lifeMs };
      for (const { data } of cart.decide.ChangeQuantity(state as OpenCart, change, { now: 0 }))
        state = cart.evolve.QuantityChanged(state, data as never, at) as ExistingCart;
    }
    expect(Math.max(...Object.values(bytesOf(state)))).toBeLessThan(appendBytesMax);
  });

  test("and is checked out as one", { timeout: 60_000 }, async () => {
    const log = await temporaryLog();
    const shop = createShop({ events: log });
    const { engine, by, settings } = shop;
    const { currency, cartLifeMs } = settings;
    const { state: full } = filledWith((n) => ({
      sku: "MUG",
      name: japanese(60),
      unitPrice: 10_000 + n,
      priceOverridden: true,
    }));
    await engine.execute(cart, "c-1", "Open", { currency, lifeMs: cartLifeMs }, by());
    const items = linesOf(full).map(({ lineId: _, ...item }) => item);
    for (let from = 0; from < items.length; from += 100) {
      const some = items.slice(from, from + 100);
      const command = { cartId: "c-1", items: some, currency, lifeMs: cartLifeMs };
      await engine.execute(cart, "c-1", "Add", command, by());
    }
    await engine.execute(stock, "MUG", "Receive", { quantity: items.length }, by());
    const { orderId } = await restartCheckout(shop, "c-1");
    expect(await runCheckout(shop, "c-1", shop.context)).toEqual({ status: "confirmed", orderId });
    const { events } = await log.readStream(`order-${orderId}`, { maxCount: 10 });
    expect(events.slice(0, 2).map(({ type }) => type)).toEqual(["OrderPlaced", "OrderConfirmed"]);
    expect(events[0]?.data).toMatchObject({ lines: { length: items.length } });
    for (const { data, metadata, type } of events)
      expect(Buffer.byteLength(JSON.stringify(data) + JSON.stringify(metadata)), type).toBeLessThan(
        appendBytesMax,
      );
    expect(await shop.orderOf(orderId)).toMatchObject({ status: "paid", book: { confirmed: true } });
  });
});
