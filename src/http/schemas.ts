import { z } from "zod";
import { givenAddressSchema } from "../../commands/address.ts";
import { lineQuantityMax, paymentMethods } from "../../commands/cart/events.ts";
import { deliveryOutcomes, returnReasons } from "../../commands/order/events.ts";
import { shippingMethods } from "../../commands/processes/shop.ts";
import { skuSchema } from "../../commands/product/fields.ts";
import { stockConditions, stockQuantityMax } from "../../commands/stock/events.ts";
import { topicNames } from "../../projections/feed/topics.ts";
import { sandboxEventSchema } from "../gateways/sandbox-webhooks.ts";
import { emailSchema } from "../values/email.ts";
import { currencySchema, moneySchema, priceSchema } from "../values/money.ts";
import { type ProblemCode, problems } from "../values/problem.ts";
import { money as told } from "./resources/money.ts";
import { quote } from "./resources/quotes.ts";

/** Ids are UUIDs; anything shorter than this that is asked for is simply not found. */
const idSchema = z.string().min(1).max(64).describe("As an answer gave it");
const reason = z.string().trim().min(1).max(500);

export const idParams = z.strictObject({ id: idSchema });
const skuParam = skuSchema.describe("In any spelling");
export const skuParams = z.strictObject({ sku: skuParam });
export const idAndSkuParams = z.strictObject({ id: idSchema, sku: skuParam });
export const returnParams = z.strictObject({ id: idSchema, returnId: idSchema });
export const shipmentParams = z.strictObject({ id: idSchema, shipmentId: idSchema });
export const noQuery = z.strictObject({});
const yesOrNo = z
  .enum(["true", "false"])
  .default("false")
  .transform((text) => text === "true");
export const importQuery = z.strictObject({
  dryRun: yesOrNo.describe("Only tells what would be done"),
  publish: yesOrNo.describe("Publishes what the file does not keep back as a draft"),
  encoding: z
    .string()
    .max(40)
    .optional()
    .describe("Of CSV that is not UTF-8, where its content type does not say so"),
});
/** Commands without fields may come with no body or an empty one. */
export const emptyBody = z.strictObject({}).nullish();

/** Of one request; a cart may hold more. */
const addedItemsMax = 200;
const lineQuantity = z.int().min(1).max(lineQuantityMax);

export const receiptBody = z.strictObject({
  quantity: z.int().min(1).max(stockQuantityMax),
  reference: z.string().trim().min(1).max(200).optional(),
});
export const adjustmentBody = z.strictObject({
  delta: z
    .int()
    .min(-stockQuantityMax)
    .max(stockQuantityMax)
    .refine((delta) => delta !== 0, "not 0"),
  reason,
});
export const countBody = z.strictObject({
  counted: z.int().min(0).max(stockQuantityMax).describe("All pieces in the house, in whatever condition"),
  reason: reason.optional(),
});
export const moveBody = z
  .strictObject({
    from: z.enum(stockConditions),
    to: z.enum([...stockConditions, "out"]),
    quantity: z.int().min(1).max(stockQuantityMax),
    reason,
  })
  .refine(({ from, to }) => from !== to, { path: ["to"], message: "another condition than `from`" });
export const policyBody = z
  .strictObject({
    track: z.boolean().optional(),
    backorders: z.boolean().optional(),
    lowStockThreshold: z.int().min(0).max(stockQuantityMax).optional(),
    counted: z
      .int()
      .min(0)
      .max(stockQuantityMax)
      .optional()
      .describe("Of a SKU that is tracked from now on: all pieces in the house"),
  })
  .refine(({ track, counted }) => counted === undefined || track === true, {
    path: ["counted"],
    message: "goes with `track: true`",
  });

export const openCartBody = z
  .strictObject({
    currency: currencySchema.optional(),
    draft: z.boolean().optional().describe("Staff only: for a customer, and without an end"),
  })
  .nullish();
const addedItem = z.strictObject({
  sku: skuSchema,
  quantity: lineQuantity,
  unitPrice: priceSchema
    .optional()
    .describe("Staff only: the price of this line, whatever the product costs"),
});
export const addItemBody = z.union([
  addedItem,
  z.strictObject({ items: z.array(addedItem).min(1).max(addedItemsMax) }),
]);
/** By its id, a price or `sku`, a colon and the SKU; or by its SKU. */
export const cartLineParams = z.strictObject({ id: idSchema, line: z.string().min(1).max(160) });
export const changeItemBody = z.strictObject({ quantity: lineQuantity });

const paymentToken = z.string().min(1).max(500);

/** What is left out stays as it was, and null clears. */
export const cartDetailsBody = z.strictObject({
  email: emailSchema.nullish(),
  shippingAddress: givenAddressSchema.nullish(),
  billingAddress: givenAddressSchema.nullish(),
  shippingMethod: z.enum(shippingMethods).nullish(),
});
/** What is left out is what the cart keeps. */
export const quoteBody = z
  .strictObject({
    shippingAddress: z
      .strictObject({
        country: z.string().trim().min(1).max(100),
        state: z.string().trim().min(1).max(100).optional(),
        postalCode: z.string().trim().min(1).max(20).optional(),
      })
      .optional(),
    shippingMethod: z.enum(shippingMethods).optional(),
  })
  .nullish();

/** What is left out is what the cart keeps. */
export const checkoutBody = z.strictObject({
  email: emailSchema.optional(),
  shippingAddress: givenAddressSchema.optional(),
  billingAddress: givenAddressSchema.optional(),
  shippingMethod: z.enum(shippingMethods).optional(),
  payment: z.strictObject({
    method: z.enum(paymentMethods),
    token: paymentToken.optional(),
  }),
  quoteHash: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe("What the customer has agreed to: all of a quote, or what it comes to"),
  acceptedTotal: moneySchema.optional(),
});

/** A line of an order, by its id or by SKU, which fills its lines first to last. */
const lineId = z.int().min(1).max(2_000);
const namedLines = z
  .array(
    z.union([
      z.strictObject({ lineId, quantity: lineQuantity }),
      z.strictObject({ sku: skuSchema, quantity: lineQuantity }),
    ]),
  )
  .min(1)
  .max(2_000);

export const cancelBody = z
  .strictObject({
    reason: reason.optional(),
    lines: namedLines.optional().describe("All that has not been sent when they are left out"),
    credit: z.literal("none").optional().describe("The shop keeps the money"),
  })
  .nullish();
export const shipmentBody = z
  .strictObject({
    lines: namedLines.optional(),
    carrier: z.string().trim().min(1).max(100).optional(),
    trackingNumber: z.string().trim().min(1).max(100).optional(),
  })
  .nullish();
export const deliveryBody = z
  .strictObject({
    shipmentId: idSchema.optional().describe("All that are under way when it is left out"),
    lines: namedLines.optional(),
    cash: moneySchema
      .refine(({ amount }) => amount >= 0, "not below 0")
      .optional()
      .describe("What the carrier has taken, where it is not what it had to"),
  })
  .refine(({ shipmentId, lines, cash }) => shipmentId !== undefined || (!lines && !cash), {
    path: ["shipmentId"],
    message: "says what shipment the lines and the cash are of",
  })
  .nullish();
export const failureBody = z.strictObject({
  outcome: z.enum(deliveryOutcomes),
  lines: namedLines.optional().describe("All that is under way of it when they are left out"),
});
const inspectedPieces = {
  sellable: z.int().min(0).max(lineQuantityMax),
  damaged: z.int().min(0).max(lineQuantityMax).default(0),
};
export const shipmentReturnBody = z.strictObject({
  lines: z
    .array(
      z.union([
        z.strictObject({ lineId, ...inspectedPieces }),
        z.strictObject({ sku: skuSchema, ...inspectedPieces }),
      ]),
    )
    .min(1)
    .max(2_000)
    .refine((lines) => lines.every(({ sellable, damaged }) => sellable + damaged > 0), "at least one piece"),
});
const addedPieces = z
  .array(z.strictObject({ sku: skuSchema, quantity: lineQuantity }))
  .min(1)
  .max(200);
export const editBody = z
  .strictObject({
    add: addedPieces.optional().describe("At the prices of now"),
    remove: namedLines.optional(),
    shippingAddress: givenAddressSchema.optional(),
    shippingMethod: z.enum(shippingMethods).optional(),
    acceptedTotal: moneySchema.optional().describe("What is due for all of it afterwards"),
  })
  .refine(({ acceptedTotal: _, ...changes }) => Object.values(changes).some((change) => change), {
    message: "says nothing that could be changed",
  });
const exchangedPieces = { quantity: lineQuantity, reason: z.enum(returnReasons).optional() };
export const exchangeBody = z.strictObject({
  returns: z
    .array(
      z.union([
        z.strictObject({ lineId, ...exchangedPieces }),
        z.strictObject({ sku: skuSchema, ...exchangedPieces }),
      ]),
    )
    .min(1)
    .max(2_000),
  adds: addedPieces.describe("At the prices of now"),
  advance: z
    .boolean()
    .optional()
    .describe("What is to come back is credited at once, and asked for again where it does not come"),
});
export const reshipmentBody = z.strictObject({ lines: namedLines });
const returnedPieces = {
  quantity: lineQuantity,
  reason: z.enum(returnReasons).optional(),
  sellable: z
    .int()
    .min(0)
    .max(lineQuantityMax)
    .optional()
    .describe("Given when the goods are here and inspected already: the rest of the quantity is damaged"),
};
export const returnBody = z.strictObject({
  lines: z
    .array(
      z.union([
        z.strictObject({ lineId, ...returnedPieces }),
        z.strictObject({ sku: skuSchema, ...returnedPieces }),
      ]),
    )
    .min(1)
    .max(2_000),
  reason: reason.optional(),
});
export const rejectReturnBody = z.strictObject({ reason });
const some = z.int().min(0).max(lineQuantityMax).optional();
const found = { sellable: some, damaged: some, rejected: some };
const money = {
  refund: z
    .enum(["auto", "none"])
    .optional()
    .describe("What is not rejected is refunded unless it says none"),
  fee: moneySchema
    .refine(({ amount }) => amount >= 0, "not below 0")
    .optional()
    .describe("What the shop keeps of it"),
};
/** \`quantity\` are pieces that have still to be inspected. */
export const receiveReturnBody = z.strictObject({
  lines: z
    .array(
      z.union([
        z.strictObject({ lineId, ...found, quantity: some }),
        z.strictObject({ sku: skuSchema, ...found, quantity: some }),
      ]),
    )
    .min(1)
    .max(2_000),
  ...money,
});
export const inspectReturnBody = z.strictObject({
  lines: z
    .array(z.union([z.strictObject({ lineId, ...found }), z.strictObject({ sku: skuSchema, ...found })]))
    .min(1)
    .max(2_000),
  ...money,
});
const aboveNothing = moneySchema.refine(({ amount }) => amount > 0, "above 0");
/** An event as the sandbox sends it. */
export const sandboxEventBody = z.strictObject({
  event: sandboxEventSchema,
  copies: z.int().min(1).max(10).optional(),
  delayMs: z.int().min(0).max(600_000).optional(),
});
/** What has still to be paid, without an amount. */
export const captureBody = z.strictObject({ amount: aboveNothing.optional() }).nullish();
export const furtherPaymentBody = z.strictObject({
  method: z.enum(paymentMethods),
  token: paymentToken.optional(),
});
export const rejectRefundBody = z.strictObject({ reason });
/** `manual`: staff give it back themselves. */
export const retryRefundBody = z.strictObject({ manual: z.boolean().optional() }).nullish();
/** Without any of them, all that is left is refunded. */
export const refundBody = z
  .strictObject({
    lines: namedLines.optional(),
    shipping: z
      .union([z.literal(true), aboveNothing])
      .optional()
      .describe("Tax and all; true for all that is left of it"),
    amount: aboveNothing.optional().describe("As goodwill"),
    of: z.literal("delivered").optional().describe("Only pieces that have left"),
    reason,
  })
  .refine(({ amount, lines, shipping }) => !amount || (!lines && !shipping), {
    path: ["amount"],
    message: "an amount is goodwill, and stands alone",
  })
  .refine(({ of, lines }) => !of || lines, { path: ["of"], message: "is said of lines" });
export const noteBody = z.strictObject({
  text: z.string().trim().min(1).max(5_000),
  visibility: z.enum(["staff", "customer"]).default("staff").describe("Who may read it beside staff"),
});

export const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(Object.keys(problems) as [ProblemCode, ...ProblemCode[]]),
    errors: z
      .array(z.strictObject({ path: z.string(), message: z.string() }))
      .optional()
      .describe("Of `validation_failed`: which fields, such as `items.0.quantity`"),
    sku: z.string().optional().describe("Of `out_of_stock` and `not_for_sale`"),
    requested: z.int().optional().describe("Of `out_of_stock`"),
    available: z.int().nullish().describe("Of `out_of_stock`"),
    total: told.optional().describe("Of `price_changed`: what it comes to by now"),
    acceptedTotal: told.optional().describe("Of `price_changed`"),
    quote: quote.optional().describe("Of `price_changed`: the new quote"),
    orderId: z.string().optional().describe("Of `cart_locked` and `cart_converted`"),
    revision: z.int().optional().describe("Of `revision_mismatch`: the one it is at"),
    position: z.string().optional().describe("Of `projection_behind`: how far the read model is"),
    store: z.enum(["events", "views", "vault"]).optional().describe("Of `unavailable`: which store is away"),
  })
  .meta({ id: "Problem" });

const topicList = z.array(z.enum(topicNames)).min(1).max(100);
const endpointFields = {
  url: z
    .string()
    .min(1)
    .max(2_000)
    .describe("Where it is told; `https` only, unless WEBHOOK_PRIVATE_ADDRESSES allows it otherwise"),
  topics: topicList,
};
const endpointDescription = z.string().trim().min(1).max(500);
export const newEndpointBody = z.strictObject({
  ...endpointFields,
  description: endpointDescription.optional(),
});
export const endpointChangesBody = z.strictObject({
  url: endpointFields.url.optional(),
  topics: topicList.optional(),
  description: endpointDescription.nullish(),
  enabled: z.boolean().optional().describe("Turned on again, it is sent what it has missed"),
});
export const replayBody = z.strictObject({
  from: z
    .string()
    .min(1)
    .max(200)
    .describe("A `Position`, whose event is not sent again, or a time, `2026-01-15T12:00:00Z`"),
  topics: topicList
    .optional()
    .describe("Of those that the endpoint subscribes to; all of them when they are left out"),
  replace: z
    .boolean()
    .optional()
    .describe("In place of one that is under way, what of it has not been sent: refused without"),
});
