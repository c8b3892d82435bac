import { z } from "zod";
import { refundCauses } from "../../../commands/order/events.ts";
import { orderStatuses, paymentStatuses } from "../../../commands/order/status.ts";
import { productFacets, productSorts } from "../../../projections/catalog/listing.ts";
import { exportFormats } from "../../../projections/exported.ts";
import { topicNames } from "../../../projections/feed/topics.ts";
import { daySchema, instantSchema } from "../../values/calendar.ts";
import { listOf } from "../resources/lists.ts";
import { money } from "../resources/money.ts";

const limitMax = 100;
const namesMax = 100;
const idCharactersMax = 100;
const skuCharactersMax = 64;
export const limitDefault = 20;
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

const wholeLimit = wholeNumber(1, limitMax);
const limit = wholeLimit.default(limitDefault);
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

/** In one parameter, with commas between them. */
const productStatuses = z
  .string()
  .transform((names) => names.split(","))
  .pipe(z.array(z.enum(["draft", "published", "archived"])));
/** One or several, each a parameter of its own. */
const namesOf = (charactersMax: number) => {
  const name = z.string().min(1).max(charactersMax);
  return z
    .union([name, z.array(name).max(namesMax)])
    .transform((names) => (typeof names === "string" ? [names] : names));
};

const yesOrNo = z.enum(["true", "false"]).transform((text) => text === "true");

const productFilters = {
  category: texts.optional(),
  brand: texts.optional(),
  tag: texts.optional(),
  minPrice: amount.optional(),
  maxPrice: amount.optional(),
  inStock: yesOrNo.optional(),
  featured: yesOrNo.optional(),
  q: z.string().max(searchCharactersMax).optional(),
  sort: z.enum(productSorts).optional(),
  facets: facetNames.optional(),
  limit: wholeLimit.optional(),
  cursor: pageFields.cursor,
};

export const productsQuery = z
  .strictObject({
    ...productFilters,
    /** For staff; without it only what is published. */
    status: productStatuses.optional(),
    /** These products, in this order, instead of a list that is filtered. */
    ids: namesOf(idCharactersMax).optional(),
    /** The products that have these SKUs, in this order, instead of a list that is filtered. */
    skus: namesOf(skuCharactersMax).optional(),
  })
  .superRefine(({ status: _, ...query }, context) => {
    const given = Object.keys(query).filter((name) => query[name as keyof typeof query] !== undefined);
    const names = given.find((name) => name === "ids" || name === "skus");
    if (names === undefined) return;
    for (const other of given) {
      if (other !== names)
        context.addIssue({ code: "custom", path: [other], message: `not together with \`${names}\`` });
    }
  });

export const productParams = z.strictObject({ id: z.string().min(1).max(100) });
export const orderParams = z.strictObject({ id: z.string().min(1).max(64) });
export const pageQuery = z.strictObject(pageFields);
export const shippingMethodsQuery = z.strictObject({
  /** ISO 3166-1 alpha-2. */
  country: z
    .string()
    .regex(/^[A-Za-z]{2}$/, "a country's code of two letters")
    .optional(),
});
export const limitQuery = z.strictObject({ limit });

const stockStatus = z.enum(["in_stock", "low_stock", "out_of_stock"]);
export const stocksQuery = z.strictObject({
  status: stockStatus.optional(),
  ...pageFields,
});

const dayOrInstant = z.union(
  [daySchema, instantSchema],
  "a day, 2026-01-15, or a time, 2026-01-15T12:00:00Z",
);

/** Whether two days, or two instants, are in order; a day and an instant are not compared. */
function isInOrder({ from, to }: { from?: string | undefined; to?: string | undefined }): boolean {
  if (from === undefined || to === undefined || from.includes("T") !== to.includes("T")) return true;
  return Date.parse(from) <= Date.parse(to);
}

export const orderFilters = {
  number: text.optional(),
  name: text.optional(),
  customer: text.optional(),
  email: text.optional(),
  status: z.enum(orderStatuses).optional(),
  paymentStatus: z.enum(paymentStatuses).optional(),
  sku: text.optional(),
  from: dayOrInstant.optional(),
  to: dayOrInstant.optional(),
};
const flag = z.enum(["true", "false"]).transform((text) => text === "true");
const exportFields = {
  format: z.enum(exportFormats).default("csv"),
  /** A byte order mark before CSV, for programs that take UTF-8 for something else. */
  bom: flag.default(false),
};
export const ordersExportQuery = z
  .strictObject({ ...orderFilters, rows: z.enum(["lines", "orders"]).default("lines"), ...exportFields })
  .refine(isInOrder, outOfOrder);
export const productsExportQuery = z.strictObject({ status: productStatuses.optional(), ...exportFields });
export const stockExportQuery = z.strictObject({ status: stockStatus.optional(), ...exportFields });

export const ordersQuery = z.strictObject({ ...orderFilters, ...pageFields }).refine(isInOrder, outOfOrder);

export const auditQuery = z
  .strictObject({
    /** Of one thing, from its own stream: `order-<id>`. */
    stream: z.string().min(1).max(300).optional(),
    /** Of what this one did. */
    actor: text.optional(),
    from: dayOrInstant.optional(),
    to: dayOrInstant.optional(),
    ...pageFields,
  })
  .refine(isInOrder, outOfOrder)
  .superRefine(({ stream, actor, from, to }, context) => {
    if (stream === undefined) return;
    for (const [path, given] of Object.entries({ actor, from, to }))
      if (given !== undefined)
        context.addIssue({ code: "custom", path: [path], message: "not together with `stream`" });
  });

const leaf = z.union([z.string(), z.number(), z.boolean(), z.null()]);
export const auditAnswer = z
  .strictObject({
    items: z.array(
      z.strictObject({
        stream: z.string(),
        revision: z.int(),
        type: z.string(),
        at: z.string(),
        actor: z.string(),
        correlationId: z.string(),
        causationId: z.string().optional(),
        ip: z.string().optional(),
        userAgent: z.string().optional(),
        /** Of the thing's state, leaf by leaf; null where that cannot be told. */
        changes: z
          .array(
            z.strictObject({
              path: z.string(),
              old: leaf.optional(),
              new: leaf.optional(),
              /** Personal or secret: that it was changed is all that is told. */
              untold: z.literal(true).optional(),
            }),
          )
          .nullable(),
        /** There are more changes than are told. */
        more: z.boolean(),
      }),
    ),
    nextCursor: z.string().nullable(),
  })
  .meta({ id: "AuditTrail" });

export const daysQuery = z.strictObject(days).refine(inOrder, outOfOrder);
export const periodsQuery = z
  .strictObject({ ...days, interval: z.enum(["day", "month"]).default("day") })
  .refine(inOrder, outOfOrder);
export const rankedQuery = z
  .strictObject({ ...days, sort: z.enum(["revenue", "units"]).default("revenue"), limit })
  .refine(inOrder, outOfOrder);

export const salesAnswer = listOf(
  z.strictObject({
    period: z.string(),
    orders: z.int(),
    units: z.int(),
    gross: money,
    refunds: money,
    net: money,
    /** Off the gross already; tax and shipping stand beside it. */
    discounts: money,
    tax: money,
    shipping: money,
    refundedTax: money,
    refundedShipping: money,
    fees: money,
    unitsReturned: z.int(),
    averageOrderValue: money,
    newCustomers: z.int(),
    returningCustomers: z.int(),
  }),
).meta({ id: "Sales" });
export const refundsAnswer = listOf(
  z.strictObject({
    period: z.string(),
    count: z.int(),
    amount: money,
    byCause: z.record(z.enum(refundCauses), z.strictObject({ count: z.int(), amount: money })),
  }),
).meta({ id: "Refunds" });
export const productSalesAnswer = listOf(
  z.strictObject({ sku: z.string(), name: z.string(), units: z.int(), revenue: money }),
).meta({ id: "ProductSales" });
export const categorySalesAnswer = listOf(
  z.strictObject({ category: z.string(), units: z.int(), revenue: money }),
).meta({ id: "CategorySales" });
export const funnelAnswer = listOf(z.strictObject({ step: z.string(), count: z.int() })).meta({
  id: "Funnel",
});

export const endpointsQuery = z.strictObject(pageFields);
export const importsQuery = z.strictObject(pageFields);

const topicsOf = z
  .string()
  .transform((names) => names.split(","))
  .pipe(z.array(z.enum(topicNames)));
export const feedQuery = z.strictObject({
  /** In one parameter, with commas between them; all of them when it is left out. */
  topics: topicsOf.optional(),
  /** `now`, which is meant when it is left out, `start`, a time, `2026-01-15T12:00:00Z`, or a `Position`. */
  from: z.string().min(1).max(200).optional(),
  limit,
  cursor: z.string().optional(),
});
