import { describe, expect, test } from "vitest";
import { z } from "zod";
import { guestOrderOf } from "../../src/http/resources/orders.ts";
import { guestProblemOf } from "../../src/http/resources/problems.ts";
import { shownAs, textView, viewOf } from "../../src/http/resources/view.ts";
import { Problem } from "../../src/values/problem.ts";

describe("a view", () => {
  const thing = z.strictObject({
    name: z.string(),
    size: z.enum(["s", "m"]).optional(),
    parts: z.array(z.strictObject({ id: z.string(), weight: z.int().nullable() })),
    labels: z.record(z.string(), z.string()),
    isNew: z.boolean().optional(),
  });
  // biome-ignore lint/suspicious/noExplicitAny: what a view is given may be anything
  const view = viewOf(thing) as (value: any) => unknown;

  test("shows what its schema names, however deep, and nothing else", () => {
    const seen = {
      name: "n",
      size: "m",
      secret: "s",
      parts: [{ id: "1", weight: 2, secret: "s" }],
      labels: { a: "b" },
      isNew: false,
      more: { secret: "s" },
    };
    const shown = view(seen);
    expect(shown).toEqual({
      name: "n",
      size: "m",
      parts: [{ id: "1", weight: 2 }],
      labels: { a: "b" },
      isNew: false,
    });
    expect(thing.parse(shown)).toEqual(shown);
    expect(textView(thing)(JSON.stringify(seen))).toBe(JSON.stringify(shown));
  });

  test.for([
    [{}, {}],
    [{ name: 7, parts: "none", labels: null }, {}],
    [{ name: { secret: "s" }, size: "xl", isNew: "yes" }, {}],
    [
      { name: null, parts: [null, 1, { id: "1", weight: null }, []] },
      { parts: [{ id: "1", weight: null }, {}] },
    ],
    [{ parts: [{ id: ["s"], weight: Number.NaN }] }, { parts: [{}] }],
    [{ labels: { a: "b", c: { secret: "s" } } }, { labels: { a: "b" } }],
    ["text", undefined],
    [null, undefined],
    [undefined, undefined],
  ] as const)("shows of %j what can be shown", ([value, shown]) => {
    expect(view(value)).toEqual(shown);
  });

  test("keeps names that objects have of their own", () => {
    const seen = JSON.parse('{"labels":{"__proto__":"a","constructor":"b"}}');
    expect(JSON.stringify(view(seen))).toBe('{"labels":{"__proto__":"a","constructor":"b"}}');
    expect(JSON.stringify(view({ labels: {} }))).toBe('{"labels":{}}');
  });

  test("shows a field otherwise than it is kept, also inside others", () => {
    const told = shownAs(z.int().nullable(), (value) => (value === null ? null : Math.min(value, 100)));
    const list = viewOf(z.strictObject({ items: z.array(z.strictObject({ left: told.optional() })) }));
    expect(list({ items: [{ left: 7 }, { left: 700 }, { left: null }, {}] })).toEqual({
      items: [{ left: 7 }, { left: 100 }, { left: null }, {}],
    });
  });

  test("shows nothing that its schema does not name, whatever a field is made of", () => {
    const kept = z.strictObject({ name: z.string(), secret: z.string() });
    const careless = shownAs(z.strictObject({ name: z.string() }), (value) => value, kept);
    const view = viewOf(z.strictObject({ field: careless }));
    expect(view({ field: { name: "n", secret: "s" } as never })).toEqual({ field: { name: "n" } });
  });

  test("is not made of a schema that would let anything through", () => {
    for (const schema of [z.unknown(), z.any(), z.union([z.string(), z.int()]), z.string().transform(Number)])
      expect(() => viewOf(z.strictObject({ field: schema }))).toThrow("no view can show");
    for (const schema of [z.looseObject({ id: z.string() }), z.object({ id: z.string() })])
      expect(() => viewOf(z.strictObject({ field: schema }))).toThrow("strict");
  });
});

describe("a guest's order", () => {
  // biome-ignore lint/suspicious/noExplicitAny: as an older version, or another tool, may have left it
  const guestOrder = guestOrderOf as (order: any) => any;

  test("has an entry of the timeline for what there are words for customers, and no words of others", () => {
    const timeline = [
      { at: "1", type: "placed", text: "Order placed", customerText: "Order placed" },
      { at: "2", type: "cancelled", text: "Cancelled: what staff wrote", customerText: "Cancelled" },
      { at: "3", type: "note", text: "a note" },
      { at: "4", type: "of a later version", text: "what that wrote", customerText: "that" },
      { at: "5", type: "paid", text: "as staff is told", customerText: { secret: "s" } },
      { type: "paid", text: "without a time", customerText: "Paid" },
      "nothing at all",
    ];
    expect(guestOrder({ timeline }).timeline).toEqual([
      { at: "1", type: "placed", text: "Order placed" },
      { at: "2", type: "cancelled", text: "Cancelled" },
      { type: "paid", text: "Paid" },
    ]);
  });

  test("is shown as far as it can be, whatever is missing or strange in it", () => {
    expect(guestOrder({})).toEqual({});
    const strange = {
      id: "1",
      status: "of a later version",
      shippingAddress: { country: "GB" },
      payments: null,
      returns: [{ id: "r", reason: "s", lines: [{ sku: "A" }] }],
      totals: { total: { amount: 1, currency: "GBP" } },
      customerId: "c",
    };
    expect(guestOrder(strange)).toEqual({
      id: "1",
      shippingAddress: { country: "GB" },
      returns: [{ id: "r", lines: [{ sku: "A" }] }],
      totals: { total: { amount: 1, currency: "GBP" } },
    });
  });
});

describe("what a guest is told of a problem", () => {
  const told = (...problem: ConstructorParameters<typeof Problem>) => {
    const { code, message, extras } = guestProblemOf(new Problem(...problem));
    return { code, message, extras };
  };

  test("is what is left up to a hundred, in its detail too", () => {
    const extras = { sku: "A", available: 4_321, requested: 5_000, reserved: 7 };
    expect(told("out_of_stock", "A: 5000 wanted, 4321 available", extras)).toEqual({
      code: "out_of_stock",
      message: "A: 5000 wanted, 100 available",
      extras: { sku: "A", available: 100, requested: 5_000 },
    });
    expect(told("out_of_stock", "of another version: 4321").message).toBe("There is not enough stock");
  });

  test("is neither a gateway's reason nor what an operator or an error has said", () => {
    for (const code of ["payment_declined", "unavailable", "too_much_contention", "already_exists"] as const)
      expect(JSON.stringify(told(code, "secret", { secret: 1 }))).not.toContain("secret");
  });

  test("has the extras that are named for it, and no others", () => {
    const extras = { orderId: "o", holder: "secret", errors: [{ path: "a", message: "m", value: "secret" }] };
    expect(told("cart_locked", "locked", extras).extras).toEqual({ orderId: "o" });
    expect(told("validation_failed", "a: m", extras).extras).toEqual({
      errors: [{ path: "a", message: "m" }],
    });
    expect(told("illegal_transition", "no", extras)).toEqual({
      code: "illegal_transition",
      message: "no",
      extras: {},
    });
  });

  test("is the same of a draft's SKU as of none", () => {
    expect(
      told("not_for_sale", "A is not for sale", { sku: "A", asked: "a", productStatus: "draft" }),
    ).toEqual({
      code: "not_found",
      message: 'there is no SKU "a"',
      extras: {},
    });
    expect(told("not_for_sale", "A is not for sale", { sku: "A", productStatus: "archived" })).toMatchObject({
      code: "not_for_sale",
      extras: { sku: "A" },
    });
  });
});
