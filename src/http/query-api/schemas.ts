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
const limit = wholeLimit.default(limitDefault).describe(`How many at most, up to ${limitMax}`);
const text = z.string().min(1).max(filterCharactersMax);
/** One value or several, each a parameter of its own: any of them. */
const texts = z
  .union([text, z.array(text).max(filterValuesMax)])
  .transform((values) => (typeof values === "string" ? [values] : values));
const amount = wholeNumber(0, Number.MAX_SAFE_INTEGER);

export const pageFields = {
  limit,
  cursor: z.string().optional().describe("`nextCursor` of the page before, with the same filters"),
};

const days = {
  from: daySchema.optional().describe("The first day, of the store's time zone, such as 2026-01-15"),
  to: daySchema.optional().describe("The last day, inclusive"),
};

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
  category: texts.optional().describe("A category's path or id, with all below it; several: any of them"),
  brand: texts.optional().describe("A brand's name; several: any of them"),
  tag: texts.optional().describe("Several: any of them"),
  minPrice: amount.optional().describe("In minor units, of the cheapest variant that fits"),
  maxPrice: amount.optional().describe("In minor units"),
  inStock: yesOrNo.optional().describe("`true`: only what can be bought now"),
  featured: yesOrNo.optional(),
  q: z
    .string()
    .max(searchCharactersMax)
    .optional()
    .describe("Words to search for, the last of them perhaps a beginning; misspelt ones are corrected"),
  sort: z
    .enum(productSorts)
    .optional()
    .describe("By relevance where something is searched for, else newest first, if it is left out"),
  facets: facetNames.optional().describe("Which to count, with commas between them"),
  limit: wholeLimit
    .optional()
    .describe(`How many at most, up to ${limitMax}; ${limitDefault} if it is left out`),
  cursor: pageFields.cursor,
};

export const productsQuery = z
  .strictObject({
    ...productFilters,
    status: productStatuses.optional().describe("For staff; without it only what is published"),
    ids: namesOf(idCharactersMax)
      .optional()
      .describe("These products, in this order, instead of a list that is filtered"),
    skus: namesOf(skuCharactersMax)
      .optional()
      .describe("The products that have these SKUs, in this order, instead of a list that is filtered"),
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

export const productParams = z.strictObject({
  id: z.string().min(1).max(100).describe("A product's id or slug"),
});
export const orderParams = z.strictObject({
  id: z.string().min(1).max(64).describe("An order's id or number"),
});
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
  number: text.optional().describe("An order number, or its beginning"),
  name: text.optional().describe("Words of the name that the parcel goes to, the last perhaps a beginning"),
  customer: text.optional().describe("The id of a customer"),
  email: text.optional().describe("An e-mail address, or its beginning"),
  status: z.enum(orderStatuses).optional(),
  paymentStatus: z.enum(paymentStatuses).optional(),
  sku: text.optional().describe("Of one of its lines"),
  from: dayOrInstant.optional().describe("A day of the store, or a time, from which on it was placed"),
  to: dayOrInstant.optional().describe("A day of the store, inclusive, or a time"),
};
const exportFields = {
  format: z.enum(exportFormats).default("csv"),
  bom: yesOrNo
    .default(false)
    .describe("A byte order mark before CSV, for programs that take UTF-8 for something else"),
};
export const ordersExportQuery = z
  .strictObject({ ...orderFilters, rows: z.enum(["lines", "orders"]).default("lines"), ...exportFields })
  .refine(isInOrder, outOfOrder);
export const productsExportQuery = z.strictObject({ status: productStatuses.optional(), ...exportFields });
export const stockExportQuery = z.strictObject({ status: stockStatus.optional(), ...exportFields });

export const ordersQuery = z.strictObject({ ...orderFilters, ...pageFields }).refine(isInOrder, outOfOrder);

export const auditQuery = z
  .strictObject({
    stream: z.string().min(1).max(300).optional().describe("Of one thing, from its own stream: `order-<id>`"),
    actor: text.optional().describe("Of what this one did"),
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
              untold: z
                .literal(true)
                .optional()
                .describe("Personal or secret: that it was changed is all that is told"),
            }),
          )
          .nullable(),
        more: z.boolean().describe("There are more changes than are told"),
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
    discounts: money.describe("Off the gross already; tax and shipping stand beside it"),
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
  topics: topicsOf
    .optional()
    .describe("In one parameter, with commas between them; all of them when it is left out"),
  from: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe(
      "`now`, which is meant when it is left out, `start`, a time, `2026-01-15T12:00:00Z`, or a `Position`.",
    ),
  limit,
  cursor: z.string().optional(),
});
