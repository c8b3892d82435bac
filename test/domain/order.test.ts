import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checked, countOf, skusOf, total } from "../../commands/order/book.ts";
import { order } from "../../commands/order/order.ts";
import type { FoundLine } from "../../commands/order/returns.ts";
import type { Order, PlacedOrder } from "../../commands/order/state.ts";
import type { EventOf } from "../../src/engine/decider.ts";
import { Problem } from "../../src/values/problem.ts";
import { given, snapshotOf } from "./given.ts";

type OrderEvent = EventOf<typeof order.events>;
type Placed = Extract<OrderEvent, { type: "OrderPlaced" }>["data"];

const line = (sku: string, quantity: number, unitPrice = 100) => ({
  sku,
  productId: `p-${sku}`,
  name: sku,
  quantity,
  unitPrice,
  subtotal: quantity * unitPrice,
  discount: 0,
  tax: 0,
  total: quantity * unitPrice,
});

/** Three A on two lines and one B: 400, and 50 for shipping. */
const place = (more: Partial<Placed> = {}): Placed => ({
  number: "ORD-1",
  cartId: "c-1",
  paymentId: "p-1",
  paymentMethod: "credit_card",
  currency: "USD",
  lines: [line("A", 2), line("B", 1), line("A", 1)],
  totals: { subtotal: 400, discount: 0, shipping: 50, tax: 0, total: 450 },
  tax: { rateBp: 0, included: true, per: "line", rounding: "half_up" },
  shippingMethod: "standard",
  ...more,
});
const placed = (more: Partial<Placed> = {}): OrderEvent => ({ type: "OrderPlaced", data: place(more) });
const sold = (sku: string, quantity: number) => ({
  sku,
  productId: `p-${sku}`,
  name: sku,
  quantity,
  revenue: quantity * 100,
});
const confirmed: OrderEvent = {
  type: "OrderConfirmed",
  data: {
    currency: "USD",
    lines: [sold("A", 2), sold("B", 1), sold("A", 1)],
    units: 4,
    gross: 400,
    discounts: 0,
    tax: 0,
    shipping: 50,
    cartId: "c-1",
  },
};
const paid: OrderEvent = { type: "OrderPaid", data: { amount: 450 } };
const processing: OrderEvent = { type: "ProcessingStarted", data: {} };
const paymentFailed: OrderEvent = { type: "OrderPaymentFailed", data: { reason: "r" } };
const declined = { code: "payment_declined", detail: "r", extras: {} };
const cancelled = (goods: number): OrderEvent => ({
  type: "OrderCancelled",
  data: { reason: "r", currency: "USD", goods },
});
const dispatched = (
  shipmentId: string,
  lines: [string, number][],
  complete: boolean,
  cashDue?: number,
): OrderEvent => ({
  type: "ShipmentDispatched",
  data: {
    shipmentId,
    lines: lines.map(([sku, quantity]) => ({ sku, quantity })),
    ...(cashDue !== undefined && { cashDue }),
    complete,
  },
});
const delivered = (shipmentId: string, complete: boolean): OrderEvent => ({
  type: "ShipmentDelivered",
  data: { shipmentId, complete },
});
const refunded = (refundId: string, amount: number, goods: number, full = false): OrderEvent => ({
  type: "OrderRefunded",
  data: { refundId, currency: "USD", amount, goods, cause: "goodwill", full },
});
/** Not all was shipped: the rest is free again. */
const freeing = (event: OrderEvent): OrderEvent =>
  event.type === "OrderRefunded" ? { ...event, data: { ...event.data, releases: true } } : event;
const pieces = (sku: string, quantity: number) => ({ sku, quantity });

const ready = [placed(), confirmed, paid];
const sent = [
  ...ready,
  processing,
  dispatched(
    "s-1",
    [
      ["A", 3],
      ["B", 1],
    ],
    true,
  ),
];
const arrived = [...sent, delivered("s-1", true)];

describe("placing and confirming", () => {
  test("places once", () => {
    given(order, []).when("Place", place()).then([placed()]);
    given(order, [placed()])
      .when("Place", place({ number: "ORD-2" }))
      .then([]);
  });

  test("whose lines do not sum to its subtotal is the caller's bug", () => {
    const wrong = place({ totals: { subtotal: 399, discount: 0, shipping: 50, tax: 0, total: 449 } });
    expect(() => given(order, []).when("Place", wrong).then([])).toThrow(/sum to 400/);
  });

  test("confirms once, with what reports count", () => {
    given(order, [placed()]).when("Confirm", {}).then([confirmed]);
    for (const past of [[placed(), confirmed], ready, sent]) given(order, past).when("Confirm", {}).then([]);
    given(order, [placed(), cancelled(0)])
      .when("Confirm", {})
      .refused("illegal_transition");
  });

  test("that was paid first is confirmed and stays paid", () => {
    given(order, [placed(), paid]).when("Confirm", {}).then([confirmed]);
    expect(given(order, [placed(), paid]).state()).toMatchObject({
      status: "pending",
      paymentStatus: "paid",
    });
    expect(given(order, [placed(), paid, confirmed]).state()).toMatchObject({ status: "paid" });
  });
});

describe("a checkout that gives up", () => {
  const gone = { code: "out_of_stock", detail: "none left", extras: { sku: "A" } };
  const refused: OrderEvent = { type: "OrderRefused", data: gone };
  const undone = (refusal: typeof gone | typeof declined): OrderEvent => ({
    type: "OrderCancelled",
    data: { reason: `checkout failed: ${refusal.code}`, currency: "USD", goods: 0, refusal },
  });

  test("leaves its mark where there is no order yet, once, and none is placed after it", () => {
    given(order, []).when("Refuse", gone).then([refused]);
    given(order, [refused]).when("Refuse", declined).then([]);
    const first = placed();
    if (first.type !== "OrderPlaced") throw new Error("it is placed");
    given(order, [refused])
      .when("Place", { ...first.data, confirm: {} })
      .refused("out_of_stock", { sku: "A" });
    given(order, [refused]).when("Confirm", {}).refused("not_found");
  });

  test("cancels an order that waits, with the reason that its client is told", () => {
    given(order, [placed()])
      .when("Refuse", gone)
      .then([undone(gone)]);
    given(order, [placed()])
      .when("Refuse", declined)
      .then([paymentFailed, undone(declined)]);
    given(order, [placed(), undone(gone)])
      .when("Refuse", declined)
      .then([]);
    given(order, [placed(), undone(gone)])
      .when("Confirm", {})
      .refused("out_of_stock");
  });

  test("leaves an order alone that was confirmed beside it", () => {
    given(order, [placed(), confirmed]).when("Refuse", gone).then([]);
    given(order, [placed(), paid])
      .when("Refuse", gone)
      .then([undone(gone)]);
  });

  test("hears of what its payment gave back, once", () => {
    const told = { refundId: "x", amount: 5, cause: "cancellation" as const };
    const heard: OrderEvent = { type: "EffectsApplied", data: { of: "refund/x" } };
    given(order, [refused]).when("MarkRefunded", told).then([heard]);
    given(order, [refused, heard]).when("MarkRefunded", told).then([]);
    given(order, [refused]).when("MarkPaid", { amount: 5 }).then([]);
  });
});

describe("payment", () => {
  test("marks paid once; a late failure never takes it away", () => {
    given(order, [placed(), confirmed]).when("MarkPaid", { amount: 450 }).then([paid]);
    given(order, ready).when("MarkPaid", { amount: 450 }).then([]);
    given(order, ready).when("Refuse", declined).then([]);
    given(order, [placed(), paymentFailed]).when("MarkPaid", { amount: 450 }).then([paid]);
  });

  test("of a cancelled order does not bring it back", () => {
    given(order, [placed(), cancelled(0)])
      .when("MarkPaid", { amount: 450 })
      .then([]);
  });
});

describe("shipping", () => {
  test("starts processing and sends all that is left, or a part", () => {
    given(order, ready)
      .when("Ship", { shipmentId: "s-1" })
      .then([
        processing,
        dispatched(
          "s-1",
          [
            ["A", 3],
            ["B", 1],
          ],
          true,
        ),
      ]);
    const part = dispatched("s-1", [["A", 2]], false);
    given(order, ready)
      .when("Ship", { shipmentId: "s-1", lines: [pieces("A", 1), pieces("A", 1)] })
      .then([processing, part]);
    const rest = given(order, [...ready, processing, part]);
    rest.when("Ship", { shipmentId: "s-1" }).then([]);
    rest.when("Ship", { shipmentId: "s-2" }).then([
      dispatched(
        "s-2",
        [
          ["A", 1],
          ["B", 1],
        ],
        true,
      ),
    ]);
    rest.when("Ship", { shipmentId: "s-2", lines: [pieces("A", 2)] }).refused("illegal_transition");
    expect(rest.state()).toMatchObject({ status: "processing" });
  });

  test("more than was ordered, or what was not, is refused", () => {
    const its = given(order, ready);
    its.when("Ship", { shipmentId: "s-1", lines: [pieces("A", 4)] }).refused("illegal_transition");
    its
      .when("Ship", { shipmentId: "s-1", lines: [pieces("A", 2), pieces("A", 2)] })
      .refused("illegal_transition");
    its.when("Ship", { shipmentId: "s-1", lines: [pieces("C", 1)] }).refused("not_found");
    its.when("Ship", { shipmentId: "s-1", lines: [] }).refused("illegal_transition");
  });

  test("waits for the money, except cash on delivery and what costs nothing", () => {
    given(order, [placed(), confirmed]).when("Ship", { shipmentId: "s-1" }).refused("illegal_transition");
    const all: [string, number][] = [
      ["A", 3],
      ["B", 1],
    ];
    const sentUnpaid = dispatched("s-1", all, true, 450);
    given(order, [placed({ paymentMethod: "cod" }), confirmed])
      .when("Ship", { shipmentId: "s-1" })
      .then([processing, sentUnpaid]);
  });

  test.each([
    ["pending", [placed()]],
    ["cancelled", [placed(), cancelled(0)]],
    ["shipped", sent],
    ["delivered", arrived],
  ])("an order that is %s is refused", (_, past) => {
    given(order, past).when("Ship", { shipmentId: "s-9" }).refused("illegal_transition");
    given(order, past).when("StartProcessing", undefined).refused("illegal_transition");
  });
});

describe("delivering", () => {
  const two = [
    ...ready,
    processing,
    dispatched("s-1", [["A", 3]], false),
    dispatched("s-2", [["B", 1]], true),
  ];

  test("one shipment or all; the order is delivered with the last", () => {
    given(order, two)
      .when("Deliver", { shipmentId: "s-2" })
      .then([delivered("s-2", false)]);
    given(order, [...two, delivered("s-2", false)])
      .when("Deliver", {})
      .then([delivered("s-1", true)]);
    given(order, two)
      .when("Deliver", {})
      .then([delivered("s-1", false), delivered("s-2", true)]);
    given(order, arrived).when("Deliver", {}).then([]);
    expect(given(order, arrived).state()).toMatchObject({ status: "delivered" });
  });

  test("a part, while more has to be shipped, does not deliver the order", () => {
    const part = [...ready, processing, dispatched("s-1", [["A", 3]], false)];
    given(order, part)
      .when("Deliver", {})
      .then([delivered("s-1", false)]);
  });

  test("of cash on delivery books the cash with the last", () => {
    const cod = [
      placed({ paymentMethod: "cod" }),
      confirmed,
      processing,
      dispatched(
        "s-1",
        [
          ["A", 3],
          ["B", 1],
        ],
        true,
      ),
    ];
    given(order, cod)
      .when("Deliver", {})
      .then([
        {
          type: "ShipmentDelivered",
          data: { shipmentId: "s-1", complete: true, cash: { captureId: "s-1/1", amount: 450 } },
        },
      ]);
  });

  test("what was not shipped is refused", () => {
    given(order, ready).when("Deliver", {}).refused("illegal_transition");
    given(order, two).when("Deliver", { shipmentId: "s-9" }).refused("not_found");
  });
});

describe("returning", () => {
  const ask = (returnId: string, ...lines: [string, number][]) => ({
    returnId,
    lines: lines.map(([sku, quantity]) => pieces(sku, quantity)),
  });
  const requested = (returnId: string, ...lines: [string, number][]): OrderEvent => ({
    type: "ReturnRequested",
    data: ask(returnId, ...lines),
  });
  const approved: OrderEvent = { type: "ReturnApproved", data: { returnId: "r-1" } };
  const rejected: OrderEvent = { type: "ReturnRejected", data: { returnId: "r-1", reason: "r" } };
  const found = (sku: string, sellable: number, damaged: number) => ({ sku, sellable, damaged });
  const received = (...lines: ReturnType<typeof found>[]): OrderEvent => ({
    type: "ReturnReceived",
    data: { returnId: "r-1", lines },
  });
  const open = [...arrived, requested("r-1", ["A", 2])];
  const allowed = [...open, approved];

  test("asks for what was delivered, once, and never for more of it than that", () => {
    given(order, arrived)
      .when("RequestReturn", ask("r-1", ["A", 1], ["A", 1]))
      .then([requested("r-1", ["A", 2])]);
    given(order, open)
      .when("RequestReturn", ask("r-1", ["A", 2]))
      .then([]);
    given(order, open)
      .when("RequestReturn", ask("r-2", ["A", 2]))
      .refused("illegal_transition");
    given(order, open)
      .when("RequestReturn", ask("r-2", ["A", 1]))
      .then([requested("r-2", ["A", 1])]);
    given(order, arrived)
      .when("RequestReturn", { ...ask("r-1", ["A", 2]), approve: true })
      .then([requested("r-1", ["A", 2]), approved]);
    given(order, sent)
      .when("RequestReturn", ask("r-1", ["A", 1]))
      .refused("illegal_transition");
    given(order, arrived)
      .when("RequestReturn", ask("r-1", ["C", 1]))
      .refused("not_found");
  });

  test("is the customer's to ask for within its time, and staff's always (37)", () => {
    const day = 86_400_000;
    const late = { ...ask("r-1", ["A", 1]), withinMs: 30 * day };
    given(order, arrived)
      .when("RequestReturn", late, { now: 30 * day - 1 })
      .then([requested("r-1", ["A", 1])]);
    given(order, arrived)
      .when("RequestReturn", late, { now: 30 * day })
      .refused("return_window_over");
    given(order, arrived)
      .when("RequestReturn", ask("r-1", ["A", 1]), { now: 31 * day })
      .then([requested("r-1", ["A", 1])]);
  });

  test("is approved or rejected, once", () => {
    given(order, open).when("ApproveReturn", { returnId: "r-1" }).then([approved]);
    given(order, allowed).when("ApproveReturn", { returnId: "r-1" }).then([]);
    given(order, open).when("RejectReturn", { returnId: "r-1", reason: "r" }).then([rejected]);
    given(order, [...open, rejected])
      .when("RejectReturn", { returnId: "r-1", reason: "r" })
      .then([]);
    given(order, [...open, rejected])
      .when("ApproveReturn", { returnId: "r-1" })
      .refused("illegal_transition");
    given(order, allowed)
      .when("RejectReturn", { returnId: "r-1", reason: "r" })
      .refused("illegal_transition");
    given(order, arrived).when("ApproveReturn", { returnId: "r-9" }).refused("not_found");
    given(order, [...open, rejected])
      .when("RequestReturn", ask("r-2", ["A", 3]))
      .then([requested("r-2", ["A", 3])]);
  });

  const receive = (receiptId: string, ...lines: FoundLine[]) => ({ returnId: "r-1", receiptId, lines });
  const taken = (receiptId: string, found: object): OrderEvent => ({
    type: "ReturnReceived",
    data: {
      returnId: "r-1",
      receiptId,
      lines: [{ lineId: 1, sku: "A", sellable: 0, damaged: 0, rejected: 0, inspecting: 0, ...found }],
    },
  });
  const credited = (receiptId: string, quantity: number): OrderEvent => ({
    type: "OrderCredited",
    data: {
      creditId: receiptId,
      currency: "USD",
      cause: "return",
      reason: "returned",
      lines: [{ lineId: 1, quantity, goods: quantity * 100, tax: 0 }],
      shipping: 0,
      shippingTax: 0,
      fee: 0,
      amount: quantity * 100,
      payout: quantity * 100,
    },
  });

  test("is received in parts as inspection found them, each once, and what was inspected is credited", () => {
    const all = [taken("b-1", { sellable: 1, damaged: 1 }), credited("b-1", 2)];
    given(order, allowed)
      .when("ReceiveReturn", receive("b-1", found("A", 1, 1)))
      .then(all);
    given(order, [...allowed, ...all])
      .when("ReceiveReturn", receive("b-1", found("A", 2, 0)))
      .then([]);
    expect(given(order, [...allowed, ...all]).state()).toMatchObject({
      returns: new Map([["r-1", { status: "closed", lines: [pieces("A", 2)] }]]),
    });
    const part = [taken("b-1", { inspecting: 1 })];
    given(order, allowed)
      .when("ReceiveReturn", receive("b-1", { sku: "A", quantity: 1 }))
      .then(part);
    given(order, [...allowed, ...part])
      .when("ReceiveReturn", receive("b-2", { lineId: 1, rejected: 1 }))
      .then([taken("b-2", { rejected: 1 })]);
    for (const past of [open, [...allowed, ...all]])
      given(order, past)
        .when("ReceiveReturn", receive("b-9", found("A", 1, 0)))
        .refused("illegal_transition");
  });

  test("is not received beyond what was announced (34), nor what is not in it", () => {
    for (const lines of [[found("A", 2, 1)], [found("A", 1, 1), found("A", 100, 0)], []])
      given(order, allowed)
        .when("ReceiveReturn", receive("b-1", ...lines))
        .refused("illegal_transition");
    given(order, allowed)
      .when("ReceiveReturn", receive("b-1", found("A", 1, 1), found("B", 1, 0)))
      .refused("not_found");
  });

  test("of version 0.1 was received once, all of it", () => {
    const state = given(order, [...allowed, received(found("A", 1, 1))]).state();
    expect(state).toMatchObject({
      openEffects: new Set(["s-1", "r-1"]),
      book: { returns: [], due: 450, lines: [{ pieces: { sellable: 1, damaged: 1 } }, {}, {}] },
    });
  });
});

describe("cancelling", () => {
  const all = { cancelId: "x-1", reason: "r" };
  const lines = (cancelId: string, cause: "cancellation" | "refund", complete: boolean): OrderEvent => ({
    type: "LinesCancelled",
    data: {
      cancelId,
      cause,
      reason: "r",
      lines: [
        { lineId: 1, sku: "A", quantity: 2 },
        { lineId: 2, sku: "B", quantity: 1 },
        { lineId: 3, sku: "A", quantity: 1 },
      ],
      complete,
    },
  });
  const credited = (goods: [number, number, number], amount: number): OrderEvent => ({
    type: "OrderCredited",
    data: {
      creditId: "x-1",
      currency: "USD",
      cause: "cancellation",
      reason: "r",
      lines: goods.map((each, index) => ({
        lineId: index + 1,
        quantity: [2, 1, 1][index] ?? 0,
        goods: each,
        tax: 0,
      })),
      shipping: 50,
      shippingTax: 0,
      amount,
      payout: 0,
    },
  });

  test("credits all that is left, and its shipping; what was taken goes back with the order", () => {
    given(order, [placed()])
      .when("Cancel", all)
      .then([cancelled(0)]);
    const events = [lines("x-1", "cancellation", true), credited([200, 100, 100], 450), cancelled(0)];
    for (const past of [[placed(), confirmed], ready, [...ready, processing]])
      given(order, past).when("Cancel", all).then(events);
    const rest = [lines("x-1", "cancellation", true), credited([150, 75, 75], 350), cancelled(0)];
    given(order, [...ready, processing, refunded("f-1", 100, 100)])
      .when("Cancel", all)
      .then(rest);
    given(order, [...ready, ...events])
      .when("Cancel", all)
      .then([]);
    given(order, [placed(), cancelled(0)])
      .when("Cancel", all)
      .then([]);
    expect(given(order, [...ready, ...events]).state()).toMatchObject({
      status: "cancelled",
      book: { due: 0, payouts: [["cancellation", 450]] },
    });
  });

  test("once all of it was shipped is refused, and to its customer once anything was", () => {
    for (const past of [sent, arrived]) given(order, past).when("Cancel", all).refused("illegal_transition");
    const part = [...ready, processing, dispatched("s-1", [["A", 1]], false)];
    given(order, part)
      .when("Cancel", { ...all, whole: true })
      .refused("illegal_transition");
  });
});

describe("refunding", () => {
  const refund = (refundId: string, amount: number) => ({ refundId, amount, cause: "goodwill" as const });

  test("gives back goods before shipping, each refund once", () => {
    given(order, ready)
      .when("MarkRefunded", refund("f-1", 300))
      .then([refunded("f-1", 300, 300)]);
    given(order, [...ready, refunded("f-1", 300, 300)])
      .when("MarkRefunded", refund("f-1", 300))
      .then([]);
    given(order, [...ready, refunded("f-1", 300, 300)])
      .when("MarkRefunded", refund("f-2", 150))
      .then([freeing(refunded("f-2", 150, 100, true))]);
    const all = freeing(refunded("f-1", 450, 400, true));
    given(order, [...ready, processing, all])
      .when("Ship", { shipmentId: "s-1" })
      .refused("illegal_transition");
  });

  test("counts as goods what is no tax on them, to the penny over all refunds", () => {
    const taxed = [
      { ...line("A", 3), tax: 57, total: 357 },
      { ...line("B", 1), tax: 19, total: 119 },
    ];
    const totals = { subtotal: 400, discount: 0, shipping: 50, tax: 76, total: 526 };
    const tax = { rateBp: 1900, included: false, per: "line", rounding: "half_up" } as const;
    const order19 = [placed({ lines: taxed, totals, tax }), confirmed, paid];
    const [first, second] = [refunded("f-1", 100, 84), refunded("f-2", 100, 84)];
    given(order, order19).when("MarkRefunded", refund("f-1", 100)).then([first]);
    given(order, [...order19, first])
      .when("MarkRefunded", refund("f-2", 100))
      .then([second]);
    given(order, [...order19, first, second])
      .when("MarkRefunded", refund("f-3", 326))
      .then([freeing(refunded("f-3", 326, 232, true))]);
  });

  test("all of it ends the order unless pieces are promised; after a cancellation it takes nothing from the sales", () => {
    const all = refunded("f-1", 450, 400, true);
    const gone = { status: "refunded", paymentStatus: "refunded" };
    for (const past of [ready, [...ready, processing], sent, arrived])
      expect(given(order, [...past, freeing(all)]).state()).toMatchObject(gone);
    const promised = { status: "processing", paymentStatus: "refunded" };
    expect(given(order, [...ready, processing, all]).state()).toMatchObject(promised);
    given(order, [...ready, cancelled(400)])
      .when("MarkRefunded", refund("f-1", 450))
      .then([refunded("f-1", 450, 0, true)]);
  });
});

describe("effects and notes", () => {
  test("an effect is open until it was applied", () => {
    const applied: OrderEvent = { type: "EffectsApplied", data: { of: "s-1" } };
    given(order, sent).when("MarkEffectsApplied", { of: "s-1" }).then([applied]);
    given(order, [...sent, applied])
      .when("MarkEffectsApplied", { of: "s-1" })
      .then([]);
  });

  test("a note is added, for staff or for the customer too", () => {
    given(order, ready)
      .when("AddNote", { text: "hi", visibility: "staff" })
      .then([{ type: "NoteAdded", data: { text: "hi" } }]);
    given(order, ready)
      .when("AddNote", { text: "hi", visibility: "customer" })
      .then([{ type: "NoteAdded", data: { text: "hi", visibility: "customer" } }]);
  });

  test("an order that does not exist takes no command", () => {
    given(order, []).when("Confirm", {}).refused("not_found");
    given(order, []).when("Cancel", { cancelId: "x-1", reason: "r" }).refused("not_found");
    given(order, []).when("Ship", { shipmentId: "s-1" }).refused("not_found");
  });
});

describe("whatever is asked of an order", () => {
  const names = ["Confirm", "MarkPaid", "Refuse", "StartProcessing", "Cancel", "MarkRefunded", "Refund"];
  const bad = ["WithdrawCredit", "Cancel", "Refund"];
  const more = ["Ship", "Ship", "Deliver", "RequestReturn", "ApproveReturn", "RejectReturn", "ReceiveReturn"];
  const step = fc.record({
    name: fc.constantFrom(...names, ...bad, ...more, ...more),
    id: fc.constantFrom("1", "2", "3"),
    sku: fc.constantFrom("A", "B"),
    quantity: fc.integer({ min: 1, max: 3 }),
    all: fc.boolean(),
  });

  test("no more is shipped than ordered, delivered than shipped or returned than delivered", () => {
    const start = fc.constantFrom([placed()], ready, [placed({ paymentMethod: "cod" }), confirmed]);
    fc.assert(
      fc.property(start, fc.array(step, { maxLength: 40 }), (past, steps) => {
        let state: Order = order.initial();
        const returned = new Map<string, number>();
        const statuses: string[] = [];
        const apply = ({ type, data }: OrderEvent) => {
          const evolve = order.evolve[type] as (s: Order, d: never, c: { time: number }) => Order;
          state = evolve(state, order.events[type].schema.parse(data) as never, { time: 0 });
          if (state.phase === "placed") statuses.push(state.status);
          if (type === "ReturnReceived")
            for (const { sku, sellable, damaged } of data.lines)
              returned.set(sku, (returned.get(sku) ?? 0) + sellable + damaged);
        };
        for (const event of past) apply(event);
        for (const { name, id, sku, quantity, all } of steps) {
          const lines = name === "ReceiveReturn" ? inspected(state, id) : [pieces(sku, quantity)];
          const command = {
            ...{
              shipmentId: id,
              returnId: id,
              receiptId: id,
              refundId: id,
              cancelId: id,
              reason: "r",
              amount: name === "Refund" ? undefined : quantity,
              cause: "goodwill",
              ...declined,
            },
            ...(!(all && ["Ship", "Cancel", "Refund"].includes(name)) && name !== "Deliver" && { lines }),
          };
          const decide = order.decide[name as keyof typeof order.decide] as (
            s: Order,
            c: unknown,
            context: { now: number },
          ) => OrderEvent[];
          const before = snapshotOf(state);
          try {
            const events = decide(state, command, { now: 0 });
            expect(snapshotOf(state)).toEqual(before);
            for (const event of events) apply(event);
            expect(decide(state, command, { now: 0 })).toEqual([]);
          } catch (error) {
            if (!(error instanceof Problem)) throw error;
            expect(snapshotOf(state)).toEqual(before);
          }
          check(state as PlacedOrder, returned);
        }
        const end = statuses.indexOf("cancelled");
        if (end >= 0) expect(new Set(statuses.slice(end))).toEqual(new Set(["cancelled"]));
      }),
      { numRuns: 300 },
    );
  });

  function inspected(state: Order, returnId: string) {
    const asked = state.phase === "placed" ? state.returns.get(returnId)?.lines : undefined;
    return (asked ?? []).map(({ sku, quantity }) => ({ sku, sellable: quantity - 1, damaged: 1 }));
  }

  function check({ book, status }: PlacedOrder, returned: Map<string, number>): void {
    expect(checked(book)).toBe(book);
    for (const sku of skusOf(book))
      expect(countOf(book, sku, "sellable", "damaged")).toBe(returned.get(sku) ?? 0);
    if (status === "cancelled") expect(total(book, "cancelled")).toBe(4);
    if (status === "shipped" || status === "delivered") expect(total(book, "toShip", "failed")).toBe(0);
    if (status === "delivered") expect(total(book, "inTransit")).toBe(0);
  }
});
