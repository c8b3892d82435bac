import fc from "fast-check";
import { expect, test } from "vitest";
import { categorySales, categorySalesProjection } from "../../../projections/sales/category-sales.ts";
import { funnel, funnelProjection } from "../../../projections/sales/funnel.ts";
import { productSales, productSalesProjection } from "../../../projections/sales/product-sales.ts";
import { salesByPeriod, salesProjection } from "../../../projections/sales/sales.ts";
import { Log, project, type ShopData } from "./support.ts";

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
const actions = ["confirm", "pay", "ship", "cancel", "return", "refund"] as const;
const orderArbitrary = fc.record({
  // One line per SKU: which of several lines of one SKU comes back first is no matter of this test.
  lines: fc.uniqueArray(lineArbitrary, { minLength: 1, maxLength: 3, selector: ({ sku }) => sku }),
  actions: fc.uniqueArray(fc.constantFrom(...actions), { maxLength: 6 }),
  gaps: fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 8, maxLength: 8 }),
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

/** Adds an order to the log, and what it is worth to the sums. */
function add(log: Log, sums: Sums, id: string, start: number, plan: OrderPlan): void {
  const { lines, gaps } = plan;
  let time = start + (gaps[0] ?? 0) * hour;
  const opened = dayIn(time);
  const stream = `order-${id}`;
  const gross = lines.reduce((sum, { revenue }) => sum + revenue, 0);
  const units = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  const back = new Map<string, { units: number; revenue: number }>();
  let isCounted = false;
  let isCancelled = false;
  const bookLines = (sign: 1 | -1) => {
    for (const { sku, category, quantity, revenue } of lines) {
      const { units = 0, revenue: given = 0 } = back.get(sku) ?? {};
      for (const name of [`product ${sku}`, `category ${category}`]) {
        sums.add(`${dayIn(time)} ${name} units`, sign * (quantity - units));
        sums.add(`${dayIn(time)} ${name} revenue`, sign * (revenue - given));
      }
    }
  };
  log.add(`cart-${id}`, time, "CartOpened", { currency, expiresAt: "" });
  sums.add(`${opened} carts_opened`, 1);
  if (!plan.started) return;
  time += (gaps[1] ?? 0) * hour;
  log.add(stream, time, "OrderPlaced", placedOf(id, plan));
  for (const step of ["carts_with_items", "checkouts_started", "orders_placed"])
    sums.add(`${opened} ${step}`, 1);
  for (const [index, action] of plan.actions.entries()) {
    if (isCancelled) return;
    time += (gaps[index + 2] ?? 0) * hour;
    if (action === "confirm") {
      const sold = lines.map((line) => ({ ...line, productId: line.sku, name: line.sku }));
      log.add(stream, time, "OrderConfirmed", { currency, lines: sold, units, gross });
      sums.add(`${opened} orders_confirmed`, 1);
      sums.add(`${dayIn(time)} orders`, 1);
      sums.add(`${dayIn(time)} gross`, gross);
    } else if (action === "pay" || action === "ship") {
      if (action === "pay") log.add(stream, time, "OrderPaid", { amount: gross });
      else log.add(stream, time, "ShipmentDispatched", { shipmentId: "s", lines: [], complete: true });
      if (!isCounted) bookLines(1);
      isCounted = true;
    } else if (action === "cancel") {
      log.add(stream, time, "OrderCancelled", { reason: "-", currency, goods: gross });
      sums.add(`${dayIn(time)} refunds`, gross);
      if (isCounted) bookLines(-1);
      isCancelled = true;
    } else if (action === "refund") {
      const refund = { refundId: "f", amount: 9, goods: 3, cause: "goodwill", full: false } as const;
      log.add(stream, time, "OrderRefunded", { ...refund, currency });
      sums.add(`${dayIn(time)} refunds`, 3);
    } else if (isCounted) {
      const [{ sku, category, quantity, revenue }] = lines as [OrderPlan["lines"][number]];
      log.add(stream, time, "ReturnReceived", { returnId: "r", lines: [{ sku, sellable: 1, damaged: 0 }] });
      const share = Math.floor(revenue / quantity);
      back.set(sku, { units: 1, revenue: share });
      for (const name of [`product ${sku}`, `category ${category}`]) {
        sums.add(`${dayIn(time)} ${name} units`, -1);
        sums.add(`${dayIn(time)} ${name} revenue`, -share);
      }
    }
  }
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
  for (const key of sums.keys())
    if (/ (gross|refunds)$/.test(key)) expect(counted).toContain(key.slice(0, 7));
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
