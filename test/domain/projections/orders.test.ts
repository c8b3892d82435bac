import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { order } from "../../../commands/order/order.ts";
import type { Order } from "../../../commands/order/state.ts";
import { payment } from "../../../commands/payment/payment.ts";
import type { OrderDoc } from "../../../projections/orders/documents.ts";
import { ordersProjection } from "../../../projections/orders/orders.ts";
import { getOrder, listOrders, type OrderModels } from "../../../projections/orders/queries.ts";
import { getPayment, paymentsOfOrder, paymentsProjection } from "../../../projections/payments.ts";
import { reservationsProjection } from "../../../projections/stock/reservations.ts";
import { Problem } from "../../../src/values/problem.ts";
import { documentsOf, Log, parsed, project, type ShopData, type ShopEvent } from "./support.ts";

const line = (sku: string, quantity: number, unitPrice: number) => ({
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
const lines = [{ ...line("mug", 2, 299), category: "kitchen" }, line("22423", 1, 400)];
const totals = { subtotal: 998, discount: 0, shipping: 500, tax: 0, total: 1498 };
const tax = { rateBp: 0, included: false, per: "line", rounding: "half_up" } as const;
const ada = { fullName: "Ada", addressLine1: "1 High St", city: "London", postalCode: "N1", country: "GB" };
const placed: ShopData<"OrderPlaced"> = {
  number: "ORD-20110307-ABC123",
  cartId: "c1",
  paymentId: "pay1",
  paymentMethod: "credit_card",
  currency: "GBP",
  lines,
  totals,
  tax,
  shippingMethod: "standard",
  email: "Ada@Example.org",
  customerId: "ada",
  shippingAddress: ada,
};
const confirmed = {
  currency: "GBP",
  lines: [{ sku: "mug", productId: "p-mug", name: "mug", quantity: 2, revenue: 598 }],
  units: 3,
  gross: 998,
};
const nowhere = {
  cancelled: 0,
  toShip: 0,
  allocated: 0,
  backordered: 0,
  inTransit: 0,
  failed: 0,
  kept: 0,
  announced: 0,
  returned: 0,
  inspecting: 0,
  sellable: 0,
  damaged: 0,
};
const gbp = (amount: number) => ({ amount, currency: "GBP" });
const noon = (day: string) => `${day}T12:00:00.000Z`;

async function modelsOf(log: Log): Promise<OrderModels> {
  const orders = await project(ordersProjection, log);
  const payments = await project(paymentsProjection, log);
  return { orders, payments, reservations: await project(reservationsProjection, log) };
}

describe("orders", () => {
  const log = new Log()
    .add("payment-pay1", noon("2011-03-07"), "PaymentInitiated", {
      orderId: "o1",
      amount: 1498,
      currency: "GBP",
      method: "credit_card",
      gateway: "sandbox",
      token: "tok_ok",
    })
    .add("order-o1", noon("2011-03-07"), "OrderPlaced", placed)
    .add("payment-pay1", noon("2011-03-07"), "PaymentAuthorized", { amount: 1498, reference: "ref" })
    .add("order-o1", noon("2011-03-07"), "OrderConfirmed", confirmed)
    .add("payment-pay1", noon("2011-03-07"), "PaymentCaptured", { amount: 1498 })
    .add("order-o1", noon("2011-03-07"), "OrderPaid", { amount: 1498 })
    .add("order-o1", noon("2011-03-08"), "ProcessingStarted", {})
    .add("order-o1", noon("2011-03-08"), "ShipmentDispatched", {
      shipmentId: "s1",
      lines: [
        { sku: "mug", quantity: 2 },
        { sku: "22423", quantity: 1 },
      ],
      carrier: "DHL",
      trackingNumber: "123",
      complete: true,
    })
    .add("order-o1", noon("2011-03-09"), "ShipmentDelivered", { shipmentId: "s1", complete: true })
    .add("order-o1", noon("2011-03-10"), "ReturnRequested", {
      returnId: "r1",
      lines: [{ sku: "mug", quantity: 1 }],
      reason: "chipped",
    })
    .add("order-o1", noon("2011-03-10"), "ReturnApproved", { returnId: "r1" })
    .add("order-o1", noon("2011-03-12"), "ReturnReceived", {
      returnId: "r1",
      lines: [{ sku: "mug", sellable: 0, damaged: 1 }],
    })
    .add("payment-pay1", noon("2011-03-12"), "RefundRequested", {
      refundId: "f1",
      orderId: "o1",
      amount: 299,
      reason: "chipped",
      cause: "return",
    })
    .add("payment-pay1", noon("2011-03-12"), "RefundSucceeded", {
      refundId: "f1",
      amount: 299,
      reference: "ref2",
    })
    .add("order-o1", noon("2011-03-12"), "OrderRefunded", {
      refundId: "f1",
      currency: "GBP",
      amount: 299,
      goods: 299,
      cause: "return",
      full: false,
    })
    .add("order-o1", noon("2011-03-12"), "EffectsApplied", { of: "r1" });

  test("shows one with lines, totals, payments, shipments, returns and its timeline", async () => {
    const models = await modelsOf(log);
    const found = await getOrder(models, "o1");
    expect(found).toEqual(await getOrder(models, "ord-20110307-abc123"));
    expect(await getOrder(models, "nobody's")).toBeUndefined();
    expect(found).toMatchObject({
      id: "o1",
      number: "ORD-20110307-ABC123",
      status: "delivered",
      paymentStatus: "partially_refunded",
      email: "Ada@Example.org",
      customerId: "ada",
      shippingAddress: ada,
      totals: { subtotal: gbp(998), shipping: gbp(500), total: gbp(1498) },
      refunded: gbp(299),
      itemCount: 3,
      placedAt: noon("2011-03-07"),
      updatedAt: noon("2011-03-12"),
      shipments: [
        {
          id: "s1",
          carrier: "DHL",
          trackingNumber: "123",
          dispatchedAt: noon("2011-03-08"),
          deliveredAt: noon("2011-03-09"),
        },
      ],
      returns: [{ id: "r1", status: "closed", reason: "chipped" }],
      refunds: [{ id: "f1", amount: gbp(299), cause: "return", at: noon("2011-03-12") }],
    });
    expect(found?.lines[0]).toEqual({
      lineId: 1,
      sku: "mug",
      productId: "p-mug",
      name: "mug",
      category: "kitchen",
      quantity: 2,
      unitPrice: gbp(299),
      subtotal: gbp(598),
      discount: gbp(0),
      tax: gbp(0),
      total: gbp(598),
      quantities: { ...nowhere, ordered: 2, kept: 1, returned: 1, damaged: 1 },
    });
    expect(found?.money).toEqual({
      due: gbp(1199),
      authorized: gbp(1498),
      disputed: gbp(0),
      captured: gbp(1498),
      refunded: gbp(299),
      pending: gbp(0),
      balance: gbp(0),
    });
    expect(found?.lines[1]).not.toHaveProperty("category");
    expect(found?.payments).toMatchObject([
      { id: "pay1", status: "captured", captured: gbp(1498), refunded: gbp(299), refundPending: gbp(0) },
    ]);
    expect(JSON.stringify(found)).not.toContain("tok_ok");
    expect(found?.timeline.map(({ type, text }) => `${type}: ${text}`)).toEqual([
      "placed: Order placed",
      "confirmed: Order confirmed",
      "paid: 14.98 GBP paid",
      "processing: Being prepared",
      "shipped: 3 pieces shipped with DHL 123",
      "delivered: Delivered",
      "return_requested: Return of 1 piece requested: chipped",
      "return_approved: Return approved",
      "return_received: 1 piece of a return received: 1 damaged",
      "refunded: 2.99 GBP refunded",
    ]);
  });

  test("tells customers in words of their own, and staff in full", async () => {
    const its = { currency: "GBP", shipping: 0, shippingTax: 0 };
    const mugs = (quantity: number) => [{ lineId: 1, sku: "mug", quantity }];
    const found = { lineId: 1, sku: "mug", sellable: 0, damaged: 0, rejected: 0 };
    const goodwill = "goodwill" as const;
    const credit = { ...its, cause: goodwill, lines: [], reason: "why", amount: 0, payout: 0 };
    const worth = (goods: number) => ({ lines: [{ lineId: 1, quantity: 0, goods, tax: 0 }], amount: goods });
    const told = new Log().add("order-o1", 1, "OrderPlaced", { ...placed, paymentMethod: "cod" });
    const add: typeof told.add = (_, at, type, data) => told.add("order-o1", at, type, data);
    add("", 2, "OrderConfirmed", confirmed);
    add("", 3, "OrderPaymentFailed", { reason: "fraud score 87" });
    add("", 4, "OrderPaid", { amount: 1498 });
    add("", 5, "ShipmentDispatched", { shipmentId: "s1", lines: mugs(2), complete: false });
    add("", 6, "DeliveryFailed", { shipmentId: "s1", outcome: "refused", lines: mugs(1) });
    const back = [{ lineId: 1, sku: "mug", sellable: 0, damaged: 1 }];
    add("", 7, "ShipmentReturned", { shipmentId: "s1", backId: "b1", lines: back });
    add("", 8, "ReshipmentAgreed", { reshipmentId: "e1", lines: mugs(1) });
    add("", 9, "ShipmentDelivered", { shipmentId: "s1", complete: false });
    add("", 10, "ShipmentDispatched", { shipmentId: "s2", lines: mugs(1), complete: false });
    add("", 11, "ShipmentDelivered", { shipmentId: "s2", complete: false });
    for (const returnId of ["r1", "r2"])
      add("", 12, "ReturnRequested", { returnId, lines: mugs(1), reason: "asked by phone" });
    add("", 13, "ReturnRejected", { returnId: "r1", reason: "a liar" });
    add("", 14, "ReturnApproved", { returnId: "r2" });
    const here = [{ ...found, inspecting: 1 }];
    add("", 15, "ReturnReceived", { returnId: "r2", receiptId: "i1", lines: here });
    add("", 16, "ReturnInspected", { returnId: "r2", receiptId: "i2", lines: [{ ...found, rejected: 1 }] });
    add("", 17, "ReturnRequested", { returnId: "r3", lines: mugs(1) });
    add("", 18, "ReturnClosed", { returnId: "r3", lines: mugs(1) });
    add("", 19, "OrderCredited", { ...credit, ...worth(100), creditId: "c1", payout: 100 });
    add("", 20, "CreditWithdrawn", { ...its, ...worth(100), creditId: "c1", reason: "card closed" });
    add("", 21, "OrderPaid", { amount: 500, captureId: "late" });
    add("", 22, "OrderCredited", { ...credit, creditId: "c2", reason: "more than is due", payout: 500 });
    add("", 23, "OrderCredited", { ...credit, creditId: "c3" });
    const gone = { cancelId: "x1", cause: "cancellation", reason: "no margin" } as const;
    const pans = [{ lineId: 2, sku: "pan", quantity: 1 }];
    add("", 24, "LinesCancelled", { ...gone, lines: pans, complete: false });
    add("", 25, "OrderCancelled", { reason: "a bot", currency: "GBP", goods: 0 });
    add("", 26, "NoteAdded", { text: "watch this one" });
    add("", 27, "NoteAdded", { text: "We are sorry", visibility: "customer" });
    const { timeline } = (await getOrder(await modelsOf(told), "o1")) ?? { timeline: [] };
    expect(timeline.slice(2).map(({ text, customerText }) => [text, customerText ?? null])).toEqual([
      ["Payment failed: fraud score 87", "Payment failed"],
      ["14.98 GBP paid", "14.98 GBP paid"],
      ["2 pieces shipped", "2 pieces shipped"],
      ["1 piece refused at the door", "1 piece refused at the door"],
      ["1 piece of a shipment came back: 1 damaged", "1 piece of a shipment came back"],
      ["1 piece will be sent once more", "1 piece will be sent once more"],
      ["Part of it delivered", "Part of it delivered"],
      ["1 piece shipped", "1 piece shipped"],
      ["Part of it delivered", "Part of it delivered"],
      ["Return of 1 piece requested: asked by phone", "Return of 1 piece requested"],
      ["Return of 1 piece requested: asked by phone", "Return of 1 piece requested"],
      ["Return rejected: a liar", "Return not accepted"],
      ["Return approved", "Return approved"],
      ["1 piece of a return received: 1 inspecting", "1 piece of a return received"],
      [
        "1 piece of a return inspected, 1 not accepted: 1 rejected",
        "1 piece of a return inspected, 1 not accepted",
      ],
      ["Return of 1 piece requested", "Return of 1 piece requested"],
      ["Return closed without 1 piece", "Return closed without 1 piece"],
      ["1.00 GBP credited: why", "1.00 GBP credited"],
      ["The money could not be given back: card closed", "Refund delayed"],
      ["5.00 GBP paid", "5.00 GBP paid"],
      ["5.00 GBP will be paid back: more than is due", "5.00 GBP will be paid back"],
      ["1 piece cancelled: no margin", "1 piece cancelled"],
      ["Cancelled: a bot", "Cancelled"],
      ["watch this one", null],
      ["We are sorry", "We are sorry"],
    ]);
  });

  test("shows what stock has for each line, and what a SKU's last lines wait for", async () => {
    const claims = new Log()
      .add("stock-mug", noon("2011-03-07"), "BackorderQueued", { reservationId: "o1", quantity: 4 })
      .add("stock-jug", noon("2011-03-07"), "BackorderQueued", { reservationId: "o2", quantity: 1 })
      .add("order-o1", noon("2011-03-07"), "OrderPlaced", {
        ...placed,
        lines: [line("mug", 2, 1), line("jug", 1, 1), line("mug", 3, 1)],
        totals: { ...totals, subtotal: 6, total: 506 },
      });
    const shown = async () => {
      const { lines } = (await getOrder(await modelsOf(claims), "o1")) ?? { lines: [] };
      return lines.map(({ quantities }) => [quantities.allocated, quantities.backordered]);
    };
    expect(await shown()).toEqual([
      [1, 1],
      [1, 0],
      [0, 3],
    ]);
    claims.add("stock-mug", noon("2011-03-08"), "BackorderFilled", { reservationId: "o1", quantity: 2 });
    expect(await shown()).toEqual([
      [2, 0],
      [1, 0],
      [1, 2],
    ]);
    claims.add("order-o1", noon("2011-03-09"), "ShipmentDispatched", {
      shipmentId: "s1",
      lines: [{ lineId: 3, sku: "mug", quantity: 2 }],
      complete: false,
    });
    expect(await shown()).toEqual([
      [1, 1],
      [1, 0],
      [0, 1],
    ]);
  });

  test("lists summaries, newest first, by who, what, when and status", async () => {
    const many = new Log();
    const { customerId: _, ...guest } = { ...placed, email: "bob@example.org", number: "N" };
    const orders: [id: string, at: string, data: ShopData<"OrderPlaced">][] = [
      ["o1", "2011-03-26T23:30:00Z", placed],
      ["o2", "2011-03-27T23:30:00Z", { ...placed, lines: [line("cup", 1, 998)] }], // 28 March in London
      ["o3", "2011-03-28T12:00:00Z", guest],
    ];
    for (const [id, at, data] of orders) many.add(`order-${id}`, at, "OrderPlaced", data);
    many.add("order-o3", "2011-03-28T12:00:01Z", "OrderConfirmed", confirmed);
    const model = await project(ordersProjection, many);
    const ids = async (filter: object) => {
      const { items } = parsed(await listOrders(model, { limit: 20, ...filter }, "Europe/London"));
      return items.map(({ id }) => id);
    };
    expect(await ids({})).toEqual(["o3", "o2", "o1"]);
    expect(await ids({ email: "ADA@example.org" })).toEqual(["o2", "o1"]);
    expect(await ids({ customer: "ada", sku: "mug" })).toEqual(["o1"]);
    expect(await ids({ status: "confirmed" })).toEqual(["o3"]);
    expect(await ids({ from: "2011-03-28" })).toEqual(["o3", "o2"]);
    expect(await ids({ to: "2011-03-27" })).toEqual(["o1"]);
    expect(await ids({ email: "ada@" })).toEqual(["o2", "o1"]);
    expect(await ids({ email: "ada@example.or" })).toEqual([]);
    expect(await ids({ paymentStatus: "pending" })).toEqual(["o3", "o2", "o1"]);
    expect(await ids({ paymentStatus: "pending", status: "confirmed" })).toEqual(["o3"]);
    expect(await ids({ from: "2011-03-26T23:30:00Z", to: "2011-03-26T23:30:00.001Z" })).toEqual(["o1"]);
    expect(await ids({ from: "2011-03-26T23:30:00.001Z" })).toEqual(["o3", "o2"]);
    expect(await ids({ to: "2011-03-27T00:30:00+01:00" })).toEqual([]);
    expect(await ids({ number: "ord-20110307-abc123" })).toEqual(["o2", "o1"]);
    expect(await ids({ number: "ORD-2011", customer: "ada", sku: "MUG", email: "ada@example.org" })).toEqual([
      "o1",
    ]);
    expect(await ids({ number: "RD-2011" })).toEqual([]);

    const first = parsed(await listOrders(model, { limit: 2 }, "Europe/London"));
    const second = parsed(await listOrders(model, { limit: 2, after: first.next ?? [] }, "Europe/London"));
    expect([first.items.length, second.items.map(({ id }) => id), second.next]).toEqual([2, ["o1"], null]);
    expect(second.items[0]).toEqual({
      id: "o1",
      number: "ORD-20110307-ABC123",
      status: "pending",
      paymentStatus: "pending",
      email: "Ada@Example.org",
      customerId: "ada",
      total: gbp(1498),
      itemCount: 3,
      lineCount: 2,
      placedAt: "2011-03-26T23:30:00.000Z",
      updatedAt: "2011-03-26T23:30:00.000Z",
    });
  });

  test("are found by words of the name that they go to, as it is now, in any order and spelling", async () => {
    const log = new Log();
    const named = (fullName: string) => ({ ...placed, shippingAddress: { ...ada, fullName } });
    log.add("order-o1", "2011-03-01T10:00:00Z", "OrderPlaced", named("José O'Brien-Núñez"));
    log.add("order-o2", "2011-03-02T10:00:00Z", "OrderPlaced", named("Josephine Meyer"));
    log.add("order-o3", "2011-03-03T10:00:00Z", "OrderPlaced", named("山田 太郎"));
    const { shippingAddress: _, ...nobody } = placed;
    log.add("order-o4", "2011-03-04T10:00:00Z", "OrderPlaced", nobody);
    const found = async (name: string) => {
      const model = await project(ordersProjection, log);
      return parsed(await listOrders(model, { limit: 20, name }, "UTC")).items.map(({ id }) => id);
    };
    expect(await found("jos")).toEqual(["o2", "o1"]);
    expect(await found("JOSÉ")).toEqual(["o2", "o1"]);
    expect(await found("nunez jose")).toEqual(["o1"]);
    expect(await found("o'brien")).toEqual(["o1"]);
    expect(await found("jos meyer")).toEqual([]);
    expect(await found("山田")).toEqual(["o3"]);
    expect(await found("?!")).toEqual([]);
    const moved = { editId: "e1", shippingAddress: { ...ada, fullName: "Marie Schäfer" } };
    log.add("order-o2", "2011-03-05T10:00:00Z", "AddressChanged", moved);
    expect(await found("josephine")).toEqual([]);
    expect(await found("schafer")).toEqual(["o2"]);
  });

  test("has the status that the write model has, after every event", () => {
    const step = fc.oneof(
      fc.constant(["Confirm", {}] as const),
      fc.constant(["MarkPaid", { amount: 1498 }] as const),
      fc.constant(["Refuse", { code: "payment_declined", detail: "declined", extras: {} }] as const),
      fc.constant(["StartProcessing", {}] as const),
      fc
        .constantFrom("s1", "s2")
        .map((shipmentId) => ["Ship", { shipmentId, lines: [{ sku: "mug", quantity: 1 }] }] as const),
      fc.constant(["Ship", { shipmentId: "s3" }] as const),
      fc.constant(["Deliver", {}] as const),
      fc.constant(["RequestReturn", { returnId: "r1", lines: [{ sku: "mug", quantity: 1 }] }] as const),
      fc.constant(["ApproveReturn", { returnId: "r1" }] as const),
      fc.constant(["RejectReturn", { returnId: "r1", reason: "used" }] as const),
      fc.constant([
        "ReceiveReturn",
        { returnId: "r1", receiptId: "i1", lines: [{ sku: "mug", quantity: 1 }] },
      ] as const),
      fc.constant([
        "InspectReturn",
        { returnId: "r1", receiptId: "i2", lines: [{ sku: "mug", sellable: 1 }], fee: 100 },
      ] as const),
      fc.constantFrom("WithdrawReturn", "CloseReturn").map((name) => [name, { returnId: "r1" }] as const),
      fc
        .tuple(fc.constantFrom("f1", "f2", "f3"), fc.constantFrom(400, 749, 1498))
        .map(([refundId, amount]) => ["MarkRefunded", { refundId, amount, cause: "goodwill" }] as const),
      fc
        .tuple(
          fc.constantFrom("c1", "c2", "c3"),
          fc.constantFrom({}, { amount: 300 }, { shipping: true }, { lines: [{ sku: "mug", quantity: 1 }] }),
        )
        .map(
          ([refundId, what]) => ["Refund", { refundId, reason: "r", cause: "goodwill", ...what }] as const,
        ),
      fc
        .constantFrom("c1", "c2", "c3", "f1")
        .map((refundId) => ["WithdrawCredit", { refundId, reason: "r" }] as const),
      fc
        .tuple(fc.constantFrom("c1", "c2"), fc.constantFrom(100, 998, 1498))
        .map(([refundId, amount]) => ["MarkRefunded", { refundId, amount, cause: "goodwill" }] as const),
      fc
        .constantFrom("x1", "x2")
        .map(
          (cancelId) => ["Cancel", { cancelId, reason: "r", lines: [{ lineId: 1, quantity: 1 }] }] as const,
        ),
      {
        arbitrary: fc.constant(["Cancel", { cancelId: "x", reason: "changed my mind" }] as const),
        weight: 1,
      },
      fc.constant(["AddNote", { text: "call back", visibility: "staff" }] as const),
    );
    fc.assert(
      fc.property(
        fc.constantFrom("credit_card" as const, "cod" as const),
        fc.array(step, { maxLength: 40 }),
        (paymentMethod, sequence) => {
          const log = new Log();
          let state: Order = { phase: "absent" };
          const steps = [["Place", { ...placed, paymentMethod }], ...sequence] as [string, unknown][];
          for (const [name, command] of steps) {
            let events: ShopEvent[] = [];
            try {
              const decide = order.decide[name as "RequestReturn"];
              events = decide(state, command as never, { now: 0 }) as ShopEvent[];
            } catch (error) {
              if (!(error instanceof Problem)) throw error;
            }
            for (const event of events) {
              log.addAll("order-o1", noon("2011-03-07"), [event]);
              const evolve = order.evolve[event.type as "OrderPaid"];
              state = evolve(state, event.data as never, { time: 0 });
            }
            const doc = documentsOf(ordersProjection, log, true).get("o1") as OrderDoc | undefined;
            const { status, paymentStatus, book } = state as Extract<Order, { phase: "placed" }>;
            expect(doc).toMatchObject({ status, paymentStatus, book });
            const { returns } = state as Extract<Order, { phase: "placed" }>;
            expect(doc?.returns.map(({ id, status }) => [id, status])).toEqual(
              [...returns].map(([id, { status }]) => [id, status]),
            );
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe("payments", () => {
  test("follow the write model through refunds that fail and then succeed after all", async () => {
    const log = new Log()
      .add("payment-pay1", 1_000, "PaymentInitiated", {
        orderId: "o1",
        amount: 1000,
        currency: "GBP",
        method: "paypal",
        gateway: "sandbox",
      })
      .add("payment-pay1", 1_001, "PaymentActionRequired", { actionUrl: "https://example.org/3ds" });
    const paymentNow = async () => getPayment(await project(paymentsProjection, log), "pay1");
    expect(await paymentNow()).toMatchObject({
      status: "action_required",
      actionUrl: "https://example.org/3ds",
    });

    log
      .add("payment-pay1", 1_002, "PaymentAuthorized", { amount: 1000, reference: "ref" })
      .add("payment-pay1", 1_003, "CaptureFailed", { reason: "no answer" });
    const authorized = await paymentNow();
    expect(authorized).toMatchObject({ status: "authorized", failure: "no answer", captured: gbp(0) });
    expect(authorized).not.toHaveProperty("actionUrl");

    const refund = { refundId: "f1", orderId: "o1", amount: 400, reason: "late", cause: "goodwill" } as const;
    log
      .add("payment-pay1", 1_004, "PaymentCaptured", { amount: 1000 })
      .add("payment-pay1", 1_005, "RefundRequested", refund)
      .add("payment-pay1", 1_006, "RefundRequested", { ...refund, refundId: "f2", amount: 100 })
      .add("payment-pay1", 1_007, "RefundFailed", {
        refundId: "f1",
        orderId: "o1",
        amount: 400,
        reason: "closed",
      });
    expect(await paymentNow()).toMatchObject({
      refunded: gbp(0),
      refundPending: gbp(100),
      refunds: [
        { id: "f1", status: "failed", failure: "closed" },
        { id: "f2", status: "pending" },
      ],
    });

    log.add("payment-pay1", 1_008, "RefundSucceeded", { refundId: "f1", amount: 400, reference: "r" });
    expect(await paymentNow()).toMatchObject({ refunded: gbp(400), refundPending: gbp(100) });
    let state = payment.initial();
    for (const { type, data, time } of log.events)
      state = payment.evolve[type as "PaymentFailed"](state, data as never, { time });
    expect(state).toMatchObject({ refunded: 400, refundPending: 100 });
  });

  test("of an order come oldest first", async () => {
    const log = new Log();
    const initiated = { amount: 1, currency: "GBP", method: "cod", gateway: "manual" } as const;
    for (const [id, orderId, at] of [
      ["b", "o1", 1_000],
      ["a", "o1", 2_000],
      ["c", "o2", 3_000],
    ] as const)
      log.add(`payment-${id}`, at, "PaymentInitiated", { ...initiated, orderId });
    const found = await paymentsOfOrder(await project(paymentsProjection, log), "o1");
    expect(found.map(({ id }) => id)).toEqual(["b", "a"]);
  });
});
