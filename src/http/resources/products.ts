import { z } from "zod";
import { moneyAnswer as money } from "../schemas.ts";
import { availableTold, stockStatus } from "./stock.ts";

/** What shoppers are told of products. Parsing strips what is not named here. */

const guestProductItem = z.object({
  id: z.string(),
  slug: z.string(),
  name: z.string(),
  brand: z.string().optional(),
  category: z.string().optional(),
  tags: z.array(z.string()),
  price: money.optional(),
  priceRange: z.object({ min: money, max: money }).optional(),
  compareAtPrice: money.optional(),
  image: z.object({ url: z.string(), alt: z.string().optional() }).optional(),
  available: availableTold,
  stockStatus,
  createdAt: z.string(),
});

const guestProduct = guestProductItem.extend({
  status: z.literal("published"),
  shortDescription: z.string().optional(),
  description: z.string().optional(),
  images: z.array(z.object({ url: z.string(), alt: z.string().optional(), primary: z.boolean() })),
  variants: z.array(
    z.object({
      sku: z.string(),
      name: z.string().optional(),
      price: money,
      compareAtPrice: money.optional(),
      attributes: z.record(z.string(), z.string()),
      available: availableTold,
      stockStatus,
      backorders: z.boolean(),
    }),
  ),
  updatedAt: z.string(),
});

/** @param text of a list's item as the catalog has it */
export function guestProductText(text: string): string {
  return JSON.stringify(guestProductItem.parse(JSON.parse(text)));
}

/** @param product a published one, as staff sees it */
export function guestProductOf(product: object): z.output<typeof guestProduct> {
  return guestProduct.parse(product);
}
