import { z } from "zod";
import { orderStatuses } from "../../../commands/order/state.ts";
import { productFacets, productSorts } from "../../../projections/catalog/listing.ts";
import { daySchema } from "../../values/calendar.ts";
import { moneyAnswer as money } from "../schemas.ts";

const limitMax = 100;
const limitDefault = 20;
const filterCharactersMax = 255;
const filterValuesMax = 50;
const searchCharactersMax = 200;

/** A whole number as it stands in a query: digits and nothing else. */
const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, `a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.int().min(min, `at least ${min}`).max(max, `at most ${max}`));

const limit = wholeNumber(1, limitMax).default(limitDefault);
const text = z.string().min(1).max(filterCharactersMax);
/** One value or several, each a parameter of its own: any of them. */
const texts = z
  .union([text, z.array(text).max(filterValuesMax)])
  .transform((values) => (typeof values === "string" ? [values] : values));
const amount = wholeNumber(0, Number.MAX_SAFE_INTEGER);

export const pageFields = {
  limit,
  /** `nextCursor` of the page before, with the same filters. */
  cursor: z.string().optional(),
};

const days = { from: daySchema.optional(), to: daySchema.optional() };

function inOrder({ from, to }: { from?: string | undefined; to?: string | undefined }): boolean {
  return from === undefined || to === undefined || from <= to;
}
const outOfOrder = { path: ["to"], error: "not before `from`" };

const facetNames = z
  .string()
  .transform((names) => names.split(","))
  .pipe(z.array(z.enum(productFacets)));

export const productsQuery = z.strictObject({
  category: texts.optional(),
  brand: texts.optional(),
  tag: texts.optional(),
  minPrice: amount.optional(),
  maxPrice: amount.optional(),
  inStock: z
    .enum(["true", "false"])
    .transform((text) => text === "true")
    .optional(),
  q: z.string().max(searchCharactersMax).optional(),
  sort: z.enum(productSorts).optional(),
  facets: facetNames.optional(),
  ...pageFields,
});

export const productParams = z.strictObject({ id: z.string().min(1).max(100) });
export const orderParams = z.strictObject({ id: z.string().min(1).max(64) });
export const pageQuery = z.strictObject(pageFields);
export const limitQuery = z.strictObject({ limit });

export const stocksQuery = z.strictObject({
  status: z.enum(["in_stock", "low_stock", "out_of_stock"]).optional(),
  ...pageFields,
});

export const ordersQuery = z
  .strictObject({
    customer: text.optional(),
    email: text.optional(),
    status: z.enum(orderStatuses).optional(),
    sku: text.optional(),
    ...days,
    ...pageFields,
  })
  .refine(inOrder, outOfOrder);

export const daysQuery = z.strictObject(days).refine(inOrder, outOfOrder);
export const periodsQuery = z
  .strictObject({ ...days, interval: z.enum(["day", "month"]).default("day") })
  .refine(inOrder, outOfOrder);
export const rankedQuery = z
  .strictObject({ ...days, sort: z.enum(["revenue", "units"]).default("revenue"), limit })
  .refine(inOrder, outOfOrder);

const pageOf = <S extends z.ZodType>(item: S) =>
  z.looseObject({ items: z.array(item), nextCursor: z.string().nullable() });
const rankedOf = <S extends z.ZodType>(item: S) => z.looseObject({ items: z.array(item) });

const stockStatus = z.enum(["in_stock", "low_stock", "out_of_stock"]);
const productItem = z
  .looseObject({
    id: z.string(),
    slug: z.string(),
    name: z.string(),
    brand: z.string().optional(),
    category: z.string().optional(),
    price: money.optional(),
    priceRange: z.object({ min: money, max: money }).optional(),
    available: z.int().nullable(),
    stockStatus,
  })
  .meta({ id: "ProductListItem" });
const facetCounts = z.array(z.object({ value: z.string(), count: z.int() }));

export const productListAnswer = pageOf(productItem)
  .extend({
    /** Exact up to 10,000; with `totalIsMore` there are more. */
    total: z.int(),
    totalIsMore: z.literal(true).optional(),
    /** What was looked for, when what was typed is nowhere. */
    corrected: z.string().optional(),
    facets: z
      .object({
        category: facetCounts.optional(),
        brand: facetCounts.optional(),
        tag: facetCounts.optional(),
      })
      .optional(),
  })
  .meta({ id: "ProductList" });
export const recentProductsAnswer = rankedOf(productItem).meta({ id: "RecentProducts" });
export const productDetailAnswer = productItem
  .extend({
    status: z.enum(["draft", "published", "archived"]),
    variants: z.array(
      z.looseObject({ sku: z.string(), price: money, available: z.int().nullable(), stockStatus }),
    ),
  })
  .meta({ id: "Product" });

const stockLevel = z
  .looseObject({
    sku: z.string(),
    onHand: z.int(),
    reserved: z.int(),
    committed: z.int(),
    available: z.int(),
    status: stockStatus,
  })
  .meta({ id: "Stock" });
export const stockDetailAnswer = z.union([
  stockLevel,
  z.object({ sku: z.string(), available: z.int().nullable(), status: stockStatus }).meta({ id: "StockLeft" }),
]);
export const stockListAnswer = pageOf(stockLevel).meta({ id: "StockList" });
export const ledgerAnswer = pageOf(
  z.looseObject({ revision: z.int(), at: z.string(), type: z.string(), quantity: z.int() }),
).meta({ id: "StockLedger" });

export const orderListAnswer = pageOf(
  z.looseObject({
    id: z.string(),
    number: z.string(),
    status: z.string(),
    paymentStatus: z.string(),
    total: money,
    placedAt: z.string(),
  }),
).meta({ id: "OrderList" });
export const orderDetailAnswer = z
  .looseObject({
    id: z.string(),
    number: z.string(),
    status: z.string(),
    paymentStatus: z.string(),
    lines: z.array(z.looseObject({ sku: z.string(), quantity: z.int(), unitPrice: money, total: money })),
    totals: z.object({ subtotal: money, discount: money, shipping: money, tax: money, total: money }),
    payments: z.array(z.looseObject({ id: z.string(), status: z.string(), amount: money })),
    shipments: z.array(z.looseObject({ id: z.string() })),
    timeline: z.array(z.object({ at: z.string(), type: z.string(), text: z.string() })),
  })
  .meta({ id: "OrderDetail" });

export const salesAnswer = rankedOf(
  z.object({
    period: z.string(),
    orders: z.int(),
    units: z.int(),
    gross: money,
    refunds: money,
    net: money,
    averageOrderValue: money,
    newCustomers: z.int(),
    returningCustomers: z.int(),
  }),
).meta({ id: "Sales" });
export const refundsAnswer = rankedOf(
  z.looseObject({ period: z.string(), count: z.int(), amount: money }),
).meta({ id: "Refunds" });
export const productSalesAnswer = rankedOf(
  z.object({ sku: z.string(), name: z.string(), units: z.int(), revenue: money }),
).meta({ id: "ProductSales" });
export const bestSellersAnswer = z
  .object({ items: z.array(z.object({ sku: z.string(), name: z.string(), units: z.int().optional() })) })
  .meta({ id: "BestSellers" });
export const categorySalesAnswer = rankedOf(
  z.object({ category: z.string(), units: z.int(), revenue: money }),
).meta({ id: "CategorySales" });
export const funnelAnswer = rankedOf(z.object({ step: z.string(), count: z.int() })).meta({ id: "Funnel" });
