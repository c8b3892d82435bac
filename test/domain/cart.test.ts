import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cart, cartLinesMax } from "../../commands/cart/cart.ts";
import { type CartItem, type CheckoutRequest, lineQuantityMax } from "../../commands/cart/events.ts";
import type { EventOf } from "../../src/engine/decider.ts";
import { isoTime } from "../../src/values/clock.ts";
import { Problem } from "../../src/values/problem.ts";
import { given, snapshotOf } from "./given.ts";

type CartEvent = EventOf<typeof cart.events>;

const lifeMs = 1_000;
const soon = isoTime(lifeMs);
const opened: CartEvent = { type: "CartOpened", data: { currency: "USD", expiresAt: soon } };
const item = (sku: string, quantity = 1, more: Partial<CartItem> = {}): CartItem => ({
  sku,
  productId: `p-${sku}`,
  name: sku,
  quantity,
  unitPrice: 500,
  ...more,
});
const override = (sku: string, unitPrice: number) => item(sku, 1, { unitPrice, priceOverridden: true });
const added = (of: CartItem, lineId = `sku:${of.sku}`): CartEvent => ({
  type: "ItemAdded",
  data: { ...of, lineId, expiresAt: soon },
});
const removed = (lineId: string): CartEvent => ({ type: "ItemRemoved", data: { lineId, expiresAt: soon } });
const changed = (lineId: string, quantity: number): CartEvent => ({
  type: "QuantityChanged",
  data: { lineId, quantity, expiresAt: soon },
});
const request = (lines = 1): CheckoutRequest => ({
  shippingMethod: "standard",
  payment: { method: "credit_card", token: "tok_ok" },
  quote: {
    unitPrices: Array.from({ length: lines }, () => 500),
    shipping: 0,
    tax: { rateBp: 0, included: true, per: "line", rounding: "half_up" },
    total: 500 * lines,
  },
});
const started = (attempt: number): CartEvent => ({
  type: "CheckoutStarted",
  data: {
    ...request(),
    attempt,
    orderId: `o-${attempt}`,
    paymentId: `p-${attempt}`,
    number: `N-${attempt}`,
  },
});
const failure = (attempt: number) => ({
  orderId: `o-${attempt}`,
  code: "out_of_stock",
  detail: "gone",
  extras: { sku: "A" },
});
const failed = (attempt: number): CartEvent => ({
  type: "CheckoutFailed",
  data: { ...failure(attempt), attempt },
});
const converted = (orderId: string): CartEvent => ({ type: "CartConverted", data: { orderId } });
const abandoned: CartEvent = { type: "CartAbandoned", data: {} };

const add = (...items: CartItem[]) => ({ cartId: "c-1", items, currency: "USD", lifeMs });
const start = (lines = 1) => ({
  cartId: "c-1",
  request: request(lines),
  attemptOf: (attempt: number) => ({
    orderId: `o-${attempt}`,
    paymentId: `p-${attempt}`,
    number: `N-${attempt}`,
  }),
});
const withA = [opened, added(item("A"))];

describe("opening", () => {
  test("makes a cart of one currency, once", () => {
    given(cart, []).when("Open", { currency: "USD", lifeMs }).then([opened]);
    given(cart, [opened]).when("Open", { currency: "EUR", lifeMs }).then([]);
  });
});

describe("a draft", () => {
  const draft: CartEvent = { type: "CartOpened", data: { currency: "USD", draft: true } };
  const line = { ...item("A"), lineId: "sku:A" };

  test("has no end, whatever is done to it", () => {
    given(cart, []).when("Open", { currency: "USD", lifeMs, draft: true }).then([draft]);
    given(cart, [draft])
      .when("Add", add(item("A")))
      .then([{ type: "ItemAdded", data: line }]);
    const its = given(cart, [draft, { type: "ItemAdded", data: line }]);
    its
      .when("ChangeQuantity", { cartId: "c-1", line: "A", quantity: 2, byStaff: true, lifeMs })
      .then([{ type: "QuantityChanged", data: { lineId: "sku:A", quantity: 2 } }]);
    its
      .when("Remove", { cartId: "c-1", line: "A", lifeMs })
      .then([{ type: "ItemRemoved", data: { lineId: "sku:A" } }]);
    its.when("Expire", { cartId: "c-1" }, { now: Number.MAX_SAFE_INTEGER }).then([]);
    given(cart, [draft, { type: "ItemAdded", data: line }, started(1), failed(1)])
      .when("Add", add(item("A")))
      .then([{ type: "ItemAdded", data: line }]);
  });
});

describe("adding", () => {
  test("makes a line of a SKU, and the same again grows it", () => {
    given(cart, [opened])
      .when("Add", add(item("A", 2)))
      .then([added(item("A", 2))]);
    const lines = (events: CartEvent[]) => {
      const state = given(cart, events).state();
      return state.phase === "absent"
        ? []
        : [...state.lines.values()].map(({ lineId, quantity }) => [lineId, quantity]);
    };
    expect(lines([opened, added(item("A", 2)), added(item("A", 3))])).toEqual([["sku:A", 5]]);
  });

  test("a price of staff makes a second line, which no name of a SKU can look like", () => {
    given(cart, withA)
      .when("Add", add(override("A", 400)))
      .then([added(override("A", 400), "400:A")]);
    given(cart, withA)
      .when("Add", add(item("400:A")))
      .then([added(item("400:A"), "sku:400:A")]);
  });

  test("many items is all or nothing", () => {
    given(cart, [opened])
      .when("Add", add(item("A"), item("B")))
      .then([added(item("A")), added(item("B"))]);
    given(cart, [opened])
      .when("Add", add(item("A"), item("B", lineQuantityMax + 1)))
      .refused("validation_failed", {
        errors: [{ path: "items.1.quantity", message: "at most 1000000 in one line" }],
      });
    given(cart, [opened])
      .when("Add", add(item("A", lineQuantityMax), item("A")))
      .refused("validation_failed");
  });

  test("in another currency is refused", () => {
    given(cart, [opened])
      .when("Add", { ...add(item("A")), currency: "EUR" })
      .refused("currency_mismatch");
  });

  test("beyond the lines that a cart holds is refused; a line that is there still grows", () => {
    const full = Array.from({ length: cartLinesMax }, (_, n) => added(item(`S-${n}`)));
    const cartOf = given(cart, [opened, ...full]);
    cartOf.when("Add", add(item("one too many"))).refused("cart_full");
    cartOf.when("Add", add(item("S-0"))).then([added(item("S-0"))]);
  });

  test("moves the end of the cart's life", () => {
    given(cart, [opened])
      .when("Add", add(item("A")), { now: 500 })
      .then([{ type: "ItemAdded", data: { ...item("A"), lineId: "sku:A", expiresAt: isoTime(1_500) } }]);
  });
});

describe("changing and removing", () => {
  const both = [...withA, added(override("A", 400), "400:A")];
  const change = (line: string, quantity: number, byStaff = true) => ({
    cartId: "c-1",
    line,
    quantity,
    byStaff,
    lifeMs,
  });

  test("a quantity is that of the product's own price; the same again changes nothing", () => {
    given(cart, both)
      .when("ChangeQuantity", change("A", 7))
      .then([changed("sku:A", 7)]);
    given(cart, withA).when("ChangeQuantity", change("A", 1)).then([]);
    given(cart, [opened, added(override("A", 400), "400:A")])
      .when("ChangeQuantity", change("A", 7))
      .then([changed("400:A", 7)]);
    given(cart, withA)
      .when("ChangeQuantity", change("A", lineQuantityMax + 1))
      .refused("validation_failed");
    given(cart, withA).when("ChangeQuantity", change("B", 1)).refused("not_found");
  });

  test("a guest takes no more at a price that staff has set, but may take less", () => {
    const overridden = [opened, added({ ...override("A", 400), quantity: 2 }, "400:A")];
    given(cart, overridden)
      .when("ChangeQuantity", change("A", 50, false))
      .refused("forbidden");
    given(cart, overridden)
      .when("ChangeQuantity", change("A", 1, false))
      .then([changed("400:A", 1)]);
  });

  test("a cart is worth at most what can be summed up exactly", () => {
    const dear = { ...override("A", 99_999_999), quantity: 1 };
    given(cart, [opened, added(dear, "99999999:A")])
      .when("ChangeQuantity", change("A", 1_000_000))
      .refused("validation_failed");
  });

  test("a line is known by its id, unless that is the SKU of another one", () => {
    const odd = [...withA, added(item("sku:A"), "sku:sku:A")];
    given(cart, odd).when("ChangeQuantity", change("sku:A", 3)).refused("illegal_transition");
    given(cart, odd)
      .when("ChangeQuantity", change("sku:sku:A", 3))
      .then([changed("sku:sku:A", 3)]);
    given(cart, withA)
      .when("ChangeQuantity", change("sku:A", 3))
      .then([changed("sku:A", 3)]);
  });

  test("takes out every line of the SKU", () => {
    const remove = { cartId: "c-1", line: "A", lifeMs };
    given(cart, both)
      .when("Remove", remove)
      .then([removed("sku:A"), removed("400:A")]);
    given(cart, [...withA, removed("sku:A")])
      .when("Remove", remove)
      .refused("not_found");
  });
});

describe("checking out", () => {
  test("locks the cart with an order of its own for each attempt", () => {
    given(cart, withA)
      .when("StartCheckout", start())
      .then([started(1)]);
    given(cart, [...withA, started(1), failed(1)])
      .when("StartCheckout", start())
      .then([started(2)]);
  });

  test("nothing is refused", () => {
    given(cart, [opened]).when("StartCheckout", start(0)).refused("cart_empty");
    given(cart, [...withA, removed("sku:A")])
      .when("StartCheckout", start(0))
      .refused("cart_empty");
  });

  test("with a quote of other lines is the caller's bug", () => {
    expect(() => given(cart, withA).when("StartCheckout", start(2)).then([])).toThrow(/other lines/);
  });

  test("that fails opens the cart again, once and only for its own attempt", () => {
    given(cart, [...withA, started(1)])
      .when("FailCheckout", failure(1))
      .then([failed(1)]);
    given(cart, [...withA, started(1), failed(1)])
      .when("FailCheckout", failure(1))
      .then([]);
    given(cart, [...withA, started(1), failed(1), started(2)])
      .when("FailCheckout", failure(1))
      .then([]);
    expect(given(cart, [...withA, started(1), failed(1)]).state()).toMatchObject({
      phase: "open",
      failure: failure(1),
    });
    expect(given(cart, [...withA, started(1), failed(1), started(2)]).state()).not.toHaveProperty("failure");
  });

  test("that succeeds converts the cart, once and only into its own order", () => {
    given(cart, [...withA, started(1)])
      .when("Convert", { orderId: "o-1" })
      .then([converted("o-1")]);
    given(cart, [...withA, started(1), converted("o-1")])
      .when("Convert", { orderId: "o-1" })
      .then([]);
    given(cart, [...withA, started(1)])
      .when("Convert", { orderId: "o-2" })
      .refused("illegal_transition");
    given(cart, withA).when("Convert", { orderId: "o-1" }).refused("illegal_transition");
    given(cart, [...withA, started(1), converted("o-1")])
      .when("Convert", { orderId: "o-2" })
      .refused("illegal_transition");
  });
});

describe("the end of a cart", () => {
  test("is abandoned once, and not while it is checked out", () => {
    given(cart, withA).when("Abandon", { cartId: "c-1" }).then([abandoned]);
    given(cart, [...withA, abandoned])
      .when("Abandon", { cartId: "c-1" })
      .then([]);
    given(cart, [...withA, started(1)])
      .when("Abandon", { cartId: "c-1" })
      .refused("cart_locked");
  });

  test("comes by itself when its life is over, not before, and not while it is checked out", () => {
    const expired: CartEvent = { type: "CartExpired", data: {} };
    const expire = { cartId: "c-1" };
    given(cart, withA).when("Expire", expire, { now: 999 }).then([]);
    given(cart, withA).when("Expire", expire, { now: 1_000 }).then([expired]);
    given(cart, [...withA, expired])
      .when("Expire", expire, { now: 9_000 })
      .then([]);
    given(cart, [...withA, started(1)])
      .when("Expire", expire, { now: 9_000 })
      .then([]);
    given(cart, []).when("Expire", expire, { now: 9_000 }).then([]);
  });

  test.each([
    ["absent", [], "not_found", {}],
    ["being checked out", [...withA, started(1)], "cart_locked", { orderId: "o-1" }],
    ["converted", [...withA, started(1), converted("o-1")], "cart_converted", { orderId: "o-1" }],
    ["abandoned", [...withA, abandoned], "cart_closed", {}],
  ] as const)("a cart that is %s takes no change", (_, past, code, extras) => {
    const its = given(cart, past);
    its.when("Add", add(item("B"))).refused(code, extras);
    its
      .when("ChangeQuantity", { byStaff: true, cartId: "c-1", line: "A", quantity: 2, lifeMs })
      .refused(code, extras);
    its.when("Remove", { cartId: "c-1", line: "A", lifeMs }).refused(code, extras);
    its.when("StartCheckout", start()).refused(code, extras);
  });
});

describe("whatever is asked of a cart", () => {
  const sku = fc.constantFrom("A", "B", "C");
  const orderId = fc.constantFrom("o-1", "o-2", "o-3");
  const name = fc.constantFrom(
    "Add",
    "ChangeQuantity",
    "Remove",
    "ChangeDetails",
    "StartCheckout",
    "FailCheckout",
    "Convert",
    "Abandon",
    "Expire",
  );
  const step = fc.record({
    name,
    sku,
    orderId,
    quantity: fc.integer({ min: 1, max: 9 }),
    passMs: fc.nat(200),
  });

  test("it holds what was put in, is locked for one order at a time, and becomes at most one", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let state = cart.initial();
        const lines = new Map<string, number>();
        const orders: string[] = [];
        let now = 0;
        const apply = ({ type, data }: CartEvent) => {
          const evolve = cart.evolve[type] as (
            s: typeof state,
            d: never,
            c: { time: number },
          ) => typeof state;
          state = evolve(state, cart.events[type].schema.parse(data) as never, { time: now });
          if (type === "ItemAdded") lines.set(data.sku, (lines.get(data.sku) ?? 0) + data.quantity);
          if (type === "QuantityChanged") lines.set(data.lineId.slice(4), data.quantity);
          if (type === "ItemRemoved") lines.delete(data.lineId.slice(4));
          if (type === "CartConverted") orders.push(data.orderId);
        };
        apply(opened);
        for (const { name, sku, orderId, quantity, passMs } of steps) {
          now += passMs;
          const before = snapshotOf(state);
          const command = {
            ...{
              cartId: "c-1",
              line: sku,
              changes: { email: quantity > 5 ? `${sku}@example.com` : null },
              quantity,
              lifeMs,
              currency: "USD",
              orderId,
              code: "c",
              detail: "d",
              extras: {},
            },
            items: [item(sku, quantity)],
            ...start(lines.size),
          };
          const decide = cart.decide[name] as (
            s: typeof state,
            c: unknown,
            x: { now: number },
          ) => CartEvent[];
          try {
            const events = decide(state, command, { now });
            expect(snapshotOf(state)).toEqual(before);
            for (const event of events) apply(event);
          } catch (error) {
            if (!(error instanceof Problem)) throw error;
            expect(snapshotOf(state)).toEqual(before);
          }
          if (state.phase === "absent") throw new Error("a cart never goes away");
          expect(new Map([...state.lines.values()].map((line) => [line.sku, line.quantity]))).toEqual(lines);
          expect(orders.length).toBeLessThanOrEqual(1);
          if (orders.length > 0) expect(state.phase).toBe("converted");
        }
      }),
      { numRuns: 300 },
    );
  });
});
