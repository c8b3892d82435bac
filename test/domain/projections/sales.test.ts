import { describe, expect, test } from "vitest";
import { categorySales, categorySalesProjection } from "../../../projections/sales/category-sales.ts";
import { productSales, productSalesProjection } from "../../../projections/sales/product-sales.ts";
import { refundsByPeriod, salesByPeriod, salesProjection } from "../../../projections/sales/sales.ts";
import { Log, project } from "./support.ts";

const zone = "Europe/London";
const gbp = (amount: number) => ({ amount, currency: "GBP" });

interface Line {
  sku: string;
  quantity: number;
  revenue: number;
  name?: string;
  category?: string;
}

function confirm(log: Log, id: string, at: string, lines: Line[], buyer?: string): Log {
  return log.add(`order-${id}`, at, "OrderConfirmed", {
    currency: "GBP",
    lines: lines.map((line) => ({ productId: `p-${line.sku}`, name: line.sku, ...line })),
    units: lines.reduce((sum, { quantity }) => sum + quantity, 0),
    gross: lines.reduce((sum, { revenue }) => sum + revenue, 0),
    ...(buyer !== undefined && { buyer }),
  });
}

const one = (revenue: number): Line[] => [{ sku: "mug", quantity: 1, revenue }];

async function salesOf(log: Log, interval: "day" | "month", range: { from?: string; to?: string } = {}) {
  return (await salesByPeriod(await project(salesProjection(zone), log), { interval, ...range })).items;
}

describe("sales", () => {
  test("puts an order in the period it is confirmed in", async () => {
    const log = confirm(new Log(), "o1", "2011-03-07T10:00:00Z", [
      { sku: "mug", quantity: 2, revenue: 501 },
      { sku: "cup", quantity: 1, revenue: 400 },
    ]);
    confirm(log, "o2", "2011-03-07T11:00:00Z", one(100));
    expect(await salesOf(log, "day")).toEqual([
      {
        period: "2011-03-07",
        orders: 2,
        units: 4,
        gross: gbp(1001),
        refunds: gbp(0),
        net: gbp(1001),
        discounts: gbp(0),
        tax: gbp(0),
        shipping: gbp(0),
        refundedTax: gbp(0),
        refundedShipping: gbp(0),
        fees: gbp(0),
        unitsReturned: 0,
        averageOrderValue: gbp(501),
        newCustomers: 0,
        returningCustomers: 0,
      },
    ]);
    expect((await salesOf(log, "month")).map(({ period, gross }) => [period, gross.amount])).toEqual([
      ["2011-03", 1001],
    ]);
  });

  test("knows the days on which the clocks change, of 23 hours and of 25", async () => {
    const log = new Log();
    const confirmedAt = [
      "2011-03-26T23:59:59Z", // 26 March
      "2011-03-27T00:00:00Z", // 27 March, an hour before the clocks go forward
      "2011-03-27T22:59:59Z", // the last second of it
      "2011-03-27T23:00:00Z", // 28 March, 00:00 of summer time
      "2011-10-29T22:59:59Z", // 29 October
      "2011-10-29T23:00:00Z", // 30 October, 00:00 of summer time
      "2011-10-30T00:30:00Z", // 01:30, for the first time
      "2011-10-30T01:30:00Z", // and again
      "2011-10-30T23:59:59Z", // the last second of it
      "2011-10-31T00:00:00Z", // 31 October
    ];
    for (const [index, at] of confirmedAt.entries()) confirm(log, `o${index}`, at, one(100));
    expect((await salesOf(log, "day")).map(({ period, orders }) => `${period} ${orders}`)).toEqual([
      "2011-03-26 1",
      "2011-03-27 2",
      "2011-03-28 1",
      "2011-10-29 1",
      "2011-10-30 4",
      "2011-10-31 1",
    ]);
  });

  test("books a later cancellation and refunds in their own periods", async () => {
    const log = new Log();
    confirm(log, "o1", "2011-03-07T10:00:00Z", one(1000));
    confirm(log, "o2", "2011-03-07T10:00:00Z", one(500));
    const refund = { refundId: "f1", currency: "GBP", full: false } as const;
    log
      .add("order-o1", "2011-04-01T10:00:00Z", "OrderCancelled", {
        reason: "changed my mind",
        currency: "GBP",
        goods: 1000,
      })
      .add("order-o1", "2011-04-02T10:00:00Z", "OrderRefunded", {
        ...refund,
        amount: 1200,
        goods: 0,
        cause: "cancellation",
      })
      .add("order-o2", "2011-04-03T10:00:00Z", "OrderRefunded", {
        ...refund,
        amount: 200,
        goods: 200,
        cause: "return",
      })
      .add("order-o3", "2011-04-04T10:00:00Z", "OrderCancelled", {
        reason: "never confirmed",
        currency: "GBP",
        goods: 0,
      });
    const shown = (await salesOf(log, "day")).map(({ period, orders, gross, refunds, net }) => [
      period,
      orders,
      gross.amount,
      refunds.amount,
      net.amount,
    ]);
    expect(shown).toEqual([
      ["2011-03-07", 2, 1500, 0, 1500],
      ["2011-04-01", 0, 0, 1000, -1000],
      ["2011-04-03", 0, 0, 200, -200],
    ]);
    const [, april] = await salesOf(log, "month");
    expect(april).toMatchObject({ period: "2011-04", net: gbp(-1200), averageOrderValue: gbp(0) });

    const model = await project(salesProjection(zone), log);
    const refunds = await refundsByPeriod(model, { interval: "day" });
    expect(refunds.items.map(({ period, count, amount }) => [period, count, amount.amount])).toEqual([
      ["2011-04-02", 1, 1200],
      ["2011-04-03", 1, 200],
    ]);
    const byMonth = await refundsByPeriod(model, { interval: "month", from: "2011-04-30" });
    expect(byMonth.items[0]?.byCause).toEqual({
      cancellation: { count: 1, amount: gbp(1200) },
      return: { count: 1, amount: gbp(200) },
      goodwill: { count: 0, amount: gbp(0) },
      dispute: { count: 0, amount: gbp(0) },
    });
  });

  test("counts a buyer once in a period: new in that of the first order, then returning", async () => {
    const log = new Log();
    confirm(log, "o1", "2011-03-07T10:00:00Z", one(1), "ada");
    confirm(log, "o2", "2011-03-07T11:00:00Z", one(1), "ada");
    confirm(log, "o3", "2011-03-07T11:00:00Z", one(1), "bob");
    confirm(log, "o4", "2011-03-07T11:00:00Z", one(1));
    confirm(log, "o5", "2011-03-09T11:00:00Z", one(1), "ada");
    confirm(log, "o6", "2011-03-09T11:00:00Z", one(1), "ada");
    // Late: the day before was counted already.
    confirm(log, "o7", "2011-03-07T23:00:00Z", one(1), "ada");
    confirm(log, "o8", "2011-04-01T11:00:00Z", one(1), "ada");
    const shown = async (interval: "day" | "month") =>
      (await salesOf(log, interval)).map(
        ({ period, orders, newCustomers, returningCustomers }) =>
          `${period} ${orders}: ${newCustomers} new, ${returningCustomers} returning`,
      );
    expect(await shown("day")).toEqual([
      "2011-03-07 5: 2 new, 0 returning",
      "2011-03-09 2: 0 new, 1 returning",
      "2011-04-01 1: 0 new, 1 returning",
    ]);
    expect(await shown("month")).toEqual(["2011-03 7: 2 new, 0 returning", "2011-04 1: 0 new, 1 returning"]);
  });

  test("answers for a range, by day or by the months that hold it", async () => {
    const log = new Log();
    for (const [index, day] of ["2011-01-31", "2011-02-01", "2011-02-28", "2011-03-01"].entries())
      confirm(log, `o${index}`, `${day}T12:00:00Z`, one(1));
    const range = { from: "2011-02-01", to: "2011-02-28" };
    expect((await salesOf(log, "day", range)).map(({ period }) => period)).toEqual([
      "2011-02-01",
      "2011-02-28",
    ]);
    expect((await salesOf(log, "month", { from: "2011-01-31", to: "2011-02-01" })).length).toBe(2);
    expect(await salesOf(new Log(), "day")).toEqual([]);
  });
});

function place(log: Log, id: string, at: string, lines: Line[]): Log {
  const total = lines.reduce((sum, { revenue }) => sum + revenue, 0);
  return log.add(`order-${id}`, at, "OrderPlaced", {
    number: id,
    cartId: `cart-of-${id}`,
    paymentId: id,
    paymentMethod: "cod",
    currency: "GBP",
    lines: lines.map(({ revenue, ...line }) => ({
      productId: `p-${line.sku}`,
      name: line.sku,
      ...line,
      unitPrice: 0,
      subtotal: revenue,
      discount: 0,
      tax: 0,
      total: revenue,
    })),
    totals: { subtotal: total, discount: 0, shipping: 0, tax: 0, total },
    tax: { rateBp: 0, included: true, per: "line", rounding: "half_up" },
    shippingMethod: "standard",
  });
}

function sell(log: Log, id: string, at: string, lines: Line[]): Log {
  return place(log, id, at, lines).add(`order-${id}`, at, "OrderPaid", { amount: 1 });
}

describe("sales by product and by category", () => {
  const log = new Log();
  sell(log, "o1", "2011-01-31T12:00:00Z", [
    { sku: "mug", quantity: 1, revenue: 100, category: "kitchen" },
    { sku: "a/b", quantity: 10, revenue: 50 },
  ]);
  sell(log, "o2", "2011-02-10T12:00:00Z", [
    { sku: "mug", quantity: 2, revenue: 200, name: "Big mug", category: "kitchen" },
    { sku: "mug", quantity: 1, revenue: 0, name: "Big mug", category: "gifts" },
  ]);
  sell(log, "o3", "2011-03-01T12:00:00Z", [{ sku: "cup", quantity: 5, revenue: 250, category: "kitchen" }]);

  test("are ranked by revenue or by units, with the latest name", async () => {
    const model = await project(productSalesProjection(zone), log);
    expect(await productSales(model, { sort: "revenue", limit: 10 })).toEqual({
      items: [
        { sku: "mug", name: "Big mug", units: 4, revenue: gbp(300) },
        { sku: "cup", name: "cup", units: 5, revenue: gbp(250) },
        { sku: "a/b", name: "a/b", units: 10, revenue: gbp(50) },
      ],
    });
    const { items } = await productSales(model, { sort: "units", limit: 2 });
    expect(items.map(({ sku }) => sku)).toEqual(["a/b", "cup"]);
  });

  test("are summed over the days of a range, whole months and edges alike", async () => {
    const model = await project(productSalesProjection(zone), log);
    const units = async (range: { from?: string; to?: string }) => {
      const { items } = await productSales(model, { sort: "units", limit: 10, ...range });
      return Object.fromEntries(items.map(({ sku, units }) => [sku, units]));
    };
    expect(await units({ from: "2011-01-31", to: "2011-03-01" })).toEqual({ "a/b": 10, cup: 5, mug: 4 });
    expect(await units({ from: "2011-02-01", to: "2011-02-28" })).toEqual({ mug: 3 });
    expect(await units({ from: "2011-02-10", to: "2011-02-10" })).toEqual({ mug: 3 });
    expect(await units({ from: "2011-02-11" })).toEqual({ cup: 5 });
    expect(await units({ to: "2011-02-09" })).toEqual({ "a/b": 10, mug: 1 });
    expect(await units({ from: "1900-01-01", to: "9999-12-31" })).toEqual({ "a/b": 10, cup: 5, mug: 4 });
    expect(await units({ from: "2012-01-01" })).toEqual({});
    expect(await units({ from: "2011-02-10", to: "2011-02-09" })).toEqual({});
    const empty = await project(productSalesProjection(zone), new Log());
    expect(await productSales(empty, { from: "2011-01-01", sort: "units", limit: 1 })).toEqual({ items: [] });
  });

  test("by category, as the product had it when it was sold", async () => {
    const model = await project(categorySalesProjection(zone), log);
    expect(await categorySales(model, { sort: "revenue", limit: 10 })).toEqual({
      items: [
        { category: "kitchen", units: 8, revenue: gbp(550) },
        { category: "uncategorized", units: 10, revenue: gbp(50) },
        { category: "gifts", units: 1, revenue: gbp(0) },
      ],
    });
  });

  test("hold what was paid or shipped, less what 0.1 cancelled, took back and refunded, on its own day", async () => {
    const log = new Log();
    const goods = { reason: "-", currency: "GBP", goods: 0 };
    place(log, "never", "2011-01-01T12:00:00Z", [{ sku: "mug", quantity: 9, revenue: 900 }]);
    log.add("order-never", "2011-01-02T12:00:00Z", "OrderCancelled", goods);
    place(log, "shipped", "2011-01-01T12:00:00Z", [
      { sku: "jug", quantity: 1, revenue: 70 },
      { sku: "cup", quantity: 3, revenue: 100 },
    ]);
    const lines = [{ sku: "cup", quantity: 3 }];
    log
      .add("order-shipped", "2011-01-03T12:00:00Z", "ShipmentDispatched", {
        shipmentId: "s",
        lines,
        complete: true,
      })
      .add("order-shipped", "2011-01-04T12:00:00Z", "OrderPaid", { amount: 100 })
      .add("order-shipped", "2011-01-05T12:00:00Z", "ReturnReceived", {
        returnId: "r",
        lines: [{ sku: "cup", sellable: 1, damaged: 1 }],
      })
      .add("order-shipped", "2011-01-07T12:00:00Z", "OrderRefunded", {
        refundId: "f1",
        currency: "GBP",
        amount: 66,
        goods: 66,
        cause: "return",
        full: false,
      });
    sell(log, "undone", "2011-01-03T12:00:00Z", [{ sku: "pot", quantity: 1, revenue: 50 }]);
    log.add("order-undone", "2011-01-06T12:00:00Z", "OrderCancelled", { ...goods, goods: 50 });
    const model = await project(productSalesProjection(zone), log);
    const rows = async (day?: string) => {
      const range = day === undefined ? {} : { from: day, to: day };
      const { items } = await productSales(model, { sort: "revenue", limit: 10, ...range });
      return items.map(({ sku, units, revenue }) => `${sku} ${units} ${revenue.amount}`);
    };
    expect(await rows("2011-01-01")).toEqual([]);
    expect(await rows("2011-01-03")).toEqual(["cup 3 100", "jug 1 70", "pot 1 50"]);
    expect(await rows("2011-01-04")).toEqual([]);
    expect(await rows("2011-01-05")).toEqual(["cup -2 0"]);
    expect(await rows("2011-01-06")).toEqual(["pot -1 -50"]);
    expect(await rows("2011-01-07")).toEqual(["cup 0 -66"]);
    expect(await rows()).toEqual(["jug 1 70", "cup 1 34"]);
  });

  test("lose what is credited on its own day, and never count what was credited before (24)", async () => {
    const log = new Log();
    const credit = (creditId: string, quantity: number, goods: number) => ({
      creditId,
      currency: "GBP",
      lines: [{ lineId: 1, quantity, goods, tax: 0 }],
      shipping: 0,
      shippingTax: 0,
      amount: goods,
      reason: "r",
    });
    const given = { cause: "cancellation", payout: 0 } as const;
    place(log, "o1", "2011-01-01T12:00:00Z", [{ sku: "mug", quantity: 4, revenue: 4000 }]);
    log
      .add("order-o1", "2011-01-01T13:00:00Z", "OrderCredited", { ...credit("x1", 1, 1000), ...given })
      .add("order-o1", "2011-01-02T12:00:00Z", "OrderPaid", { amount: 3000 })
      .add("order-o1", "2011-01-03T12:00:00Z", "OrderCredited", { ...credit("x2", 1, 1000), ...given })
      .add("order-o1", "2011-01-04T12:00:00Z", "OrderCredited", { ...credit("f1", 0, 300), ...given })
      .add("order-o1", "2011-01-05T12:00:00Z", "CreditWithdrawn", credit("f1", 0, 300));
    const model = await project(productSalesProjection(zone), log);
    const rows = async (day?: string) => {
      const range = day === undefined ? {} : { from: day, to: day };
      const { items } = await productSales(model, { sort: "revenue", limit: 10, ...range });
      return items.map(({ sku, units, revenue }) => `${sku} ${units} ${revenue.amount}`);
    };
    expect(await rows("2011-01-01")).toEqual([]);
    expect(await rows("2011-01-02")).toEqual(["mug 3 3000"]);
    expect(await rows("2011-01-03")).toEqual(["mug -1 -1000"]);
    expect(await rows("2011-01-04")).toEqual(["mug 0 -300"]);
    expect(await rows("2011-01-05")).toEqual(["mug 0 300"]);
    expect(await rows()).toEqual(["mug 2 2000"]);
  });
});

test("a credit is booked on its own day, by component, and taken back when the gateway refuses it (23)", async () => {
  const credit = {
    creditId: "f1",
    currency: "GBP",
    lines: [{ lineId: 1, quantity: 1, goods: 1000, tax: 190 }],
    shipping: 500,
    shippingTax: 95,
    amount: 1785,
    reason: "r",
  };
  const log = confirm(new Log(), "o1", "2011-03-01T12:00:00Z", one(3000))
    .add("order-o1", "2011-03-03T12:00:00Z", "OrderCredited", { ...credit, cause: "goodwill", payout: 1785 })
    .add("order-o1", "2011-03-04T12:00:00Z", "CreditWithdrawn", credit);
  const [sold, given, taken] = await salesOf(log, "day");
  expect([sold, given, taken]).toMatchObject([
    { period: "2011-03-01", gross: gbp(3000), refunds: gbp(0) },
    {
      period: "2011-03-03",
      refunds: gbp(1000),
      refundedTax: gbp(285),
      refundedShipping: gbp(500),
      net: gbp(-1000),
    },
    { period: "2011-03-04", refunds: gbp(-1000), refundedTax: gbp(-285), refundedShipping: gbp(-500) },
  ]);
});
