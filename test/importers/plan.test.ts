import { tmpdir } from "node:os";
import { describe, expect, it, onTestFinished } from "vitest";
import { matchCancellations } from "../../src/importers/online-retail/cancellations.ts";
import { judgeInvoices } from "../../src/importers/online-retail/judge.ts";
import { isMerchandise, setAsideKinds } from "../../src/importers/online-retail/kinds.ts";
import { parseColumns } from "../../src/importers/online-retail/layout.ts";
import { planRun } from "../../src/importers/online-retail/list.ts";
import { lookThrough } from "../../src/importers/online-retail/look.ts";
import { Plan } from "../../src/importers/online-retail/plan.ts";
import { rejectsOf } from "../../src/importers/online-retail/rejects.ts";
import { dataSet, fileOf } from "./files.ts";

const sale = {
  invoice: "536365",
  code: "85123A",
  description: "WHITE HANGING HEART T-LIGHT HOLDER",
  quantity: "6",
  date: "2010-12-01T08:26:00",
  unitPrice: "2.55",
  customer: "17850",
  country: "United Kingdom",
};

async function planText(text: string, columns?: string) {
  const { staging, orderTitle } = await lookThrough({
    file: await fileOf(text),
    folder: tmpdir(),
    timeZone: "Europe/London",
    currency: "GBP",
    columns: columns === undefined ? undefined : parseColumns(columns),
  });
  onTestFinished(() => staging.close());
  judgeInvoices(staging, orderTitle);
  matchCancellations(staging);
  planRun(staging, { latest: { isListed: false, isStocked: false, isFinished: false }, openings: [] });
  const plan = new Plan(staging, columns === undefined);
  const weeks = plan.weeks().map((week) => ({
    skus: plan.skusOf(week),
    sales: [...plan.sales(week)],
    stockChanges: [...plan.stockChanges(week)],
    reversals: [...plan.reversals(week)].flat(),
    relistings: [...plan.relistings(week)],
  }));
  const rejects = [
    ...staging.rows<{ line: number; reason: string }>("SELECT line, reason FROM rejects ORDER BY line"),
  ];
  const { lines } = staging;
  return {
    ...plan.totals(),
    weeks,
    lines,
    setAside: Object.fromEntries(staging.setAside),
    rejected: rejectsOf(staging).total,
    rejects: rejects.map(({ line }) => line),
  };
}

function plan(...lines: Partial<typeof sale>[]) {
  return planText(dataSet(...lines.map((line) => Object.values({ ...sale, ...line }).join(","))));
}

describe("what becomes of a line of invoices", () => {
  it("is a sale when both quantity and price are above 0, at the store's local time", async () => {
    const planned = await plan(
      {},
      { code: "71053", quantity: "2", unitPrice: "3.39", date: "2011-07-01T12:00:00" },
    );
    expect(planned).toMatchObject({ orders: 1, units: 8, gross: 6 * 255 + 2 * 339, rejected: 0 });
    expect(planned.weeks[0]?.sales[0]).toMatchObject({
      invoice: "536365",
      at: Date.UTC(2010, 11, 1, 8, 26),
      customer: "17850",
    });
    // In summer London is an hour ahead.
    const summer = await plan({ date: "2011-07-01T12:00:00" });
    expect(summer.weeks[0]?.sales[0]?.at).toBe(Date.UTC(2011, 6, 1, 11));
  });

  it("rounds a unit price to the penny, half up, and keeps a price that rounds to nothing", async () => {
    expect((await plan({ unitPrice: "0.125", quantity: "1" })).gross).toBe(13);
    expect(await plan({ unitPrice: "0.001" })).toMatchObject({ orders: 1, units: 6, gross: 0 });
  });

  it("is set aside alone, by its kind, when it is no sale, no write-off and no cancellation", async () => {
    const planned = await plan(
      {},
      { invoice: "A563185", unitPrice: "11062.06" },
      { unitPrice: "0" },
      { quantity: "0" },
      { unitPrice: "-1" },
      { invoice: "C1", customer: "", quantity: "-1" },
      { invoice: "536366", code: "POST", quantity: "-1", unitPrice: "0" },
    );
    expect(planned.setAside).toEqual({
      badDebt: 1,
      free: 1,
      nothing: 1,
      negativePrice: 1,
      guestCancellation: 1,
      notStocked: 1,
    });
    expect(planned).toMatchObject({ orders: 1, units: 6, rejected: 0 });
  });

  it("is rejected with its whole invoice when a field of it cannot be read", async () => {
    for (const bad of [{ quantity: "six" }, { date: "yesterday" }, { code: "" }, { unitPrice: "2.55 EUR" }]) {
      const planned = await plan({ invoice: "1" }, { invoice: "2" }, bad && { invoice: "1", ...bad });
      expect(planned).toMatchObject({ orders: 1, rejects: [2, 4] });
    }
  });

  it("is used, set aside or rejected, never two of these and never none", async () => {
    const planned = await plan(
      {},
      { unitPrice: "0" },
      { invoice: "536367", quantity: "-3", unitPrice: "0" },
      { invoice: "C9", quantity: "-6", date: "2010-12-02T10:00:00" },
      { invoice: "1", quantity: "?" },
      { invoice: "1" },
    );
    const { sales, returns, stockChanges } = planned.used;
    expect({ sales, returns, stockChanges }).toEqual({ sales: 1, returns: 1, stockChanges: 1 });
    const aside = Object.values(planned.setAside).reduce((sum, count) => sum + count, 0);
    expect(sales + returns + stockChanges + aside + planned.rejected).toBe(planned.lines);
  });

  it("takes a cancellation back to the customer's latest earlier order with enough of the SKU", async () => {
    const planned = await plan(
      { invoice: "1", quantity: "10", date: "2010-12-01T08:00:00" },
      { invoice: "2", quantity: "2", date: "2010-12-02T08:00:00" },
      { invoice: "3", quantity: "10", date: "2010-12-05T08:00:00" },
      { invoice: "4", quantity: "10", customer: "12345", date: "2010-12-02T08:00:00" },
      { invoice: "C5", quantity: "-7", date: "2010-12-03T08:00:00" },
      { invoice: "C6", quantity: "-7", date: "2010-12-03T09:00:00" },
    );
    const reversals = planned.weeks.flatMap((week) => week.reversals);
    expect(reversals).toEqual([
      {
        invoice: "C5",
        orderInvoice: "1",
        orderScope: "",
        at: Date.UTC(2010, 11, 3, 8),
        lines: [{ sku: "85123A", quantity: 7 }],
        amount: 7 * 255,
      },
    ]);
    expect(planned.setAside).toEqual({ unmatched: 1 });
    expect(setAsideKinds.unmatched).toContain("without an earlier order");
  });

  it("opens a SKU with what the file takes out of stock, and does not stock what is no merchandise", async () => {
    const planned = await plan(
      {},
      { invoice: "2", quantity: "-4", unitPrice: "0", date: "2011-01-05T08:00:00" },
      { invoice: "3", code: "POST", description: "POSTAGE", quantity: "1", unitPrice: "18.00" },
    );
    const skus = planned.weeks.flatMap((week) => week.skus);
    expect(skus.map(({ sku, isStocked, opening }) => ({ sku, isStocked, opening }))).toEqual([
      { sku: "85123A", isStocked: true, opening: 10 },
      { sku: "POST", isStocked: false, opening: 1 },
    ]);
    expect(["BANK CHARGES", "gift_0001_20", "M", "D", "DOT"].filter(isMerchandise)).toEqual([]);
    expect(["85123A", "85123a", "DCGS0003", "47503J "].filter(isMerchandise)).toHaveLength(4);
  });

  it("knows the newest name and price that a week has sold a SKU at", async () => {
    const planned = await plan(
      {},
      { invoice: "2", unitPrice: "2.95", description: "CREAM HANGING HEART", date: "2010-12-20T08:00:00" },
    );
    expect(planned.weeks.map((week) => week.relistings)).toMatchObject([
      [{ folded: "85123a", name: sale.description, price: 255 }],
      [{ folded: "85123a", name: "CREAM HANGING HEART", price: 295, at: Date.UTC(2010, 11, 20, 8) }],
    ]);
  });

  it("gives products of one name their own slugs, and a name to what has none", async () => {
    const planned = await plan(
      { code: "10001", description: "MUG" },
      { code: "10001a", description: "MUG" },
      { code: "10002", description: "?" },
      { code: "10003", description: "茶碗" },
    );
    const products = planned.weeks.flatMap((week) => week.skus.map(({ product }) => product));
    expect(new Set(products.map((product) => product?.slug)).size).toBe(4);
    expect(products.map((product) => product?.name)).toEqual(["MUG", "MUG", "Item 10002", "茶碗"]);
  });

  it("is one order where the file holds it twice, word for word", async () => {
    const lines = [{ invoice: "1" }, { invoice: "1", code: "22222" }, { invoice: "2" }];
    // Equal lines that follow one another are so many pieces.
    const planned = await plan(...lines, ...lines, { invoice: "3" }, { invoice: "3" });
    expect(planned).toMatchObject({ orders: 3, units: 5 * 6, setAside: { repeated: 3 } });
    // Parts of one order that stand apart are one order.
    const apart = await plan({ invoice: "1" }, { invoice: "2" }, { invoice: "1", code: "22222" });
    expect(apart).toMatchObject({ orders: 2, units: 3 * 6, setAside: {} });
  });

  it("is rejected with an order that is too long for one, and every line of it", async () => {
    const long = Array.from({ length: 2_001 }, (_, index) => ({
      invoice: "1",
      code: String(10_000 + index),
    }));
    expect(await plan(...long, { invoice: "2" })).toMatchObject({ orders: 1, rejected: 2_001 });
    const heavy = Array.from({ length: 5 }, () => ({ invoice: "1", quantity: "300000" }));
    expect(await plan(...heavy, { invoice: "2" })).toMatchObject({ orders: 1, rejected: 5 });
  });
});

describe("order lines of another shop", () => {
  const columns = "order=Order ID,sku=SKU,quantity=Qty,at=Date";

  it("come in by the names of their columns, numbers and codes as that shop has them", async () => {
    const planned = await planText(
      `${[
        "Date;Order ID;SKU;Title;Qty;Price;E-Mail",
        "2024-02-29 10:00;C-1001;mug;Mug;2;9,50;ada@example.org",
        "2024-02-29 10:00;C-1001;cap;Cap;1;12;ada@example.org",
        "2024-03-01 10:00;A-1002;mug;Mug;-1;9,50;ada@example.org",
      ].join("\n")}\n`,
      `${columns},unitPrice=Price,name=Title,email=E-Mail`,
    );
    expect(planned).toMatchObject({ orders: 1, units: 3, gross: 3_100, setAside: { goesBack: 1 } });
    expect(planned.weeks[0]?.sales[0]).toMatchObject({ invoice: "C-1001", email: "ada@example.org" });
    expect(planned.weeks[0]?.skus.map(({ isStocked }) => isStocked)).toEqual([true, true]);
  });

  it("keep a total that the quantity does not divide, in two unit prices", async () => {
    const planned = await planText(
      "Order ID,SKU,Qty,Date,Total,Off\n1,mug,3,2024-02-29,10.00,\n1,cap,4,2024-02-29,10.00,1.99\n",
      `${columns},lineTotal=Total,discount=Off`,
    );
    expect(planned.gross).toBe(1_000 + 801);
    const lines = planned.weeks[0]?.sales[0]?.lines.map(({ sku, quantity, unitPrice }) => [
      sku,
      quantity,
      unitPrice,
    ]);
    expect(lines).toEqual([
      ["mug", 2, 333],
      ["mug", 1, 334],
      ["cap", 3, 200],
      ["cap", 1, 201],
    ]);
    expect(planned.used.sales).toBe(2);
  });
});
