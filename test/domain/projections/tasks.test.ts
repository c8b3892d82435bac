import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cart } from "../../../commands/cart/cart.ts";
import type { Cart } from "../../../commands/cart/state.ts";
import { isOver, overpaidOf } from "../../../commands/order/book.ts";
import { order } from "../../../commands/order/order.ts";
import { type Order, paymentIdOf } from "../../../commands/order/state.ts";
import { payment } from "../../../commands/payment/payment.ts";
import { manualGateway, type Payment } from "../../../commands/payment/state.ts";
import { type TaskKind, taskKinds } from "../../../projections/tasks/documents.ts";
import { hasTask, tasksOf } from "../../../projections/tasks/queries.ts";
import { tasksProjection } from "../../../projections/tasks/tasks.ts";
import { isoTime } from "../../../src/values/clock.ts";
import { Problem } from "../../../src/values/problem.ts";
import { openOf } from "../open-of.ts";
import { documentsOf, Log, project, type ShopData, type ShopEvent } from "./support.ts";

const at = Date.parse("2011-03-07T09:00:00Z");
const takeUpAfterMs = 30_000;
const waitingLookedAtAfterMs = 5 * 60_000;
const captureAgainMs = 60_000;
const captureTriesMax = 12;

const expiresAt = isoTime(at + 7 * 86_400_000);
const orderId = "o1";
const paymentId = paymentIdOf(orderId);
const [cartStream, orderStream, paymentStream] = ["cart-c1", `order-${orderId}`, `payment-${paymentId}`];
const paymentKey = `payment/${paymentId}`;

const tax = { rateBp: 0, included: true, per: "line", rounding: "half_up" } as const;
const item = { sku: "mug", productId: "p1", name: "Mug", quantity: 2, unitPrice: 300 };
const placed: ShopData<"OrderPlaced"> = {
  number: "ORD-1",
  cartId: "c1",
  paymentId,
  paymentMethod: "credit_card",
  currency: "GBP",
  lines: [{ ...item, subtotal: 600, discount: 0, tax: 0, total: 600 }],
  totals: { subtotal: 600, discount: 0, shipping: 0, tax: 0, total: 600 },
  tax,
  shippingMethod: "standard",
};
const checkout: ShopData<"CheckoutStarted"> = {
  shippingMethod: "standard",
  payment: { method: "credit_card", token: "tok_ok" },
  quote: { unitPrices: [300], shipping: 0, tax, total: 600 },
  attempt: 1,
  orderId,
  paymentId,
  number: "ORD-1",
};
const initiate: ShopData<"PaymentInitiated"> = {
  orderId,
  amount: 600,
  currency: "GBP",
  method: "credit_card",
  gateway: "bank",
};
const refusal = { code: "out_of_stock", detail: "gone", extras: {} };

type Doc = { kind: TaskKind; dueAt: number; open?: string[] | Record<string, number> };

const docsOf = (log: Log, stored = false) => documentsOf(tasksProjection, log, stored) as Map<string, Doc>;

/** What is open, by key, and when it is due counted from the beginning. */
function openIn(log: Log): Record<string, { kind: TaskKind; open?: string[]; dueIn: number }> {
  const docs = docsOf(log);
  expect([...docsOf(log, true)], "as it is stored").toEqual([...docs]);
  return Object.fromEntries(
    [...docs].map(([key, { kind, dueAt, open }]) => {
      const names = open && (Array.isArray(open) ? open : Object.keys(open)).toSorted();
      return [key, { kind, ...(names && { open: names }), dueIn: dueAt - at }];
    }),
  );
}

/** The first event opens, each of the others closes; a step of its own second. */
type History = [what: string, opens: string, events: [string, ShopEvent][]][];

const on =
  (stream: string) =>
  <T extends ShopEvent["type"]>(type: T, data: ShopData<T>): [string, ShopEvent] => [
    stream,
    { type, data } as ShopEvent,
  ];
const ofCart = on(cartStream);
const ofOrder = on(orderStream);
const ofPayment = on(paymentStream);
const ofWebhook = on("webhook-bank-evt-1");

const refund = (refundId: string, cause: "goodwill" | "cancellation", amount = 600) =>
  ofPayment("RefundRequested", { refundId, orderId, amount, reason: "r", cause });
const refundDone = (refundId: string, amount = 600) =>
  ofPayment("RefundSucceeded", { refundId, amount, reference: "re" });
const linesCancelled = (complete: boolean, cause: "cancellation" | "refund") =>
  ofOrder("LinesCancelled", { cancelId: "x1", cause, reason: "r", lines: [], complete });
const credited = (payout: number) =>
  ofOrder("OrderCredited", {
    creditId: "f1",
    currency: "USD",
    cause: "goodwill",
    reason: "r",
    lines: [],
    shipping: 0,
    shippingTax: 0,
    amount: payout,
    payout,
  });
const withdrawn = (creditId: string) =>
  ofOrder("CreditWithdrawn", {
    creditId,
    currency: "USD",
    lines: [],
    shipping: 0,
    shippingTax: 0,
    amount: 0,
    reason: "r",
  });
const refunded = (refundId: string, more: { releases?: true } = {}) =>
  ofOrder("OrderRefunded", {
    refundId,
    currency: "GBP",
    amount: 600,
    goods: 600,
    cause: "goodwill",
    full: true,
    ...more,
  });
const applied = (of: string) => ofOrder("EffectsApplied", { of });
const failedCapture = ofPayment("CaptureFailed", { reason: "no funds" });
const captureAsked = (movementId: string) => ofPayment("CaptureRequested", { movementId });
const captured = ofPayment("PaymentCaptured", { amount: 600, orderId });
const voided = ofPayment("PaymentVoided", { reason: "r" });
const cancelled = ofOrder("OrderCancelled", { reason: "r", currency: "GBP", goods: 0 });
const dispatched = ofOrder("ShipmentDispatched", {
  shipmentId: "s1",
  lines: [{ sku: "mug", quantity: 2 }],
  complete: true,
});

function logOf(events: readonly [string, ShopEvent][]): Log {
  const log = new Log();
  for (const [index, [stream, { type, data }]] of events.entries())
    log.add(stream, at + index * 1_000, type, data as never);
  return log;
}

describe("a task", () => {
  const opened = ofCart("CartOpened", { currency: "GBP", expiresAt });
  const started = ofCart("CheckoutStarted", checkout);
  const begun = ofPayment("PaymentInitiated", initiate);
  const authorized = ofPayment("PaymentAuthorized", { amount: 600, reference: "auth" });
  const paidFor = [
    begun,
    authorized,
    captureAsked("capture"),
    captured,
    ofOrder("OrderPaid", { amount: 600 }),
  ];

  test.each<
    [kind: TaskKind, key: string, before: History[0][2], opens: [string, ShopEvent], closes: History[0][2]]
  >([
    ["cart", "cart/c1", [], opened, [ofCart("CartAbandoned", {})]],
    ["cart", "cart/c1", [], opened, [ofCart("CartExpired", {})]],
    ["checkout", "cart/c1", [opened], started, [ofCart("CartConverted", { orderId })]],
    ["order", "order/o1", [ofOrder("OrderPlaced", placed)], dispatched, [applied("s1")]],
    ["order", "order/o1", [ofOrder("OrderPlaced", placed)], cancelled, [applied("cancellation")]],
    [
      "order",
      "order/o1",
      [ofOrder("OrderPlaced", placed), dispatched, applied("s1")],
      ofOrder("ShipmentDelivered", { shipmentId: "s1", complete: true, cashDue: true }),
      [applied("delivery")],
    ],
    [
      "order",
      "order/o1",
      [ofOrder("OrderPlaced", placed)],
      ofOrder("ReturnReceived", { returnId: "r1", lines: [{ sku: "mug", sellable: 1, damaged: 0 }] }),
      [applied("r1")],
    ],
    [
      "order",
      "order/o1",
      [ofOrder("OrderPlaced", placed)],
      ofOrder("ReturnReceived", { returnId: "r1", receiptId: "b1", lines: [] }),
      [applied("receipt/b1")],
    ],
    [
      "order",
      "order/o1",
      [ofOrder("OrderPlaced", placed)],
      ofOrder("ReturnInspected", { returnId: "r1", receiptId: "b2", lines: [] }),
      [applied("receipt/b2")],
    ],
    [
      "order",
      "order/o1",
      [...paidFor, refund("f1", "goodwill")],
      refunded("f1", { releases: true }),
      [applied("refund")],
    ],
    ["order", "order/o1", paidFor, linesCancelled(false, "cancellation"), [applied("cancel/x1")]],
    ["order", "order/o1", paidFor, linesCancelled(true, "refund"), [applied("refund")]],
    ["order", "order/o1", paidFor, credited(100), [applied("credit/f1")]],
    [
      "payment",
      paymentKey,
      [begun, authorized],
      captureAsked("capture"),
      [captured, ofOrder("OrderPaid", { amount: 600 })],
    ],
    ["payment", paymentKey, [begun], captured, [ofOrder("OrderPaid", { amount: 600 })]],
    ["payment", paymentKey, [begun, authorized], ofPayment("VoidRequested", { reason: "r" }), [voided]],
    [
      "payment",
      paymentKey,
      [begun],
      ofPayment("VoidRequested", { reason: "r" }),
      [ofPayment("PaymentFailed", { reason: "r" })],
    ],
    [
      "payment",
      paymentKey,
      [begun, voided],
      ofPayment("PaymentOrphaned", { reason: "r", reference: "late" }),
      [voided],
    ],
    ["payment", paymentKey, paidFor, refund("f1", "goodwill"), [refundDone("f1"), refunded("f1")]],
    [
      "payment",
      paymentKey,
      paidFor,
      refund("f1", "goodwill"),
      [ofPayment("RefundFailed", { refundId: "f1", orderId, amount: 600, reason: "r" }), withdrawn("f1")],
    ],
    [
      "payment",
      paymentKey,
      paidFor,
      refund("f1", "goodwill"),
      [
        ofPayment("RefundFailed", { refundId: "f1", orderId, amount: 600, reason: "r" }),
        applied("refund/f1"),
      ],
    ],
    [
      "payment",
      paymentKey,
      [begun, authorized, ofOrder("OrderRefused", refusal), captured],
      refund("cancellation", "cancellation"),
      [refundDone("cancellation"), applied("refund/cancellation")],
    ],
    [
      "webhook",
      "webhook/bank-evt-1",
      [],
      ofWebhook("WebhookReceived", {
        gateway: "bank",
        paymentId,
        outcome: { status: "authorized", reference: "auth" },
      }),
      [ofWebhook("WebhookHandled", { how: "done" })],
    ],
    [
      "webhook",
      "webhook/bank-evt-1",
      [],
      ofWebhook("WebhookReceived", {
        gateway: "bank",
        paymentId,
        outcome: { status: "failed", reason: "r" },
      }),
      [ofWebhook("WebhookHandled", { how: "given_up" })],
    ],
  ])(
    "of kind %s at %s is opened by one event and closed by what answers it",
    (kind, key, before, opens, closes) => {
      const past = [...before, opens];
      const openedAt = (past.length - 1) * 1_000;
      const dueIn = kind === "cart" ? Date.parse(expiresAt) - at : openedAt + takeUpAfterMs;
      expect(openIn(logOf(past))[key]).toMatchObject({ kind, dueIn });
      // All but the last of what closes it leaves something to do.
      for (let some = 1; some < closes.length; some++)
        expect(openIn(logOf([...past, ...closes.slice(0, some)]))[key]).toMatchObject({ kind });
      expect(openIn(logOf([...past, ...closes]))).toEqual({});
    },
  );

  test("of a cart is due when it runs out, which every change of its items moves", () => {
    const later = (ms: number) => isoTime(at + ms);
    const line = { lineId: "sku:mug", expiresAt: later(5_000) };
    const changes = [
      opened,
      ofCart("ItemAdded", { ...item, ...line }),
      ofCart("QuantityChanged", { lineId: "sku:mug", quantity: 3, expiresAt: later(6_000) }),
      ofCart("ItemRemoved", { lineId: "sku:mug", expiresAt: later(7_000) }),
    ];
    const due = [Date.parse(expiresAt) - at, 5_000, 6_000, 7_000];
    for (const [index, dueIn] of due.entries())
      expect(openIn(logOf(changes.slice(0, index + 1)))).toEqual({ "cart/c1": { kind: "cart", dueIn } });
  });

  test("of a checkout takes the place of its cart's, which is back as it was when the checkout fails", () => {
    const failed = ofCart("CheckoutFailed", { ...refusal, attempt: 1, orderId });
    const cartTask = { "cart/c1": { kind: "cart", dueIn: Date.parse(expiresAt) - at } };
    expect(openIn(logOf([opened, started]))).toEqual({
      "cart/c1": { kind: "checkout", dueIn: 1_000 + takeUpAfterMs },
    });
    expect(openIn(logOf([opened, started, failed]))).toEqual(cartTask);
    const again = ofCart("CheckoutStarted", { ...checkout, attempt: 2 });
    expect(openIn(logOf([opened, started, failed, again]))).toEqual({
      "cart/c1": { kind: "checkout", dueIn: 3_000 + takeUpAfterMs },
    });
    expect(openIn(logOf([opened, started, failed, again, failed]))).toEqual(cartTask);
  });

  test("of a checkout has time while its order waits, and none once it is confirmed", () => {
    const waiting = [opened, started, ofOrder("OrderPlaced", placed)];
    expect(openIn(logOf(waiting))).toEqual({
      "cart/c1": { kind: "checkout", dueIn: 2_000 + waitingLookedAtAfterMs },
    });
    const confirmed = { currency: "GBP", lines: [], units: 2, gross: 600 };
    const finishes = ofOrder("OrderConfirmed", { ...confirmed, cartId: "c1" });
    expect(openIn(logOf([...waiting, finishes]))).toEqual({
      "cart/c1": { kind: "checkout", dueIn: 3_000 + takeUpAfterMs },
    });
    const converted = ofCart("CartConverted", { orderId });
    expect(openIn(logOf([...waiting, finishes, converted]))).toEqual({});
    expect(openIn(logOf([...waiting, converted, finishes]))).toEqual({});
  });

  test("of an order stays open until each of its effects is applied", () => {
    const two = [
      ofOrder("OrderPlaced", placed),
      dispatched,
      ofOrder("ReturnReceived", { returnId: "r1", lines: [] }),
    ];
    expect(openIn(logOf(two))).toEqual({
      "order/o1": { kind: "order", open: ["r1", "s1"], dueIn: 2_000 + takeUpAfterMs },
    });
    expect(openIn(logOf([...two, applied("s1")]))).toMatchObject({ "order/o1": { open: ["r1"] } });
    expect(openIn(logOf([...two, applied("s1"), applied("r1")]))).toEqual({});
  });

  test("of a payment is due when the first of what is open is", () => {
    const both = [...paidFor.slice(0, 3), ofPayment("VoidRequested", { reason: "r" })];
    expect(openIn(logOf(both))).toEqual({
      [paymentKey]: { kind: "payment", open: ["capture", "void"], dueIn: 2_000 + takeUpAfterMs },
    });
    expect(openIn(logOf([...both, captured]))).toMatchObject({ [paymentKey]: { open: ["paid", "void"] } });
    expect(openIn(logOf([...both, captured, refund("cancellation", "cancellation")]))).toMatchObject({
      [paymentKey]: { open: ["refund/cancellation"] },
    });
  });

  test.each([
    ["cancelled", cancelled, { "order/o1": { open: ["cancellation"] } }],
    ["refused", ofOrder("OrderRefused", refusal), {}],
  ])("of a payment no longer waits to tell an order that was %s meanwhile", (_, event, left) => {
    expect(openIn(logOf([begun, captured]))).toMatchObject({ [paymentKey]: { open: ["paid"] } });
    const open = openIn(logOf([begun, captured, event]));
    expect(open).toMatchObject(left);
    expect(open).not.toHaveProperty([paymentKey]);
  });

  test("of a payment that version 0.1 has captured is none: it told the order in its own way", () => {
    expect(openIn(logOf([begun, authorized, ofPayment("PaymentCaptured", { amount: 600 })]))).toEqual({});
  });

  test("of one payment does not close what is open of another", () => {
    const other = on("payment-other")("CaptureRequested", { movementId: "capture" });
    expect(openIn(logOf([other, ...paidFor]))).toMatchObject({ "payment/other": { open: ["capture"] } });
  });
});

describe("a capture that the gateway refuses", () => {
  const begun = [
    ofPayment("PaymentInitiated", initiate),
    ofPayment("PaymentAuthorized", { amount: 600, reference: "auth" }),
  ];
  /** Asked for and refused, as often as that. */
  const refused = (times: number) =>
    Array.from({ length: times }, (_, n) => [
      captureAsked(n === 0 ? "capture" : `capture/${n + 1}`),
      failedCapture,
    ]).flat();

  test("is tried again after a minute, then each time after twice as long", () => {
    for (let times = 1; times <= captureTriesMax; times++) {
      const past = [...begun, ...refused(times)];
      const failedAt = (past.length - 1) * 1_000;
      expect(openIn(logOf(past)), `${times} times`).toEqual({
        [paymentKey]: {
          kind: "payment",
          open: ["recapture"],
          dueIn: failedAt + captureAgainMs * 2 ** (times - 1),
        },
      });
    }
  });

  test("is not tried for ever: it is staff's then, until it is captured or given back", () => {
    const past = [...begun, ...refused(captureTriesMax + 1)];
    const dueIn = (past.length - 1) * 1_000;
    const staffs = { [paymentKey]: { kind: "capture", open: [], dueIn } };
    expect(openIn(logOf(past))).toEqual(staffs);
    const again = [...past, captureAsked("capture/14")];
    expect(openIn(logOf(again))[paymentKey]).toMatchObject({ kind: "payment", open: ["capture"] });
    expect(openIn(logOf([...again, failedCapture]))[paymentKey]?.kind).toBe("capture");
    const paid = ofOrder("OrderPaid", { amount: 600 });
    expect(openIn(logOf([...again, captured, paid]))).toEqual({});
    expect(openIn(logOf([...past, ofPayment("VoidRequested", { reason: "r" }), voided]))).toEqual({});
  });

  test("is no task twice: what is asked for again is due like the first", () => {
    const past = [...begun, ...refused(3), captureAsked("capture/4")];
    expect(openIn(logOf(past))).toEqual({
      [paymentKey]: { kind: "payment", open: ["capture"], dueIn: (past.length - 1) * 1_000 + takeUpAfterMs },
    });
  });

  test("leaves nothing to do once it succeeds, or the authorization is given back", () => {
    const paid = ofOrder("OrderPaid", { amount: 600 });
    expect(openIn(logOf([...begun, ...refused(2), captureAsked("capture/3"), captured, paid]))).toEqual({});
    expect(
      openIn(logOf([...begun, ...refused(2), ofPayment("VoidRequested", { reason: "r" }), voided])),
    ).toEqual({});
  });
});

type Decide = (state: unknown, command: unknown, context: { now: number }) => ShopEvent[];
type Evolve = (state: unknown, data: unknown, context: { time: number }) => unknown;

interface AnyDecider {
  initial: () => unknown;
  evolve: Record<string, unknown>;
  decide: Record<string, unknown>;
  events: Record<string, { schema: { parse: (data: unknown) => unknown } }>;
}

/** Streams of one shop and the log that they are written to. */
class World {
  readonly log = new Log();
  now = at;
  private readonly states = new Map<string, { decider: AnyDecider; state: unknown }>();

  open(stream: string, decider: AnyDecider): void {
    this.states.set(stream, { decider, state: decider.initial() });
  }

  get<S>(stream: string): S {
    return this.states.get(stream)?.state as S;
  }

  /** @returns whether something came of it; a refusal is nothing */
  do(stream: string, name: string, command: unknown = {}): boolean {
    const held = this.states.get(stream);
    if (!held) throw new Error(`${stream} was not opened`);
    const { decider } = held;
    let events: ShopEvent[] = [];
    try {
      events = (decider.decide[name] as Decide)(held.state, command, { now: this.now });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    }
    this.log.addAll(stream, this.now, events);
    for (const { type, data } of events)
      held.state = (decider.evolve[type] as Evolve)(held.state, decider.events[type]?.schema.parse(data), {
        time: this.now,
      });
    return events.length > 0;
  }
}

function openNames(log: Log, key: string): string[] {
  const open = docsOf(log).get(key)?.open ?? [];
  return (Array.isArray(open) ? open : Object.keys(open)).toSorted();
}

/** As the payment's task does it (commands/processes/payments.ts), with a gateway that says yes. */
function settle(world: World): void {
  for (let steps = 0; steps < 100; steps++) {
    const state = world.get<Payment>(paymentStream);
    if (state.phase === "absent") return;
    const [pending] = [...state.refunds].find(([, { status }]) => status === "pending") ?? [];
    if (state.capturing !== undefined && state.phase === "authorized") world.do(paymentStream, "Capture");
    else if (state.stray !== undefined)
      world.do(paymentStream, "ReleaseStray", { reason: "r", reference: state.stray });
    else if (state.givingBack !== undefined && state.phase === "captured")
      world.do(paymentStream, "GiveBack", { reason: "r" });
    else if (state.givingBack !== undefined || state.orphaned)
      world.do(paymentStream, "Void", { reason: "r", reference: state.reference });
    else if (state.releasing !== undefined) world.do(paymentStream, "Release", { reason: "r" });
    else if (pending !== undefined)
      world.do(paymentStream, "SucceedRefund", { refundId: pending, reference: "re" });
    else break;
  }
  tell(world);
}

/** The order's books follow the payment's. */
function tell(world: World): void {
  const state = world.get<Payment>(paymentStream);
  if (state.phase === "absent" || world.get<Order>(orderStream).phase === "absent") return;
  const known = world.get<Order>(orderStream);
  const over = known.phase === "refused" || (known.phase === "placed" && isOver(known.book));
  if (over) world.do(paymentStream, "MarkTold");
  for (const [captureId, amount] of over ? [] : state.booked)
    world.do(orderStream, "MarkPaid", { amount, ...(captureId !== "" && { captureId }) });
  for (const [refundId, { status, amount, cause }] of state.refunds) {
    if (status === "succeeded") world.do(orderStream, "MarkRefunded", { refundId, amount, cause });
    if (status === "failed" || status === "rejected")
      world.do(orderStream, "WithdrawCredit", { refundId, amount, reason: "r" });
  }
}

function applyEffects(world: World): void {
  const state = world.get<Order>(orderStream);
  if (state.phase !== "placed") return;
  for (const of of state.openEffects) {
    if (of === "cancellation") world.do(paymentStream, "GiveBack", { reason: "r" });
    if (of === "refund" && state.book.captured === 0 && state.book.due === 0)
      world.do(paymentStream, "GiveBack", { reason: "r" });
    const credit = state.credits.get(of.slice("credit/".length));
    if (of.startsWith("credit/") && credit) {
      const { creditId: refundId, payout: amount, cause, reason } = credit;
      world.do(paymentStream, "RequestRefund", { refundId, amount, cause, reason });
    }
    settle(world);
    world.do(orderStream, "MarkEffectsApplied", { of });
  }
}

describe("whatever happens to an order and its payment", () => {
  const refundId = fc.constantFrom("f1", "f2");
  const quantity = fc.integer({ min: 1, max: 2 });
  const id = fc.constantFrom("1", "2");
  const onPayment = fc.record({
    stream: fc.constant(paymentStream),
    name: fc.constantFrom(
      ...["Authorize", "Authorize", "Fail", "RequireAction", "RequestCapture", "RequestCapture", "Capture"],
      ...["FailCapture", "GiveBack", "RequestRefund", "SucceedRefund", "FailRefund", "RequestRelease"],
      ...["ApproveRefund", "RejectRefund", "Book"],
    ),
    command: fc.record({
      reference: fc.constantFrom("auth-1", "auth-2"),
      actionUrl: fc.constant("u"),
      movementId: fc.constantFrom("capture", "capture/2", "capture/3"),
      captureId: fc.constantFrom("c-1", "c-2"),
      once: fc.constantFrom(undefined, true),
      held: fc.constantFrom(undefined, true),
      refundId,
      // All of it, all that is left, or a part.
      amount: fc.constantFrom(600, undefined, 200),
      reason: fc.constant("r"),
      cause: fc.constant("goodwill"),
    }),
  });
  const onOrder = fc.record({
    stream: fc.constant(orderStream),
    name: fc.constantFrom(
      ...["Place", "Confirm", "Refuse", "Cancel", "Ship", "Deliver", "RequestReturn", "ApproveReturn"],
      ...["ReceiveReturn", "StartProcessing", "CancelLines", "Refund"],
    ),
    command: fc.record({
      ...Object.fromEntries(Object.entries(placed).map(([name, value]) => [name, fc.constant(value)])),
      shipmentId: id,
      returnId: id.map((name) => `r${name}`),
      reason: fc.constant("r"),
      code: fc.constantFrom("payment_declined", "out_of_stock"),
      detail: fc.constant("d"),
      cancelId: id.map((name) => `x${name}`),
      refundId: id.map((name) => `c${name}`),
      amount: fc.constantFrom(undefined, 100),
      cause: fc.constant("goodwill"),
      extras: fc.constant({}),
      quantity,
    }),
  });
  const told = fc.record({
    stream: fc.constant(""),
    name: fc.constantFrom("tell", "settle", "applyEffects"),
    command: fc.constant({}),
  });
  const history = fc.array(fc.oneof(onPayment, onPayment, onOrder, told), { maxLength: 40 });

  function commandFor({ stream, name, command }: { stream: string; name: string; command: object }): unknown {
    if (stream !== orderStream) return command;
    const lines = [{ sku: "mug", quantity: 1, sellable: 1, damaged: 0 }];
    if (name === "Place") return placed;
    return name === "Refund" || name === "Cancel" ? command : { ...command, lines };
  }

  function worldOf(initiation: ShopData<"PaymentInitiated">): World {
    const world = new World();
    world.open(paymentStream, payment as AnyDecider);
    world.open(orderStream, order as AnyDecider);
    world.do(paymentStream, "Initiate", initiation);
    return world;
  }

  test.each([
    ["by a gateway", "bank"],
    ["by hand", manualGateway],
  ])("what is open stands in its tasks, and nothing is left when all is settled, %s", (_, gateway) => {
    fc.assert(
      fc.property(history, (steps) => {
        const world = worldOf({ ...initiate, gateway });
        const failedOnce = new Set<string>();
        for (const step of steps) {
          world.now += 1_000;
          const { stream, name, command } = step;
          const { refundId = "" } = command as { refundId?: string };
          // What is wrong today has its cases in faults.test.ts: a success after a failure, and a refund by staff
          // of what is to go back as a whole.
          if (name === "SucceedRefund" && failedOnce.has(refundId)) continue;
          if (name === "RequestRefund" && goesBack(world)) continue;
          if (name === "Book" && !("amount" in command && command.amount)) continue;
          if (stream === "") ({ tell, settle, applyEffects })[name as "tell"](world);
          else if (name === "CancelLines")
            world.do(stream, "Cancel", { ...command, lines: [{ lineId: 1, quantity: 1 }] });
          else if (world.do(stream, name, commandFor(step)) && name === "FailRefund")
            failedOnce.add(refundId);
          const open = openNames(world.log, paymentKey);
          expect(open).toEqual(expect.arrayContaining(openOf(world.get(paymentStream))));
          const said = open.filter((each) => /^(capture|void|orphan|second)$/.test(each));
          expect(said).toEqual(
            openOf(world.get(paymentStream)).filter((each) => !each.startsWith("refund/")),
          );
          const payment = world.get<Payment>(paymentStream);
          const refunds = payment.phase === "absent" ? [] : [...payment.refunds];
          const waiting = refunds.filter(([, { status }]) => status === "awaiting_approval");
          const approvals = [...docsOf(world.log)].filter(([, { kind }]) => kind === "approval");
          expect(approvals.map(([key]) => key).toSorted()).toEqual(
            waiting.map(([id]) => `approval/${id}`).toSorted(),
          );
          const state = world.get<Order>(orderStream);
          const effects = state.phase === "placed" ? [...state.openEffects].toSorted() : [];
          expect(openNames(world.log, `order/${orderId}`)).toEqual(effects);
        }
        finish(world);
        expect(Object.fromEntries(docsOf(world.log))).toEqual({});
      }),
      { numRuns: 500 },
    );
  });

  /** Its order will not be, or its money is on its way back. */
  function goesBack(world: World): boolean {
    const state = world.get<Payment>(paymentStream);
    return isLost(world) || (state.phase !== "absent" && state.givingBack !== undefined);
  }

  function isLost(world: World): boolean {
    const state = world.get<Order>(orderStream);
    return state.phase === "refused" || (state.phase === "placed" && state.status === "cancelled");
  }

  /** A checkout under way ends; then all tasks are done until none is left. */
  function finish(world: World): void {
    if (world.get<Order>(orderStream).phase === "absent") world.do(orderStream, "Refuse", refusal);
    if (isLost(world)) world.do(paymentStream, "GiveBack", { reason: "r" });
    for (let rounds = 0; rounds < 10; rounds++) {
      // A capture that was refused is tried again when it is due.
      if (openNames(world.log, paymentKey).includes("recapture")) world.do(paymentStream, "RequestCapture");
      for (const refundId of ["f1", "f2"]) world.do(paymentStream, "ApproveRefund", { refundId });
      settle(world);
      applyEffects(world);
    }
  }
});

describe("money that a gateway did not give back", () => {
  const key = `refund/${orderId}`;

  /** One of two pieces was cancelled, and its refund refused. */
  function refused(): World {
    const world = new World();
    world.open(orderStream, order as AnyDecider);
    world.do(orderStream, "Place", { ...placed, confirm: {} });
    world.do(orderStream, "MarkPaid", { amount: 600 });
    world.do(orderStream, "Cancel", { cancelId: "x1", reason: "r", lines: [{ lineId: 1, quantity: 1 }] });
    world.now += 1_000;
    refuse(world, "x1");
    return world;
  }

  function refuse(world: World, refundId: string): void {
    world.do(orderStream, "WithdrawCredit", { refundId, amount: 10_000, reason: "r" });
  }

  const refundIds = fc.constantFrom("x1", "x2", "f1", "f2", "cancellation", "again/x1");
  const tasks = ({ log }: World) => docsOf(log).get(key);

  test("is a task for staff, since then, which no process is for", () => {
    expect(tasks(refused())).toEqual({
      kind: "refund",
      dueAt: at + 1_000,
      orderId,
      refundId: "x1",
      amount: 300,
      reason: "r",
    });
    expect(taskKinds).not.toContain("refund");
  });

  test("is none where what it was for is asked for again", () => {
    const world = refused();
    world.do(orderStream, "RetryRefund", { refundId: "again", failed: "x1" });
    world.do(orderStream, "Ship", { shipmentId: "s1" });
    world.do(orderStream, "Refund", {
      refundId: "kept",
      reason: "r",
      cause: "goodwill",
      lines: [{ lineId: 1, quantity: 1 }],
    });
    refuse(world, "kept");
    expect(tasks(world)).toBeUndefined();
    refuse(world, "again");
    expect(tasks(world)).toMatchObject({ kind: "refund" });
  });

  test.each<[what: string, name: string, command: object]>([
    ["goes back by another refund", "RetryRefund", { refundId: "again", failed: "x1" }],
    ["goes back after all", "MarkRefunded", { refundId: "x1", amount: 300, cause: "cancellation" }],
    ["goes back with more", "Refund", { refundId: "f1", reason: "r", cause: "goodwill", amount: 100 }],
    ["goes back with all", "Cancel", { cancelId: "x2", reason: "r" }],
    ["pays for what is added", "Edit", { editId: "e1", add: [{ ...placed.lines[0], quantity: 1 }] }],
  ])("is owed until it %s", (_, name, command) => {
    const world = refused();
    world.do(orderStream, "RequestEdit", { editId: "e1", adds: [{ sku: "mug", quantity: 1 }] });
    expect(tasks(world)).toMatchObject({ kind: "refund" });
    expect(world.do(orderStream, name, command)).toBe(true);
    expect(tasks(world)).toBeUndefined();
  });

  test("is still owed of an order whose rest is cancelled for nothing", () => {
    const world = refused();
    world.do(orderStream, "Cancel", { cancelId: "x2", reason: "r", credit: "none" });
    expect(tasks(world)).toMatchObject({ kind: "refund" });
  });

  test("is listed exactly while more was paid than is due, whatever happens", () => {
    const id = fc.constantFrom("1", "2");
    const lines = fc.constantFrom(undefined, [{ lineId: 1, quantity: 1 }]);
    const step = fc.oneof(
      fc.tuple(id, lines).map(([n, lines]) => ["Cancel", { cancelId: `x${n}`, reason: "r", lines }]),
      id.map((n) => ["Cancel", { cancelId: `x${n}`, reason: "r", credit: "none" }]),
      fc
        .tuple(id, fc.constantFrom({}, { amount: 100 }, { lines: [{ lineId: 1, quantity: 1 }] }))
        .map(([n, what]) => ["Refund", { refundId: `f${n}`, reason: "r", cause: "goodwill", ...what }]),
      refundIds.map((refundId) => ["WithdrawCredit", { refundId, amount: 10_000, reason: "r" }]),
      refundIds.map((refundId) => ["WithdrawCredit", { refundId, amount: 60, reason: "r", paymentId: "p2" }]),
      refundIds.map((refundId) => ["MarkRefunded", { refundId, amount: 250, cause: "goodwill" }]),
      refundIds.map((failed) => ["RetryRefund", { refundId: `again/${failed}`, failed }]),
      id.map((n) => ["RequestEdit", { editId: `e${n}`, adds: [{ sku: "mug", quantity: 1 }] }]),
      id.map((n) => ["Edit", { editId: `e${n}`, add: [{ ...placed.lines[0], quantity: 1, total: 600 }] }]),
      fc.constantFrom(["Ship", { shipmentId: "s1" }], ["Deliver", {}]),
      fc.constant(["MarkPaid", { amount: 200, captureId: "more" }]),
    );
    let owed = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const world = refused();
        for (const [name, command] of steps as [string, object][]) {
          world.do(orderStream, name, command);
          const state = world.get<Extract<Order, { phase: "placed" }>>(orderStream);
          const isOwed = overpaidOf(state.book) > 0;
          expect(tasks(world) !== undefined).toBe(isOwed);
          owed += Number(isOwed);
        }
      }),
      { numRuns: 500 },
    );
    expect(owed).toBeGreaterThan(500);
  });
});

describe("whatever happens to a cart", () => {
  test("it has one task: to run out while it is open, but for drafts, its checkout while it is locked", () => {
    const name = fc.constantFrom(
      ...["Open", "Add", "Add", "ChangeQuantity", "Remove", "StartCheckout", "FailCheckout", "FailCheckout"],
      ...["Convert", "Abandon", "Expire", "ChangeDetails"],
    );
    const step = fc.record({ name, passMs: fc.nat(40_000), lifeMs: fc.integer({ min: 1, max: 90_000 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.boolean(), (steps, draft) => {
        const world = new World();
        world.open(cartStream, cart as AnyDecider);
        let startedAt = 0;
        for (const { name, passMs, lifeMs } of steps) {
          world.now += passMs;
          const state = world.get<Cart>(cartStream);
          const size = state.phase === "absent" ? 0 : state.lines.size;
          const request = { ...checkout, quote: { ...checkout.quote, unitPrices: Array(size).fill(300) } };
          const { attempt: _, orderId: __, paymentId: ___, number: ____, ...asked } = request;
          const changed = world.do(cartStream, name, {
            cartId: "c1",
            currency: "GBP",
            lifeMs,
            draft,
            items: [item],
            line: "mug",
            changes: { email: passMs % 2 ? "ada@example.com" : null },
            quantity: 1 + (passMs % 9),
            byStaff: true,
            request: asked,
            attemptOf: (attempt: number) => ({
              orderId: `o${attempt}`,
              paymentId: `p${attempt}`,
              number: "N",
            }),
            orderId: state.phase === "locked" ? state.checkout.orderId : "o1",
            ...refusal,
          });
          if (changed && name === "StartCheckout") startedAt = world.now;
          expect(docsOf(world.log).get("cart/c1")).toEqual(expectedTask(world.get(cartStream), startedAt));
        }
      }),
      { numRuns: 300 },
    );
  });

  function expectedTask(state: Cart, startedAt: number) {
    const { expiresAt: dueAt } = state.phase === "absent" ? {} : state;
    if (state.phase === "open") return dueAt === undefined ? undefined : { kind: "cart", dueAt };
    if (state.phase !== "locked") return undefined;
    return { kind: "checkout", dueAt: startedAt + takeUpAfterMs, cartDueAt: dueAt };
  }
});

const publishAt = (ms: number) => ({ publishAt: isoTime(at + ms) });
const draft = { slug: "s", name: "N", tags: [], images: [], variants: [] };
const ofP1 = on("product-p1");
const publications = [
  ofP1("ProductCreated", { ...draft, ...publishAt(1_000) }),
  on("product-p2")("ProductCreated", draft),
  on("product-p2")("ProductDescribed", publishAt(2_000)),
  // Moved behind the other.
  ofP1("ProductDescribed", publishAt(3_000)),
  ofP1("ProductDescribed", { name: "M" }),
];

const handedIn = { kind: "csv", bytes: 1, parts: 1, isDry: false, isPublishing: false } as const;
const imports = [
  on("productimport-i1")("ProductImportRequested", handedIn),
  on("productimport-i2")("ProductImportRequested", handedIn),
  on("productimport-i2")("ProductImportCancelled", {}),
];

describe("an import", () => {
  test("is due at once, and until it is over", async () => {
    const dueOf = async (...more: typeof imports) => {
      const model = await project(tasksProjection, logOf([...imports, ...more]));
      return (await tasksOf(model, "import", { limit: 9 })).tasks.map(({ id, dueAt }) => [id, dueAt - at]);
    };
    expect(await dueOf()).toEqual([["i1", 0]]);
    const table = { format: "own", rows: 1, products: 1, leftOut: [] };
    const reached = { done: 1, created: 1, changed: 0, unchanged: 0, rejected: 0, rejects: [], planned: [] };
    const underWay = [
      on("productimport-i1")("ProductImportLookedThrough", table),
      on("productimport-i1")("ProductImportReached", reached),
    ] as unknown as typeof imports;
    expect(await dueOf(...underWay)).toEqual([["i1", 0]]);
    const over = [on("productimport-i1")("ProductImportFinished", {})] as unknown as typeof imports;
    expect(await dueOf(...underWay, ...over)).toEqual([]);
    const failed = [
      on("productimport-i1")("ProductImportFailed", { reason: "r" }),
    ] as unknown as typeof imports;
    expect(await dueOf(...failed)).toEqual([]);
  });
});

describe("a publication", () => {
  const dueOf = async (...more: typeof publications) => {
    const model = await project(tasksProjection, logOf([...publications, ...more]));
    return (await tasksOf(model, "publication", { limit: 9 })).tasks.map(({ id, dueAt }) => [id, dueAt - at]);
  };

  test("is due at the time it was moved to", async () => {
    expect(await dueOf()).toEqual([
      ["p2", 2_000],
      ["p1", 3_000],
    ]);
  });

  test("is over once it is called off, or the product published or archived", async () => {
    expect(await dueOf(ofP1("ProductDescribed", { publishAt: null }))).toEqual([["p2", 2_000]]);
    expect(await dueOf(ofP1("ProductPublished", {}))).toEqual([["p2", 2_000]]);
    expect(await dueOf(ofP1("ProductArchived", {}))).toEqual([["p2", 2_000]]);
  });
});

describe("the list of tasks", () => {
  const log = logOf([
    ofCart("CartOpened", { currency: "GBP", expiresAt }),
    on("cart-c2")("CartOpened", { currency: "GBP", expiresAt: isoTime(at + 5_000) }),
    on("cart-c3")("CartOpened", { currency: "GBP", expiresAt }),
    on("cart-c3")("CheckoutStarted", checkout),
    dispatched,
    captureAsked("capture"),
    ...publications,
    ...imports,
    on("webhook-bank-e-2")("WebhookReceived", {
      gateway: "bank",
      paymentId,
      outcome: { status: "failed", reason: "r" },
    }),
  ]);

  test("has each kind by itself, the first that is due first, page after page", async () => {
    const model = await project(tasksProjection, log);
    const idsOf = async (kind: TaskKind) =>
      (await tasksOf(model, kind, { limit: 10 })).tasks.map(({ id }) => id);
    const all = await Promise.all(taskKinds.map(async (kind) => [kind, await idsOf(kind)]));
    expect(Object.fromEntries(all)).toEqual({
      cart: ["c2", "c1"],
      checkout: ["c3"],
      import: ["i1"],
      order: [orderId],
      payment: [paymentId],
      publication: ["p2", "p1"],
      webhook: ["bank-e-2"],
    });
    const first = await tasksOf(model, "cart", { limit: 1 });
    expect(first.tasks.map(({ key }) => key)).toEqual(["cart/c2"]);
    const second = await tasksOf(model, "cart", { limit: 1, after: first.next ?? undefined });
    expect(second).toMatchObject({ tasks: [{ key: "cart/c1", kind: "cart", id: "c1" }], next: null });
  });

  test("has what is due by a time, and not a millisecond later", async () => {
    const model = await project(tasksProjection, log);
    const due = async (dueBy: number) => (await tasksOf(model, "cart", { dueBy, limit: 10 })).tasks.length;
    expect([await due(at + 4_999), await due(at + 5_000)]).toEqual([0, 1]);
  });

  test("tells whether something of a kind is open, and a checkout from its cart", async () => {
    const model = await project(tasksProjection, log);
    const open = (kind: TaskKind, id: string) => hasTask(model, kind, id);
    expect(await Promise.all([open("checkout", "c3"), open("cart", "c3"), open("checkout", "c1")])).toEqual([
      true,
      false,
      false,
    ]);
    expect(
      await Promise.all([open("payment", paymentId), open("payment", "x"), open("order", orderId)]),
    ).toEqual([true, false, true]);
  });
});
