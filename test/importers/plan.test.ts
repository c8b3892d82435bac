import { describe, expect, it } from "vitest";
import {
  createPlanner,
  type ImportPlan,
  type InvoiceLine,
  isStocked,
  rejectReasons,
} from "../../src/importers/online-retail/plan.ts";

const sale: InvoiceLine = {
  line: 2,
  invoice: "536365",
  code: "85123A",
  description: "WHITE HANGING HEART T-LIGHT HOLDER",
  quantity: "6",
  date: "2010-12-01T08:26:00",
  unitPrice: "2.55",
  customer: "17850",
  country: "United Kingdom",
};

function plan(...lines: Partial<InvoiceLine>[]): ImportPlan {
  const planner = createPlanner({ timeZone: "Europe/London", currency: "GBP" });
  for (const [index, line] of lines.entries()) planner.add({ ...sale, line: index + 2, ...line });
  return planner.finish();
}

const reasons = (planned: ImportPlan) => planned.rejects.map(({ reason }) => reason);

describe("what becomes of a line of invoices", () => {
  it("is a sale when both quantity and price are above 0, at the store's local time", () => {
    const planned = plan(
      {},
      { code: "71053", quantity: "2", unitPrice: "3.39", date: "2011-07-01T12:00:00" },
    );
    expect(planned).toMatchObject({ orders: 1, units: 8, gross: 6 * 255 + 2 * 339, rejects: [] });
    expect(planned.weeks[0]?.sales[0]).toMatchObject({
      invoice: "536365",
      at: Date.UTC(2010, 11, 1, 8, 26),
      customer: "17850",
    });
    // In summer London is an hour ahead.
    const summer = plan({ date: "2011-07-01T12:00:00" });
    expect(summer.weeks[0]?.sales[0]?.at).toBe(Date.UTC(2011, 6, 1, 11));
  });

  it("rounds a unit price to the penny, half up, and keeps a price that rounds to nothing", () => {
    expect(plan({ unitPrice: "0.125", quantity: "1" }).gross).toBe(13);
    expect(plan({ unitPrice: "0.001" })).toMatchObject({ orders: 1, units: 6, gross: 0 });
  });

  it("is rejected with its reason when it is no sale, no write-off and no cancellation", () => {
    const planned = plan(
      { invoice: "A563185", unitPrice: "11062.06" },
      { unitPrice: "0" },
      { quantity: "0" },
      { unitPrice: "-1" },
      { quantity: "six" },
      { date: "yesterday" },
      { code: "" },
      { invoice: "C1", customer: "", quantity: "-1" },
      { invoice: "536366", code: "POST", quantity: "-1", unitPrice: "0" },
    );
    expect(planned.orders).toBe(0);
    expect(reasons(planned)).toEqual([
      rejectReasons.badDebt,
      rejectReasons.free,
      rejectReasons.nothing,
      rejectReasons.negativePrice,
      rejectReasons.unreadable,
      rejectReasons.unreadable,
      rejectReasons.unreadable,
      rejectReasons.guestCancellation,
      rejectReasons.notStocked,
    ]);
  });

  it("is used or rejected, never both and never neither", () => {
    const planned = plan(
      {},
      { unitPrice: "0" },
      { invoice: "536367", quantity: "-3", unitPrice: "0" },
      {
        invoice: "C9",
        quantity: "-6",
        date: "2010-12-02T10:00:00",
      },
    );
    const { sales, returns, stockChanges } = planned.used;
    expect({ sales, returns, stockChanges }).toEqual({ sales: 1, returns: 1, stockChanges: 1 });
    expect(sales + returns + stockChanges + planned.rejects.length).toBe(planned.lines);
  });

  it("takes a cancellation back to the customer's latest earlier order with enough of the SKU", () => {
    const planned = plan(
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
        at: Date.UTC(2010, 11, 3, 8),
        lines: [{ line: 6, sku: "85123A", quantity: 7 }],
        amount: 7 * 255,
      },
    ]);
    expect(reasons(planned)).toEqual([rejectReasons.unmatched]);
  });

  it("opens a SKU with what the file takes out of stock, and does not stock what is no merchandise", () => {
    const planned = plan(
      {},
      { invoice: "2", quantity: "-4", unitPrice: "0", date: "2011-01-05T08:00:00" },
      { invoice: "3", code: "POST", description: "POSTAGE", quantity: "1", unitPrice: "18.00" },
    );
    const skus = planned.weeks.flatMap((week) => week.skus);
    expect(skus.map(({ sku, tracked, opening }) => ({ sku, tracked, opening }))).toEqual([
      { sku: "85123A", tracked: true, opening: 10 },
      { sku: "POST", tracked: false, opening: 1 },
    ]);
    expect(["BANK CHARGES", "gift_0001_20", "M", "D", "DOT"].filter(isStocked)).toEqual([]);
    expect(["85123A", "85123a", "DCGS0003", "47503J "].filter(isStocked)).toHaveLength(4);
  });

  it("lists a SKU anew when its name or price has changed by the end of a week", () => {
    const planned = plan(
      {},
      { invoice: "2", unitPrice: "2.95", description: "CREAM HANGING HEART", date: "2010-12-20T08:00:00" },
    );
    expect(planned.weeks.map((week) => week.relistings)).toEqual([
      [],
      [
        {
          sku: "85123A",
          name: "CREAM HANGING HEART",
          price: 295,
          at: Date.UTC(2010, 11, 20, 8),
        },
      ],
    ]);
  });

  it("gives products of one name their own slugs, and a name to what has none", () => {
    const planned = plan(
      { code: "10001", description: "MUG" },
      { code: "10001a", description: "MUG" },
      {
        code: "10002",
        description: "?",
      },
    );
    const products = planned.weeks.flatMap((week) => week.skus.map(({ product }) => product));
    expect(new Set(products.map((product) => product?.slug)).size).toBe(3);
    expect(products[2]?.name).toBe("Item 10002");
  });
});
