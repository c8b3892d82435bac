import { z } from "zod";
import { shippingMethods } from "../../../commands/processes/shop.ts";
import { money, totals } from "./money.ts";

const shippingOption = z
  .strictObject({
    method: z.enum(shippingMethods),
    price: money.describe("Without tax where prices are without it"),
  })
  .meta({ id: "ShippingOption" });
export const shippingMethodsAnswer = z
  .strictObject({ items: z.array(shippingOption) })
  .meta({ id: "ShippingMethods" });

export const quote = z
  .strictObject({
    quoteHash: z.string().describe("Sent with the checkout: it is charged just this, or refused"),
    lines: z.array(
      z.strictObject({
        lineId: z.string(),
        sku: z.string(),
        name: z.string(),
        quantity: z.int(),
        unitPrice: money,
        subtotal: money,
        discount: money,
        tax: money,
        total: money,
      }),
    ),
    shippingMethod: z.enum(shippingMethods),
    shippingOptions: z.array(shippingOption),
    taxes: z.array(z.strictObject({ rateBp: z.int(), included: z.boolean(), amount: money })),
    totals,
    changes: z
      .array(z.strictObject({ lineId: z.string(), sku: z.string(), was: money, now: money }))
      .describe("Prices that have changed since their lines were added"),
  })
  .meta({ id: "Quote" });
