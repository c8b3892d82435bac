import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Bucket, checked, countOf, leftOf, netOf, refundableIn } from "../../commands/order/book.ts";
import { order } from "../../commands/order/order.ts";
import type { FoundLine } from "../../commands/order/returns.ts";
import type { Order, PlacedOrder } from "../../commands/order/state.ts";
import { priceOrder, type TaxSettings } from "../../commands/pricing.ts";
import type { CommandsOf, EventOf } from "../../src/engine/decider.ts";
import { Problem } from "../../src/values/problem.ts";
import { tablePairs } from "./order-table.ts";

type OrderEvent = EventOf<typeof order.events>;
type Placed = Extract<OrderEvent, { type: "OrderPlaced" }>["data"];
type Commands = CommandsOf<typeof order>;

const noTax: TaxSettings = { rateBp: 0, included: true, per: "line", rounding: "half_up" };
const added19: TaxSettings = { rateBp: 1900, included: false, per: "line", rounding: "half_up" };

interface Asked {
  sku: string;
  quantity: number;
  unitPrice: number;
  discount?: number;
}

/** F of the design: A×3 at 1000 and B×1 at 2000, shipping 500. */
const f: Asked[] = [
  { sku: "A", quantity: 3, unitPrice: 1_000 },
  { sku: "B", quantity: 1, unitPrice: 2_000 },
];
/** G: A×3, 19 % added. */
const g: Asked[] = [{ sku: "A", quantity: 3, unitPrice: 1_000 }];

/** An order and what happens to it, with a gateway that gives back what it is asked for unless it is told not to. */
class Story {
  state: Order = order.initial();
  readonly events: OrderEvent[] = [];
  now = 0;
  private ids = 0;

  constructor(lines: readonly Asked[], { tax = noTax, shipping = 500, method = "credit_card" } = {}) {
    const priced = priceOrder(lines, shipping, tax);
    this.do("Place", {
      number: "ORD-1",
      cartId: "c-1",
      paymentId: "p-1",
      paymentMethod: method as Placed["paymentMethod"],
      currency: "USD",
      lines: lines.map((line, index) => ({
        ...{ productId: line.sku, name: line.sku, ...line },
        ...(priced.lines[index] as (typeof priced.lines)[number]),
      })),
      totals: priced.totals,
      tax,
      shippingMethod: "standard",
      confirm: {},
    });
  }

  get order(): PlacedOrder {
    if (this.state.phase !== "placed") throw new Error("it was never placed");
    return this.state;
  }

  get told() {
    const { status, paymentStatus } = this.order;
    return [status, paymentStatus];
  }

  do<N extends keyof Commands>(name: N, command: Commands[N]): OrderEvent[] {
    const decide = order.decide[name] as (
      state: Order,
      command: Commands[N],
      context: { now: number },
    ) => OrderEvent[];
    const events = decide(this.state, command, { now: this.now });
    for (const { type, data } of events) {
      const evolve = order.evolve[type] as (state: Order, data: never, context: { time: number }) => Order;
      this.state = evolve(this.state, order.events[type].schema.parse(data) as never, { time: 0 });
    }
    this.events.push(...events);
    return events;
  }

  paid(): this {
    this.do("MarkPaid", { amount: this.order.totals.total });
    return this;
  }

  ship(...lines: [sku: string, quantity: number][]): this {
    const shipmentId = `s-${++this.ids}`;
    const named = lines.map(([sku, quantity]) => ({ sku, quantity }));
    this.do("Ship", { shipmentId, ...(named.length > 0 && { lines: named }) });
    return this;
  }

  /** Cash is booked as its carrier has taken it. */
  deliver(what: Commands["Deliver"] = {}): this {
    for (const { type, data } of this.do("Deliver", what))
      if (type === "ShipmentDelivered" && data.cash) this.do("MarkPaid", data.cash);
    return this;
  }

  /** Of the last shipment. */
  fail(outcome: Commands["FailDelivery"]["outcome"], ...lines: [sku: string, quantity: number][]): this {
    const named = lines.map(([sku, quantity]) => ({ sku, quantity }));
    this.do("FailDelivery", {
      shipmentId: this.lastShipment,
      outcome,
      ...(named.length > 0 && { lines: named }),
    });
    return this;
  }

  back(...lines: Commands["TakeBack"]["lines"]): this {
    this.do("TakeBack", { shipmentId: this.lastShipment, backId: `b-${++this.ids}`, lines });
    return this;
  }

  reship(what: Partial<Commands["Reship"]> = {}): this {
    this.do("Reship", { reshipmentId: `a-${++this.ids}`, ...what });
    return this;
  }

  announce(quantity: number, returnId = "r-1"): this {
    this.do("RequestReturn", { returnId, lines: [{ sku: "A", quantity }] });
    this.do("ApproveReturn", { returnId });
    return this;
  }

  /** @returns what has gone back */
  receive(line: FoundLine, how: Partial<Commands["ReceiveReturn"]> = {}): number {
    this.do("ReceiveReturn", { returnId: "r-1", receiptId: `i-${++this.ids}`, lines: [line], ...how });
    return this.settle("done");
  }

  inspect(line: FoundLine): number {
    this.do("InspectReturn", { returnId: "r-1", receiptId: `i-${++this.ids}`, lines: [line] });
    return this.settle("done");
  }

  /** Of the first return, and of all pieces of A. */
  returned() {
    const of = (bucket: Bucket) => countOf(this.order.book, "A", bucket);
    return [this.order.returns.get("r-1")?.status, of("inspecting"), of("announced"), of("kept")];
  }

  get lastShipment(): string {
    return [...this.order.shipments.keys()].at(-1) ?? "none";
  }

  /** @returns what has gone back */
  refund(what: Partial<Commands["Refund"]> = {}, gateway: "done" | "refused" | "later" = "done"): number {
    const refundId = `f-${++this.ids}`;
    this.do("Refund", { refundId, reason: "r", cause: "goodwill", ...what });
    return gateway === "later" ? 0 : this.settle(gateway);
  }

  priced(lines: readonly Asked[]): Commands["Edit"]["add"] {
    const { lines: amounts } = priceOrder(lines, 0, this.order.tax);
    return lines.map((line, index) => ({
      ...{ productId: line.sku, name: line.sku, ...line },
      ...(amounts[index] as (typeof amounts)[number]),
    }));
  }

  /** Stock has promised what is added. @returns what has gone back */
  edit(
    what: Partial<Omit<Commands["Edit"], "add" | "shipping">> & { add?: Asked[]; shipping?: number } = {},
  ): number {
    const { add = [], shipping: price, ...others } = what;
    const editId = `e-${++this.ids}`;
    if (add.length > 0) this.do("RequestEdit", { editId, adds: add });
    const method = price !== undefined && {
      shipping: { method: "other", price, tax: priceOrder([], price, this.order.tax).shippingTax },
    };
    this.do("Edit", { editId, add: this.priced(add), ...method, ...others });
    return this.settle("done");
  }

  /** Some pieces of A for others. @returns what has gone back */
  exchange(
    add: Asked[],
    { quantity = 1, advanceBy }: { quantity?: number; advanceBy?: string } = {},
  ): number {
    const returnId = "r-1";
    this.do("RequestEdit", { editId: returnId, adds: add });
    const returns = [{ sku: "A", quantity }];
    this.do("Exchange", { returnId, returns, add: this.priced(add), advanceBy });
    return this.settle("done");
  }

  cancel(what: Partial<Commands["Cancel"]> = {}): number {
    this.do("Cancel", { cancelId: `x-${++this.ids}`, reason: "r", ...what });
    return this.settle("done");
  }

  settle(gateway: "done" | "refused"): number {
    let back = 0;
    for (const [refundId, amount] of this.order.book.payouts) {
      if (gateway === "refused") this.do("WithdrawCredit", { refundId, amount, reason: "r" });
      else {
        this.do("MarkRefunded", { refundId, amount, cause: "goodwill" });
        back += amount;
      }
    }
    return back;
  }

  /** Goods and tax of the last credit's lines. */
  credit() {
    const last = this.events.findLast(({ type }) => type === "OrderCredited");
    if (last?.type !== "OrderCredited") throw new Error("nothing was credited");
    const { lines, shipping, shippingTax, amount } = last.data;
    const sum = (of: "goods" | "tax") => lines.reduce((total, line) => total + line[of], 0);
    return { goods: sum("goods"), tax: sum("tax"), shipping, shippingTax, amount };
  }

  refused(run: () => unknown, detail = ""): void {
    const before = this.state;
    expect(run).toThrow(
      expect.objectContaining({ code: "illegal_transition", message: expect.stringContaining(detail) }),
    );
    expect(this.state).toBe(before);
  }
}

const lines = (...all: [sku: string, quantity: number][]) => ({
  lines: all.map(([sku, quantity]) => ({ sku, quantity })),
});

describe("cases of the design", () => {
  test("1: a part refunded before shipping does not keep it from being sent", () => {
    const story = new Story(f).paid();
    expect(story.refund({ amount: 300 })).toBe(300);
    story.ship().deliver();
    expect(story.told).toEqual(["delivered", "partially_refunded"]);
  });

  test("2: refunded pieces do not ship", () => {
    const story = new Story(f).paid();
    expect(story.refund(lines(["A", 2]))).toBe(2_000);
    story.refused(() => story.ship(["A", 3]), "at most 1 of A");
    story.ship();
    expect(countOf(story.order.book, "A", "inTransit")).toBe(1);
  });

  test("3: part shipped and the rest refunded is shipped, then delivered", () => {
    const story = new Story(f).paid().ship(["A", 1]);
    expect(story.refund(lines(["A", 2], ["B", 1]))).toBe(4_000);
    expect(story.told).toEqual(["shipped", "partially_refunded"]);
    story.deliver();
    expect(story.told).toEqual(["delivered", "partially_refunded"]);
  });

  test("4: what is under way is delivered, whatever was refunded", () => {
    const story = new Story(f).paid().ship();
    expect(story.refund()).toBe(5_500);
    expect(story.told).toEqual(["refunded", "refunded"]);
    story.deliver();
    expect(story.told).toEqual(["refunded", "refunded"]);
    expect(countOf(story.order.book, "A", "kept")).toBe(3);
  });

  test("5: what has not left is cancelled, and the shipping kept", () => {
    const story = new Story(f).paid().ship(["A", 1]);
    expect(story.cancel()).toBe(4_000);
    expect(story.told).toEqual(["shipped", "partially_refunded"]);
  });

  test("6: cancelled piece by piece, the shipping goes back with the last", () => {
    const story = new Story(f).paid();
    const one = () => story.cancel(lines(["A", 1]));
    expect([one(), one(), story.cancel()]).toEqual([1_000, 1_000, 3_500]);
    expect(story.told).toEqual(["cancelled", "refunded"]);
  });

  test("6, with the money kept: it can be given back later", () => {
    const story = new Story(f).paid();
    expect(story.cancel({ credit: "none" })).toBe(0);
    expect(story.told).toEqual(["cancelled", "paid"]);
    expect(story.refund()).toBe(5_500);
    expect(story.told).toEqual(["cancelled", "refunded"]);
  });

  test("9: all of it refunded before it leaves", () => {
    const story = new Story(f).paid();
    expect(story.refund()).toBe(5_500);
    expect(story.told).toEqual(["refunded", "refunded"]);
    story.refused(() => story.ship());
  });

  test("11: cash of each parcel is booked when it arrives", () => {
    const story = new Story(f, { method: "cod" });
    story.ship(["A", 3]).deliver();
    expect(story.order.book).toMatchObject({ captured: 3_500 });
    expect(story.told).toEqual(["processing", "pending"]);
    story.ship().deliver();
    expect(story.order.book).toMatchObject({ captured: 5_500 });
    expect(story.told).toEqual(["delivered", "paid"]);
  });

  test("11, with parcels side by side: none collects what another does or has", () => {
    const story = new Story(f, { method: "cod" }).ship(["A", 3]);
    const cash = () =>
      story.events.flatMap(({ type, data }) => (type === "ShipmentDispatched" ? [data.cashDue] : []));
    story.do("Deliver", {});
    story.ship(["B", 1]);
    expect(cash()).toEqual([3_500, 2_000]);
    story.refused(() => story.deliver({ shipmentId: story.lastShipment, cash: 2_001 }), "at most 2000");
  });

  test("12: a parcel refused at the door is taken back and cancelled", () => {
    const story = new Story(f, { method: "cod" }).ship().fail("refused");
    expect(story.told).toEqual(["processing", "pending"]);
    story.back({ sku: "A", sellable: 3, damaged: 0 }, { sku: "B", sellable: 0, damaged: 1 });
    story.refused(() => story.back({ sku: "A", sellable: 1, damaged: 0 }), "at most 0 of A");
    expect(story.cancel()).toBe(0);
    expect(story.told).toEqual(["cancelled", "pending"]);
    expect(story.order.book).toMatchObject({ due: 0, captured: 0 });
  });

  test("14: what is refused of a parcel is not collected", () => {
    const parcel = () => new Story(f, { method: "cod" }).ship(["A", 3]);
    const cashOf = ({ events }: Story) =>
      events.flatMap(({ type, data }) =>
        type === "ShipmentDelivered" && data.cash ? [data.cash.amount] : [],
      );
    const first = parcel();
    first.deliver({ shipmentId: first.lastShipment, ...lines(["A", 2]) }).fail("refused");
    const then = parcel().fail("refused", ["A", 1]).deliver();
    const said = parcel().fail("refused", ["A", 1]);
    said.deliver({ shipmentId: said.lastShipment, cash: 2_400 });
    expect([first, then, said].map(cashOf)).toEqual([[2_500], [2_500], [2_400]]);
    for (const { book } of [first.order, then.order])
      expect([countOf(book, "A", "kept"), countOf(book, "A", "failed")]).toEqual([2, 1]);
  });

  test("15: what cannot be delivered is cancelled, and all of it goes back", () => {
    const story = new Story(f).paid().ship().fail("undeliverable");
    expect(story.cancel()).toBe(5_500);
    expect(story.told).toEqual(["cancelled", "refunded"]);
    story.back({ sku: "A", sellable: 3, damaged: 0 });
  });

  test("16: what is lost is sent once more", () => {
    const story = new Story(f).paid().ship().fail("lost", ["A", 3]).deliver();
    expect(story.told).toEqual(["processing", "paid"]);
    story.refused(() => story.ship());
    story.reship(lines(["A", 2]));
    story.refused(() => story.reship(lines(["A", 2])), "at most 1 of A");
    story.reship().ship().deliver();
    expect(story.told).toEqual(["delivered", "paid"]);
  });

  test("17: tax goes back with its piece, and no fourth piece of three", () => {
    const story = new Story(g, { tax: added19 }).paid().ship().deliver();
    for (let times = 0; times < 3; times++) {
      expect(story.refund(lines(["A", 1]))).toBe(1_190);
      expect(story.credit()).toMatchObject({ goods: 1_000, tax: 190 });
    }
    story.refused(() => story.refund(lines(["A", 1])), "at most 0 of A");
  });

  test("17, tax added and shipping: what can still be refunded is told in its parts", () => {
    const story = new Story(g, { tax: added19 });
    const all = {
      lines: [{ quantity: 3, goods: 3_000, tax: 570, total: 3_570 }],
      shipping: 595,
      shippingTax: 95,
    };
    expect(refundableIn(story.order.book)).toEqual({ ...all, total: 4_165, payout: 0 });
    story.paid().refund(lines(["A", 1]));
    const line = { quantity: 2, goods: 2_000, tax: 380, total: 2_380 };
    expect(refundableIn(story.order.book)).toEqual({ ...all, lines: [line], total: 2_975, payout: 2_975 });
    expect(refundableIn({ ...story.order.book, confirmed: false })).toMatchObject({ total: 0, payout: 0 });
  });

  test("18: shares add up to the line", () => {
    const story = new Story([{ sku: "A", quantity: 3, unitPrice: 334, discount: 2 }]).paid();
    const one = () => story.refund(lines(["A", 1]));
    expect([one(), one(), one() - 500]).toEqual([333, 334, 333]);
  });

  test("19: a discount is not given back as money", () => {
    const tax: TaxSettings = { ...noTax, rateBp: 2_000 };
    const story = new Story([{ sku: "A", quantity: 10, unitPrice: 2_390, discount: 5_975 }], {
      tax,
      shipping: 0,
    }).paid();
    expect(story.refund()).toBe(17_925);
    expect(story.told).toEqual(["refunded", "refunded"]);
  });

  test("20: shipping goes back by itself, with its tax", () => {
    const story = new Story(g, { tax: added19 }).paid().ship().deliver();
    story.refund(lines(["A", 3]));
    expect(story.refund({ shipping: true })).toBe(595);
    expect(story.credit()).toEqual({ goods: 0, tax: 0, shipping: 500, shippingTax: 95, amount: 595 });
    expect(story.told).toEqual(["refunded", "refunded"]);
  });

  test("22: goodwill has its tax inside, and is not given back again with the pieces", () => {
    const story = new Story(g, { tax: added19 }).paid().ship().deliver();
    expect(story.refund({ amount: 357 })).toBe(357);
    expect(story.credit()).toMatchObject({ goods: 300, tax: 57 });
    expect(story.refund(lines(["A", 3]))).toBe(3_213);
  });

  test("25: what the gateway refuses is asked for again", () => {
    const story = new Story(f).paid().ship();
    expect(story.refund({ amount: 300 }, "refused")).toBe(0);
    expect(story.told).toEqual(["shipped", "paid"]);
    expect(story.order.book).toMatchObject({ due: 5_500, refunded: 0, payouts: [] });
    expect(story.refund({ amount: 300 })).toBe(300);
  });

  test("25, of goodwill: what it was on lines that were refunded since stays credited, and is owed", () => {
    const story = new Story(f).paid();
    const why = { reason: "r", cause: "goodwill" } as const;
    story.do("Refund", { refundId: "good", amount: 777, ...why });
    story.do("Refund", { refundId: "b", ...lines(["B", 1]), ...why });
    story.do("WithdrawCredit", { refundId: "good", amount: 777, reason: "r" });
    const { book } = story.order;
    expect([book.due, netOf(book)]).toEqual([3_500, 3_811]);
  });

  test("26: two refunds cannot give back more than there is", () => {
    const story = new Story(f).paid();
    const ask = (refundId: string) =>
      story.do("Refund", { refundId, reason: "r", cause: "goodwill", amount: 3_000 });
    ask("f-1");
    story.refused(() => ask("f-2"), "at most 2500");
  });

  test("32: what is paid for may leave, and no more", () => {
    const story = new Story(f, { method: "bank_transfer" });
    story.do("MarkPaid", { amount: 2_000 });
    story.refused(() => story.ship(["A", 2]), "500 USD");
    story.ship(["A", 1]);
    expect(story.told).toEqual(["processing", "pending"]);
  });

  test("33: one of two announced pieces comes, and the return is closed", () => {
    const story = new Story(f).paid().ship().deliver().announce(2);
    expect(story.receive({ sku: "A", sellable: 1 })).toBe(1_000);
    expect(story.returned()).toEqual(["partly_received", 0, 1, 1]);
    story.do("CloseReturn", { returnId: "r-1" });
    expect(story.returned()).toEqual(["closed", 0, 0, 2]);
    expect(story.do("CloseReturn", { returnId: "r-1" })).toEqual([]);
  });

  test("34, 36: no more comes back than was announced, nor anything of what is under way", () => {
    const story = new Story(f).paid().ship();
    story.refused(() => story.announce(1), "at most 0 of A");
    story.deliver().announce(2);
    story.refused(() => story.receive({ sku: "A", quantity: 3 }), "at most 2 of A");
  });

  test("35: what inspection rejects stays the customer's, who may announce it again", () => {
    const story = new Story(f).paid().ship().deliver().announce(2);
    expect(story.receive({ sku: "A", quantity: 2 })).toBe(0);
    expect(story.returned()).toEqual(["partly_received", 2, 0, 1]);
    expect(story.inspect({ sku: "A", sellable: 1, rejected: 1 })).toBe(1_000);
    expect(story.returned()).toEqual(["closed", 0, 0, 2]);
    story.refused(() => story.inspect({ sku: "A", sellable: 1 }));
    story.announce(2, "r-2");
  });

  test("38: a fee is kept of what comes back, and nothing is given back where that is said", () => {
    const story = new Story(f).paid().ship().deliver().announce(1);
    story.refused(() => story.receive({ sku: "A", sellable: 1 }, { fee: 1_001 }), "more than");
    story.refused(() => story.receive({ sku: "A", sellable: 1 }, { fee: 1, refund: "none" }));
    expect(story.receive({ sku: "A", sellable: 1 }, { fee: 400 })).toBe(600);
    expect(story.order.book).toMatchObject({ due: 4_900, fees: 400 });
    story.announce(1, "r-2");
    expect(story.receive({ sku: "A", sellable: 1 }, { refund: "none", returnId: "r-2" })).toBe(0);
    expect(countOf(story.order.book, "A", "sellable")).toBe(2);
    expect(story.refund()).toBe(4_500);
    expect(story.told).toEqual(["delivered", "partially_refunded"]);
  });

  test("a return is withdrawn while nothing of it has come", () => {
    const story = new Story(f).paid().ship().deliver().announce(2);
    story.do("WithdrawReturn", { returnId: "r-1" });
    expect(story.returned()).toEqual(["withdrawn", 0, 0, 3]);
    story.refused(() => story.receive({ sku: "A", quantity: 1 }), "withdrawn");
    story.announce(1, "r-2").receive({ sku: "A", quantity: 1 }, { returnId: "r-2" });
    story.refused(() => story.do("WithdrawReturn", { returnId: "r-2" }));
  });

  test("what was refunded before it came back is not refunded again", () => {
    const story = new Story(f).paid().ship().deliver();
    expect(story.refund(lines(["A", 3]))).toBe(3_000);
    story.announce(1);
    expect(story.receive({ sku: "A", sellable: 1 })).toBe(0);
  });

  test("49: what 0.1 had refunded in full and kept promised is brought to an end", () => {
    const story = new Story(f).paid().ship(["A", 1]);
    const data = { refundId: "f-1", currency: "USD", amount: 4_000, goods: 4_000 };
    const event = { ...data, cause: "goodwill" as const, full: false };
    story.state = order.evolve.OrderRefunded(story.state, event, { time: 0 });
    expect(story.told).toEqual(["processing", "partially_refunded"]);
    expect(story.cancel({ credit: "none" })).toBe(0);
    expect(story.told).toEqual(["shipped", "partially_refunded"]);
  });
});

describe("what is cancelled or refunded", () => {
  test("names a line where a SKU has several", () => {
    const story = new Story([...f, { sku: "A", quantity: 1, unitPrice: 700 }]).paid();
    expect(story.refund({ lines: [{ lineId: 3, quantity: 1 }] })).toBe(700);
    story.refused(() => story.cancel({ lines: [{ lineId: 3, quantity: 1 }] }), "at most 0 of line 3");
    expect(() => story.cancel({ lines: [{ lineId: 4, quantity: 1 }] })).toThrow(/no line/);
    expect(() => story.cancel(lines(["C", 1]))).toThrow(/no SKU/);
  });

  test("keeps pieces that have left, with `of`, though others have not", () => {
    const story = new Story(f).paid().ship(["A", 1]);
    expect(story.refund({ ...lines(["A", 1]), of: "delivered" })).toBe(1_000);
    expect(countOf(story.order.book, "A", "toShip")).toBe(2);
    story.refused(() => story.refund({ ...lines(["A", 1]), of: "delivered" }), "at most 0 of A");
  });

  test("stays owed where a gateway refuses it for pieces that are not sent, and is paid when asked again", () => {
    const story = new Story(f).paid();
    story.refund(lines(["A", 2]), "refused");
    expect(story.order.book).toMatchObject({ due: 3_500, captured: 5_500, refunded: 0 });
    story.refused(() => story.ship(["A", 2]));
    story.ship();
    expect(story.refund({ amount: 100 })).toBe(2_100);
    story.refund({}, "refused");
    expect(story.told).toEqual(["shipped", "partially_refunded"]);
  });

  test("keeps the money of a cancellation that says so, and only money that there is", () => {
    const story = new Story(f).paid();
    expect(story.cancel({ credit: "none" })).toBe(0);
    expect(story.told).toEqual(["cancelled", "paid"]);
    const unpaid = new Story(f, { method: "cod" });
    unpaid.refused(() => unpaid.cancel({ credit: "none" }), "nothing was paid");
  });

  test("before it was paid is not paid, and what is captured beyond it goes back", () => {
    const story = new Story(f);
    expect(story.cancel(lines(["B", 1]))).toBe(0);
    story.paid();
    expect(story.order.book.payouts).toEqual([["excess-p-1-1", 2_000]]);
    expect(story.settle("done")).toBe(2_000);
    story.ship().deliver();
    expect(story.told).toEqual(["delivered", "partially_refunded"]);
  });

  test("and comes to nothing on its way though it was refunded, is neither sent again nor cancelled", () => {
    const story = new Story(f).paid().ship(["A", 2]);
    expect(story.refund({ ...lines(["A", 1]), of: "delivered" })).toBe(1_000);
    story.fail("lost");
    expect(
      ["cancelled", "failed", "toShip"].map((each) => countOf(story.order.book, "A", each as "failed")),
    ).toEqual([1, 1, 1]);
    expect(story.cancel()).toBe(4_500);
    expect(story.told).toEqual(["cancelled", "refunded"]);
  });

  test("is more of shipping than there is left, or nothing at all: refused", () => {
    const story = new Story(f).paid().ship().deliver();
    story.refused(() => story.refund({ shipping: 501 }), "at most 500");
    expect(story.refund({ shipping: 200 })).toBe(200);
    expect(story.refund({ shipping: true })).toBe(300);
    story.refused(() => story.refund({ shipping: true }), "no shipping");
    expect(story.refund()).toBe(5_000);
    story.refused(() => story.refund(), "nothing is left");
    story.refused(() => story.refund({ amount: 1 }), "at most 0");
  });
});

const c = (unitPrice: number): Asked => ({ sku: "C", quantity: 1, unitPrice });

describe("an exchange", () => {
  test("40: holds the new piece until the old one was inspected; the difference goes back or is to be paid", () => {
    for (const [price, back, owing] of [
      [1_000, 0, 0],
      [700, 300, 0],
      [1_300, 0, 300],
    ] as const) {
      const story = new Story(f).paid().ship().deliver();
      expect(story.exchange([c(price)])).toBe(0);
      expect(story.told[0]).toBe("processing");
      story.refused(() => story.ship(["C", 1]), "have still to be paid");
      expect(story.receive({ sku: "A", sellable: 1 })).toBe(back);
      if (owing > 0) {
        story.refused(() => story.ship(["C", 1]), `${owing} USD`);
        story.do("MarkPaid", { amount: owing, paymentId: "p-2" });
      }
      story.ship(["C", 1]).deliver();
      expect(story.told[0]).toBe("delivered");
      expect(story.order.book).toMatchObject({ due: 4_500 + price });
    }
  });

  test("in advance sends the new piece at once, and asks for the old one again when it does not come", () => {
    const story = new Story(f).paid().ship().deliver();
    const advanceBy = new Date(30).toISOString();
    expect(story.exchange([c(700), c(700)], { quantity: 2, advanceBy })).toBe(600);
    story.ship(["C", 2]);
    expect(story.receive({ sku: "A", sellable: 1 })).toBe(0);
    story.now = 29;
    expect(story.do("EndAdvances", {})).toEqual([]);
    story.now = 30;
    story.do("EndAdvances", {});
    expect(story.returned()).toEqual(["closed", 0, 0, 2]);
    expect(story.order.book).toMatchObject({ due: 5_500 - 2_000 + 1_400 + 1_000, refunded: 600 });
    expect(story.do("EndAdvances", {})).toEqual([]);
  });

  test("in advance of what is then rejected asks for it again", () => {
    const story = new Story(f).paid().ship().deliver();
    story.exchange([c(1_000)], { advanceBy: new Date(30).toISOString() });
    expect(story.order.book).toMatchObject({ due: 5_500 });
    story.receive({ sku: "A", rejected: 1 });
    expect(story.order.book).toMatchObject({ due: 6_500 });
    story.now = 30;
    expect(story.do("EndAdvances", {}).map(({ type }) => type)).toEqual(["EffectsApplied"]);
    expect(story.order.book).toMatchObject({ due: 6_500 });
  });
});

describe("an edit", () => {
  test("41: adds at the price of now, which is paid before the last piece leaves, and takes off again", () => {
    const story = new Story(f).paid();
    story.edit({ add: [c(800)] });
    expect(story.told).toEqual(["confirmed", "pending"]);
    expect(story.order.totals).toMatchObject({ subtotal: 5_800, total: 6_300 });
    story.ship(["A", 3], ["B", 1]);
    story.refused(() => story.ship(["C", 1]), "800 USD");
    expect(story.edit({ remove: [{ sku: "C", quantity: 1 }] })).toBe(0);
    expect(story.told).toEqual(["shipped", "paid"]);
  });

  test("42: that removes a line leaves the discounts of the others", () => {
    const story = new Story([
      { sku: "A", quantity: 2, unitPrice: 1_000, discount: 300 },
      { sku: "B", quantity: 1, unitPrice: 2_000, discount: 500 },
    ]).paid();
    expect(story.edit({ remove: [{ sku: "B", quantity: 1 }] })).toBe(1_500);
    expect(story.order.book).toMatchObject({ due: 2_200 });
    expect(story.refund(lines(["A", 1]))).toBe(850);
  });

  test("44: pays back what another way of sending costs less, and asks for what it costs more", () => {
    const story = new Story(g, { tax: added19, shipping: 1_500 }).paid();
    expect(story.edit({ shipping: 0 })).toBe(1_785);
    expect(story.order).toMatchObject({ shippingMethod: "other", book: { due: 3_570, shipping: 0 } });
    story.edit({ shipping: 500 });
    expect(story.order.book).toMatchObject({ due: 4_165, shipping: 500, shippingTax: 95 });
    story.refused(() => story.ship(), "595 USD");
    // What was given back already is not given back again.
    story.do("MarkPaid", { amount: 595, paymentId: "p-2" });
    expect(story.refund({ shipping: 295 })).toBe(295);
    expect(story.edit({ shipping: 0 })).toBe(300);
  });

  test("is one of pieces that are left, accepts its total, and never takes all of them", () => {
    const story = new Story(f).paid();
    const swap = { add: [c(500)], remove: [{ sku: "A", quantity: 1 }] };
    expect(() => story.edit({ ...swap, acceptedTotal: 5_500 })).toThrow(
      expect.objectContaining({ code: "price_changed" }),
    );
    expect(story.edit({ ...swap, acceptedTotal: 5_000 })).toBe(500);
    const all = { remove: lines(["A", 2], ["B", 1], ["C", 1]).lines };
    story.refused(() => story.edit(all), "cancelled, not edited");
    story.refused(() => story.edit({ remove: [{ sku: "A", quantity: 3 }] }), "at most 2 of A");
    story.refused(() => story.edit({}), "nothing is changed");
    story.ship();
    expect(() => story.edit({ add: [c(1)] })).toThrow("shipped");
  });

  test("is not made with pieces that stock has not promised", () => {
    const story = new Story(f).paid();
    const bare = { editId: "e", add: story.priced([c(1)]) };
    story.refused(() => story.do("Edit", bare), "promised nothing");
    story.do("RequestEdit", { editId: "e", adds: [c(1)] });
    story.do("RefuseEdit", { editId: "e", refusal: { code: "out_of_stock", detail: "d", extras: {} } });
    expect(() => story.do("Edit", bare)).toThrow(expect.objectContaining({ code: "out_of_stock" }));
    expect([...story.order.openEffects]).toEqual(["unclaim/e"]);
  });
});

describe("a refund that comes to nothing after others had gone on", () => {
  test("asks for no piece that is gone, and for goodwill only where there are pieces for it", () => {
    const lost = new Story(f).paid().ship();
    lost.refund(lines(["B", 1]), "later");
    lost.fail("lost");
    lost.settle("refused");
    expect(lost.cancel()).toBe(3_500 + 2_000);
    expect(lost.order.book).toMatchObject({ due: 0 });

    const back = new Story(f).paid().ship().deliver();
    back.refund(lines(["A", 1]), "later");
    back.announce(3);
    back.do("ReceiveReturn", { returnId: "r-1", receiptId: "i-1", lines: [{ sku: "A", sellable: 3 }] });
    back.settle("refused");
    expect(back.order.book).toMatchObject({ due: 2_500, refunded: 0 });
    expect(back.refund({ amount: 100 })).toBe(3_100);

    const gone = new Story(g).paid();
    gone.refund({ amount: 1_000 }, "later");
    gone.cancel();
    expect(gone.order.book).toMatchObject({ due: 0 });
  });

  test("in advance of an exchange is owed, and the return stays credited", () => {
    const story = new Story(f).paid().ship().deliver();
    const returnId = "r-1";
    story.do("RequestEdit", { editId: returnId, adds: [c(700)] });
    const returns = [{ sku: "A", quantity: 1 }];
    const advanceBy = new Date(30).toISOString();
    story.do("Exchange", { returnId, returns, add: story.priced([c(700)]), advanceBy });
    story.settle("refused");
    expect(story.order.book).toMatchObject({ due: 5_200, captured: 5_500, refunded: 0 });
    story.ship(["C", 1]);
    story.receive({ sku: "A", sellable: 1 });
    const again = { refundId: "again", failed: `advance-${returnId}` };
    story.do("RetryRefund", again);
    expect(story.settle("done")).toBe(300);
  });
});

describe("whatever is asked of an order (10)", () => {
  const asked = fc.record({
    sku: fc.constantFrom("A", "B", "C"),
    quantity: fc.integer({ min: 1, max: 4 }),
    unitPrice: fc.integer({ min: 0, max: 999 }),
  });
  const line = asked.chain((each) =>
    fc.integer({ min: 0, max: each.quantity * each.unitPrice }).map((discount) => ({ ...each, discount })),
  );
  const some = fc.array(
    fc.oneof(
      fc.record({ lineId: fc.integer({ min: 1, max: 4 }), quantity: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ sku: fc.constantFrom("A", "B", "C"), quantity: fc.integer({ min: 1, max: 3 }) }),
    ),
    { minLength: 1, maxLength: 3 },
  );
  const money = fc.integer({ min: 1, max: 3_000 });
  const refundWhat = fc.oneof(
    fc.record({ lines: some, of: fc.constantFrom(undefined, "delivered" as const) }),
    fc.record({ amount: money }),
    fc.record({ shipping: fc.oneof(fc.constant(true as const), money) }),
    fc.record({ lines: some, shipping: fc.constant(true as const) }),
    fc.constant({}),
  );
  type Step = (story: Story) => unknown;
  const step: fc.Arbitrary<Step> = fc.oneof(
    refundWhat.map(
      (what): Step =>
        (story) =>
          story.refund(what),
    ),
    refundWhat.map(
      (what): Step =>
        (story) =>
          story.refund(what, "refused"),
    ),
    fc.tuple(fc.option(some, { nil: undefined }), fc.constantFrom(undefined, "none" as const)).map(
      ([lines, credit]): Step =>
        (story) =>
          story.cancel({ lines, credit }),
    ),
    fc.constant<Step>((story) => story.paid()),
    fc.array(fc.tuple(fc.constantFrom("A", "B", "C"), fc.integer({ min: 1, max: 2 })), { maxLength: 2 }).map(
      (lines): Step =>
        (story) =>
          story.ship(...lines),
    ),
    fc.constant<Step>((story) => story.deliver()),
    fc.option(some, { nil: undefined }).map(
      (lines): Step =>
        (story) => {
          story.deliver({ shipmentId: story.lastShipment, lines });
        },
    ),
    fc
      .tuple(
        fc.constantFrom("refused" as const, "lost" as const),
        fc.array(fc.tuple(fc.constantFrom("A", "B", "C"), fc.integer({ min: 1, max: 2 })), { maxLength: 2 }),
      )
      .map(
        ([outcome, lines]): Step =>
          (story) =>
            story.fail(outcome, ...lines),
      ),
    fc.constantFrom("A", "B", "C").map(
      (sku): Step =>
        (story) =>
          story.back({ sku, sellable: 1, damaged: 0 }),
    ),
    fc.option(some, { nil: undefined }).map(
      (lines): Step =>
        (story) =>
          story.reship({ lines }),
    ),
    refundWhat.map(
      (what): Step =>
        (story) =>
          story.refund(what, "later"),
    ),
    fc.constantFrom("done" as const, "refused" as const).map(
      (gateway): Step =>
        (story) =>
          story.settle(gateway),
    ),
    fc.tuple(some, fc.constantFrom("sellable" as const, "rejected" as const)).map(
      ([lines, finding]): Step =>
        (story) => {
          const [line] = lines;
          if (!line) return;
          const { quantity, ...named } = line;
          story.do("ReceiveReturn", {
            returnId: "r-1",
            receiptId: `late-${story.events.length}`,
            lines: [{ ...named, [finding]: quantity }],
          });
        },
    ),
    fc.array(line, { maxLength: 2 }).chain((add) =>
      fc.tuple(fc.option(some, { nil: undefined }), fc.constantFrom(undefined, 0, 300, 900)).map(
        ([remove, shipping]): Step =>
          (story) =>
            story.edit({ add, remove, ...(shipping !== undefined && { shipping }) }),
      ),
    ),
    fc.tuple(fc.array(line, { minLength: 1, maxLength: 2 }), fc.constantFrom(undefined, "1970-01-01")).map(
      ([add, advanceBy]): Step =>
        (story) =>
          story.exchange(add, { ...(advanceBy && { advanceBy }) }),
    ),
    fc.constant<Step>((story) => story.do("EndAdvances", {})),
    fc.constant<Step>((story) => story.do("CloseReturn", { returnId: "r-1" })),
    fc.tuple(fc.constantFrom("r-1", "r-2"), fc.constantFrom("A", "B", "C")).map(
      ([returnId, sku]): Step =>
        (story) => {
          story.do("RequestReturn", { returnId, lines: [{ sku, quantity: 1 }] });
          story.do("ApproveReturn", { returnId });
          story.do("ReceiveReturn", { returnId, receiptId: `i-${returnId}`, lines: [{ sku, quantity: 1 }] });
        },
    ),
  );

  /** Of all that is left, as refunding it now would credit and pay it. */
  function refundedNow({ state }: Story): { total: number; payout: number } {
    const all = { refundId: "all", reason: "r", cause: "goodwill" } as const;
    try {
      const credit = order.decide.Refund(state, all).find(({ type }) => type === "OrderCredited");
      if (credit?.type !== "OrderCredited") throw new Error("nothing was credited");
      return { total: credit.data.amount, payout: credit.data.payout };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return { total: 0, payout: 0 };
    }
  }

  test("both equations hold, and only the table's pairs of statuses occur", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(
        fc.array(line, { minLength: 1, maxLength: 4 }),
        fc.record({
          tax: fc.record({
            rateBp: fc.constantFrom(0, 700, 1_900),
            included: fc.boolean(),
            per: fc.constantFrom("line" as const, "total" as const),
            rounding: fc.constant("half_up" as const),
          }),
          shipping: fc.constantFrom(0, 500),
          method: fc.constantFrom("credit_card", "cod"),
        }),
        fc.array(step, { maxLength: 25 }),
        (lines, options, steps) => {
          const story = new Story(lines, options);
          for (const run of steps) {
            try {
              run(story);
            } catch (error) {
              if (!(error instanceof Problem)) throw error;
            }
            const { book, status, paymentStatus } = story.order;
            checked(book);
            expect(tablePairs[status], status).toContain(paymentStatus);
            const left = leftOf(book);
            expect(left.lines.reduce((sum, each) => sum + each, left.shipping) + book.fees).toBe(book.due);
            expect(refundableIn(book)).toMatchObject(refundedNow(story));
          }
        },
      ),
      { numRuns: process.env.CI ? 10_000 : 1_000 },
    );
  });
});
