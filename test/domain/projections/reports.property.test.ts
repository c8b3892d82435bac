import fc from "fast-check";
import { expect, test } from "vitest";
import { isOver } from "../../../commands/order/book.ts";
import { order } from "../../../commands/order/order.ts";
import type { Order } from "../../../commands/order/state.ts";
import { catalogProjection } from "../../../projections/catalog/catalog.ts";
import { categorySales, categorySalesProjection } from "../../../projections/sales/category-sales.ts";
import { funnel, funnelProjection } from "../../../projections/sales/funnel.ts";
import { productSales, productSalesProjection } from "../../../projections/sales/product-sales.ts";
import { salesByPeriod, salesProjection } from "../../../projections/sales/sales.ts";
import type { AnyProjection } from "../../../src/engine/projection.ts";
import { allocate } from "../../../src/values/money.ts";
import { Problem } from "../../../src/values/problem.ts";
import { documentsOf, Log, project, type ShopData, type ShopEvent } from "./support.ts";

const zone = "Europe/London";
const currency = "GBP";
const hour = 3_600_000;
/** Two days before the clocks change. */
const starts = [
  ["forward", Date.parse("2011-03-25T12:00:00Z")],
  ["back", Date.parse("2011-10-28T12:00:00Z")],
] as const;
const skus = ["mug", "cup", "__proto__"] as const;
const tax = { rateBp: 0, included: true, per: "line", rounding: "half_up" } as const;

const lineArbitrary = fc.record({
  sku: fc.constantFrom(...skus),
  category: fc.constantFrom("kitchen", "gifts"),
  quantity: fc.integer({ min: 1, max: 4 }),
  revenue: fc.integer({ min: 0, max: 1000 }),
});
const actions = ["confirm", "pay", "ship", "cancel", "return", "refund", "credit", "withdraw"] as const;
const orderArbitrary = fc.record({
  // One line per SKU: which of several lines of one SKU comes back first is no matter of this test.
  lines: fc.uniqueArray(lineArbitrary, { minLength: 1, maxLength: 3, selector: ({ sku }) => sku }),
  actions: fc.uniqueArray(fc.constantFrom(...actions), { maxLength: 8 }),
  gaps: fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 10, maxLength: 10 }),
  started: fc.boolean(),
});
type OrderPlan = typeof orderArbitrary extends fc.Arbitrary<infer T> ? T : never;

/** Sums as a reader of the log would make them with pen and paper. */
class Sums extends Map<string, number> {
  add(key: string, amount: number): void {
    this.set(key, (this.get(key) ?? 0) + amount);
  }
  shown(): Record<string, number> {
    return Object.fromEntries([...this].filter(([, amount]) => amount !== 0).sort());
  }
}

function dayIn(time: number): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" }).format(time);
}

function placedOf(id: string, { lines }: OrderPlan): ShopData<"OrderPlaced"> {
  const total = lines.reduce((sum, { revenue }) => sum + revenue, 0);
  return {
    number: id,
    cartId: id,
    paymentId: id,
    paymentMethod: "cod",
    currency,
    lines: lines.map(({ revenue, ...line }) => {
      return {
        ...line,
        productId: line.sku,
        name: line.sku,
        unitPrice: 0,
        subtotal: revenue + 7,
        discount: 7,
        tax: 0,
        total: revenue,
      };
    }),
    totals: { subtotal: total, discount: 0, shipping: 0, tax: 0, total },
    tax,
    shippingMethod: "standard",
  };
}

/** What a reader has noted of a line: pieces and goods that are left. */
interface NotedLine {
  sku: string;
  category: string;
  units: number;
  revenue: number;
}

/** Adds an order to the log, and what it is worth to the sums. */
function add(log: Log, sums: Sums, id: string, start: number, plan: OrderPlan): void {
  const { gaps } = plan;
  const time = start + (gaps[0] ?? 0) * hour;
  const opened = dayIn(time);
  log.add(`cart-${id}`, time, "CartOpened", { currency, expiresAt: "" });
  sums.add(`${opened} carts_opened`, 1);
  if (!plan.started) return;
  const placedAt = time + (gaps[1] ?? 0) * hour;
  log.add(`order-${id}`, placedAt, "OrderPlaced", placedOf(id, plan));
  for (const step of ["carts_with_items", "checkouts_started", "orders_placed"])
    sums.add(`${opened} ${step}`, 1);
  new Reader(log, sums, id, plan).go(placedAt, () => sums.add(`${opened} orders_confirmed`, 1));
}

/** Takes an order through its actions, and notes what each changes. */
class Reader {
  private readonly log: Log;
  private readonly sums: Sums;
  private readonly stream: string;
  private readonly plan: OrderPlan;
  private readonly lines: [NotedLine, ...NotedLine[]];
  private readonly gross: number;
  private time = 0;
  private isConfirmed = false;
  private isCounted = false;
  private isCancelled = false;
  private credited: ShopData<"OrderCredited">["lines"][number] | undefined;

  constructor(log: Log, sums: Sums, id: string, plan: OrderPlan) {
    this.log = log;
    this.sums = sums;
    this.stream = `order-${id}`;
    this.plan = plan;
    this.lines = plan.lines.map(({ quantity: units, ...line }) => ({ ...line, units })) as [NotedLine];
    this.gross = this.left();
  }

  go(placedAt: number, confirmed: () => void): void {
    this.time = placedAt;
    for (const [index, action] of this.plan.actions.entries()) {
      if (this.isCancelled) return;
      this.time += (this.plan.gaps[index + 2] ?? 0) * hour;
      this[action]();
      if (action === "confirm") confirmed();
    }
  }

  confirm(): void {
    const { lines } = this.plan;
    const sold = lines.map((line) => ({ ...line, productId: line.sku, name: line.sku }));
    const units = lines.reduce((sum, { quantity }) => sum + quantity, 0);
    this.log.add(this.stream, this.time, "OrderConfirmed", {
      currency,
      lines: sold,
      units,
      gross: this.gross,
    });
    this.note("orders", 1);
    this.note("gross", this.gross);
    this.isConfirmed = true;
  }

  pay(): void {
    this.log.add(this.stream, this.time, "OrderPaid", { amount: this.gross });
    this.count();
  }

  ship(): void {
    const shipment = { shipmentId: "s", lines: [], complete: true };
    this.log.add(this.stream, this.time, "ShipmentDispatched", shipment);
    this.count();
  }

  /** As version 0.1 did, or before it is confirmed. */
  cancel(): void {
    const goods = this.isConfirmed ? this.left() : 0;
    this.log.add(this.stream, this.time, "OrderCancelled", { reason: "-", currency, goods });
    this.note("refunds", goods);
    for (const line of this.lines) this.take(line, line.units, line.revenue);
    this.isCancelled = true;
  }

  /** As version 0.1 received it: its money goes back, if at all, by a refund. */
  return(): void {
    const [line] = this.lines;
    if (!this.isCounted || line.units === 0) return;
    const lines = [{ sku: line.sku, sellable: 1, damaged: 0 }];
    this.log.add(this.stream, this.time, "ReturnReceived", { returnId: "r", lines });
    this.take(line, 1, 0);
  }

  /** As version 0.1 did: nothing has credited it. */
  refund(): void {
    const goods = Math.min(3, this.left());
    const refund = { refundId: "f", amount: 9, goods, cause: "goodwill", full: false } as const;
    this.log.add(this.stream, this.time, "OrderRefunded", { ...refund, currency });
    this.note("refunds", goods);
    const parts = allocate(
      goods,
      this.lines.map(({ revenue }) => revenue),
    );
    for (const [index, line] of this.lines.entries()) this.take(line, 0, parts[index] ?? 0);
  }

  /** A piece that its customer keeps. */
  credit(): void {
    const [{ units, revenue }] = this.lines;
    if (units === 0) return;
    this.credited = { lineId: 1, quantity: 1, goods: Math.floor(revenue / units), tax: 0, kept: true };
    const credit = { ...creditOf(this.credited), cause: "goodwill", payout: 0 } as const;
    this.log.add(this.stream, this.time, "OrderCredited", credit);
    this.note("refunds", this.credited.goods);
    this.take(this.lines[0], 1, this.credited.goods);
  }

  withdraw(): void {
    if (!this.credited) return;
    this.log.add(this.stream, this.time, "CreditWithdrawn", creditOf(this.credited));
    this.note("refunds", -this.credited.goods);
    this.take(this.lines[0], -1, -this.credited.goods);
  }

  private left(): number {
    return this.lines.reduce((sum, { revenue }) => sum + revenue, 0);
  }

  /** The first time, all that is left is sold. */
  private count(): void {
    if (this.isCounted) return;
    this.isCounted = true;
    for (const line of this.lines) this.noteLine(line, line.units, line.revenue);
  }

  private take(line: NotedLine, units: number, revenue: number): void {
    line.units -= units;
    line.revenue -= revenue;
    if (this.isCounted) this.noteLine(line, -units, -revenue);
  }

  private noteLine({ sku, category }: NotedLine, units: number, revenue: number): void {
    for (const name of [`product ${sku}`, `category ${category}`]) {
      this.note(`${name} units`, units);
      this.note(`${name} revenue`, revenue);
    }
  }

  private note(what: string, amount: number): void {
    this.sums.add(`${dayIn(this.time)} ${what}`, amount);
  }
}

function creditOf(line: ShopData<"OrderCredited">["lines"][number]): ShopData<"CreditWithdrawn"> {
  const nothing = { shipping: 0, shippingTax: 0 };
  return { creditId: "c", currency, lines: [line], ...nothing, amount: line.goods, reason: "-" };
}

function ofMonth(sums: Sums, month: string, of: string): number {
  const days = [...sums].filter(
    ([key]) => key.startsWith(month) && /^\S+ \S+$/.test(key) && key.endsWith(` ${of}`),
  );
  return days.reduce((sum, [, amount]) => sum + amount, 0);
}

async function reported(log: Log, days: readonly string[]): Promise<Sums> {
  const sums = new Sums();
  const [sales, products, categories, carts] = [
    await project(salesProjection(zone), log),
    await project(productSalesProjection(zone), log),
    await project(categorySalesProjection(zone), log),
    await project(funnelProjection(zone), log),
  ];
  for (const { period, orders, gross, refunds } of (await salesByPeriod(sales, { interval: "day" })).items) {
    sums.add(`${period} orders`, orders);
    sums.add(`${period} gross`, gross.amount);
    sums.add(`${period} refunds`, refunds.amount);
  }
  for (const day of days) {
    const query = { from: day, to: day, sort: "units", limit: 10 } as const;
    for (const { sku, units, revenue } of (await productSales(products, query)).items) {
      sums.add(`${day} product ${sku} units`, units);
      sums.add(`${day} product ${sku} revenue`, revenue.amount);
    }
    for (const { category, units, revenue } of (await categorySales(categories, query)).items) {
      sums.add(`${day} category ${category} units`, units);
      sums.add(`${day} category ${category} revenue`, revenue.amount);
    }
    for (const { step, count } of (await funnel(carts, query)).items) sums.add(`${day} ${step}`, count);
  }
  const months = (await salesByPeriod(sales, { interval: "month" })).items;
  for (const { period, gross, refunds } of months)
    for (const [of, amount] of [
      ["gross", gross.amount],
      ["refunds", refunds.amount],
    ] as const)
      expect([period, of, amount]).toEqual([period, of, ofMonth(sums, period, of)]);
  const counted = new Set(months.map(({ period }) => period));
  // What was credited and withdrawn again in one month is none of its refunds.
  for (const key of sums.keys()) {
    const [, month = "", of = ""] = /^(\S{7})\S* (gross|refunds)$/.exec(key) ?? [];
    if (of && ofMonth(sums, month, of) !== 0) expect(counted).toContain(month);
  }
  return sums;
}

test.each(starts)(
  "every report is the plain sum of the log, over the day the clocks go %s",
  {
    timeout: 60_000,
  },
  async (_, start) => {
    const days = Array.from({ length: 30 }, (_, index) => dayIn(start + index * 24 * hour));
    await fc.assert(
      fc.asyncProperty(fc.array(orderArbitrary, { maxLength: 4 }), async (plans) => {
        const [log, expected] = [new Log(), new Sums()];
        for (const [index, plan] of plans.entries()) add(log, expected, `o${index}`, start, plan);
        expect((await reported(log, days)).shown()).toEqual(expected.shown());
      }),
      { numRuns: 15 },
    );
  },
);

/** Three lines of two products; tax is added, and in none of the reports' goods. */
const basket: ShopData<"OrderPlaced"> = {
  ...placedOf("o1", { lines: [], actions: [], gaps: [], started: true }),
  lines: [line("mug", 3, 3_000, 101, 551), line("cup", 2, 999, 0, 190), line("mug", 1, 1_000, 0, 190)],
  totals: { subtotal: 4_999, discount: 101, shipping: 500, tax: 1_026, total: 6_424 },
  tax: { rateBp: 1900, included: false, per: "line", rounding: "half_up" },
  paymentMethod: "credit_card",
};

function line(sku: string, quantity: number, subtotal: number, discount: number, tax: number) {
  const amounts = { subtotal, discount, tax, total: subtotal - discount + tax, unitPrice: 0 };
  return { sku, productId: `p-${sku}`, name: sku, category: `c-${sku}`, quantity, ...amounts };
}

const lineIds = fc.integer({ min: 1, max: 4 });
const some = lineIds.map((lineId) => [{ lineId, quantity: 1 }]);
const ids = fc.constantFrom("a", "b", "c");
const withdrawals = ids.map(
  (refundId) => ["WithdrawCredit", { refundId, reason: "-", amount: 10_000 }] as const,
);
/** Commands of the order's decider, and what version 0.1 wrote. */
const orderSteps = fc.oneof(
  fc.constantFrom(1_000, 6_424).map((amount) => ["MarkPaid", { amount, captureId: `${amount}` }] as const),
  fc.tuple(ids, some).map(([shipmentId, lines]) => ["Ship", { shipmentId, lines }] as const),
  fc.constantFrom(["Ship", { shipmentId: "s" }] as const, ["Deliver", {}] as const),
  ids.map((shipmentId) => ["FailDelivery", { shipmentId, outcome: "lost" }] as const),
  fc
    .tuple(ids, fc.constantFrom("mug", "cup"))
    .map(
      ([returnId, sku]) =>
        ["RequestReturn", { returnId, lines: [{ sku, quantity: 1 }], approve: true }] as const,
    ),
  fc
    .tuple(ids, lineIds, fc.constantFrom({}, { fee: 100 }, { refund: "none" }))
    .map(
      ([returnId, lineId, how]) =>
        [
          "ReceiveReturn",
          { returnId, receiptId: `r${returnId}`, lines: [{ lineId, sellable: 1 }], ...how },
        ] as const,
    ),
  fc
    .tuple(ids, fc.oneof(some, fc.constant(undefined)), fc.constantFrom({}, { credit: "none" }))
    .map(
      ([cancelId, lines, how]) =>
        ["Cancel", { cancelId: `x${cancelId}`, reason: "-", ...(lines && { lines }), ...how }] as const,
    ),
  fc
    .tuple(
      ids,
      fc.oneof(
        some.map((lines) => ({ lines })),
        fc.constantFrom({}, { amount: 777 }, { shipping: true }),
      ),
    )
    .map(([refundId, what]) => ["Refund", { refundId, reason: "-", cause: "goodwill", ...what }] as const),
  { arbitrary: withdrawals, weight: 3 },
  fc
    .tuple(ids, fc.constantFrom(300, 3_000), fc.constantFrom("return", "goodwill"))
    .map(
      ([refundId, amount, cause]) => ["MarkRefunded", { refundId: `f${refundId}`, amount, cause }] as const,
    ),
  fc.tuple(ids, fc.boolean()).map(([editId, withLine]) => ["edit", { editId, withLine }] as const),
  ids.map((returnId) => ["receive as 0.1", { returnId }] as const),
  fc.constant(["cancel as 0.1", {}] as const),
);

type Step = readonly [name: string, command: object];

function decided(state: Order, [name, command]: Step): ShopEvent[] {
  if (name === "edit") return edited(state, command as { editId: string; withLine: boolean });
  if (name === "receive as 0.1") return receivedBefore(state, command as { returnId: string });
  if (name === "cancel as 0.1") return cancelledBefore(state);
  try {
    const decide = order.decide[name as "RequestReturn"];
    return decide(state, command as never, { now: 0 }) as ShopEvent[];
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return [];
  }
}

/** Another line, or only a way of sending that costs more. */
function edited(state: Order, { editId, withLine }: { editId: string; withLine: boolean }): ShopEvent[] {
  if (state.phase !== "placed" || isOver(state.book)) return [];
  const lines = withLine ? [line("cup", 1, 600, 50, 105)] : [];
  return [{ type: "OrderEdited", data: { editId, currency, lines, shipping: 100, shippingTax: 19 } }];
}

/** All of a return, without a receipt. */
function receivedBefore(state: Order, { returnId }: { returnId: string }): ShopEvent[] {
  const its = state.phase === "placed" ? state.returns.get(returnId) : undefined;
  if (its?.status !== "approved") return [];
  const lines = its.lines.map(({ sku, quantity }) => ({ sku, sellable: quantity, damaged: 0 }));
  return [{ type: "ReturnReceived", data: { returnId, lines } }];
}

/** All of it at once, before anything was shipped. */
function cancelledBefore(state: Order): ShopEvent[] {
  if (state.phase !== "placed" || isOver(state.book) || state.shipments.size > 0) return [];
  const goods = state.book.lines.reduce((sum, line) => sum + line.goods, 0);
  return [{ type: "OrderCancelled", data: { reason: "-", currency, goods } }];
}

test("products and categories have, on each day, what the sales have as gross less refunds", () => {
  fc.assert(
    fc.property(fc.constantFrom(500, 6_424), fc.array(orderSteps, { maxLength: 25 }), (amount, steps) => {
      const log = new Log();
      let [state, time]: [Order, number] = [{ phase: "absent" }, starts[0][1]];
      for (const sku of ["mug", "cup"])
        log.add(`claim-sku-${sku}`, time, "Claimed", { holder: `p-${sku}`, spelling: sku });
      const first: Step[] = [
        ["Place", { ...basket, confirm: {} }],
        ["MarkPaid", { amount }],
      ];
      for (const [index, step] of [...first, ...steps].entries()) {
        if (index >= first.length) time += 5 * hour;
        for (const event of decided(state, step)) {
          log.addAll("order-o1", time, [event]);
          state = order.evolve[event.type as "OrderPaid"](state, event.data as never, { time });
        }
      }
      const products = byDay(productSalesProjection(zone), log);
      expect(products.revenue).toEqual(netByDay(log));
      expect(byDay(categorySalesProjection(zone), log)).toEqual(products);
      const catalog = documentsOf(catalogProjection, log, true);
      for (const sku of ["mug", "cup"])
        expect(catalog.get(`p-${sku}`)).toMatchObject({ sold: products.ever.get(sku) ?? 0 });
      for (const units of products.ever.values()) expect(units).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: 1_000 },
  );
});

/** What is sold of everything by days, and the units of each thing. */
function byDay(
  projection: AnyProjection,
  log: Log,
): { revenue: object; units: object; ever: Map<string, number> } {
  const [revenue, units, ever] = [new Sums(), new Sums(), new Map<string, number>()];
  for (const [key, doc] of documentsOf(projection, log, true)) {
    const [period = "", item = ""] = key.split("/");
    const sold = doc as { units: number; revenue: number };
    if (period === "ever") ever.set(item.replace("c-", ""), sold.units);
    if (period.length !== "2011-03-25".length) continue;
    revenue.add(period, sold.revenue);
    units.add(period, sold.units);
  }
  return { revenue: revenue.shown(), units: units.shown(), ever };
}

function netByDay(log: Log): object {
  const net = new Sums();
  for (const [key, doc] of documentsOf(salesProjection(zone), log, true)) {
    const { gross, refunds } = doc as { gross: number; refunds: number };
    if (key.startsWith("day/")) net.add(key.slice("day/".length), gross - refunds);
  }
  return net.shown();
}
