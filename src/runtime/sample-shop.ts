import { createProduct, productIdOf } from "../../commands/processes/listing.ts";
import type { NewProduct } from "../../commands/product/fields.ts";
import { product } from "../../commands/product/product.ts";
import { stock } from "../../commands/stock/stock.ts";
import type { CommandContext } from "../engine/write/engine.ts";
import { logStart } from "../stores/event-store/event-store.ts";
import { deriveId } from "../values/ids.ts";
import { currencyDecimals } from "../values/money.ts";
import type { Runtime } from "./runtime.ts";

interface Sample {
  name: string;
  brand: string;
  category: string;
  tags: string[];
  description: string;
  variants: { sku: string; name?: string; price: string; quantity: number }[];
}

const samples: readonly Sample[] = [
  {
    name: "Oak Writing Desk",
    brand: "Wainwright",
    category: "furniture",
    tags: ["oak", "office"],
    description: "A desk of solid oak with two drawers.",
    variants: [{ sku: "DESK-OAK", price: "349.00", quantity: 12 }],
  },
  {
    name: "Linen Shirt",
    brand: "Weaver",
    category: "clothing",
    tags: ["linen", "summer"],
    description: "A loose shirt of washed linen.",
    variants: [
      { sku: "SHIRT-S", name: "Small", price: "59.00", quantity: 40 },
      { sku: "SHIRT-M", name: "Medium", price: "59.00", quantity: 60 },
      { sku: "SHIRT-L", name: "Large", price: "62.00", quantity: 35 },
    ],
  },
  {
    name: "Stoneware Mug",
    brand: "Potter",
    category: "kitchen",
    tags: ["ceramic", "gift"],
    description: "A mug that holds a third of a litre and keeps it warm.",
    variants: [{ sku: "MUG-01", price: "14.50", quantity: 200 }],
  },
  {
    name: "Wool Blanket",
    brand: "Weaver",
    category: "home",
    tags: ["wool", "winter", "gift"],
    description: "A heavy blanket of undyed wool.",
    variants: [{ sku: "BLANKET-01", price: "120.00", quantity: 25 }],
  },
  {
    name: "Cast-Iron Pan",
    brand: "Smith",
    category: "kitchen",
    tags: ["iron"],
    description: "A pan for every fire, 28 cm wide.",
    variants: [{ sku: "PAN-28", price: "79.90", quantity: 3 }],
  },
];

const lowStockThreshold = 5;
/** A log with more events than this holds more than the samples. */
const sampleEventsMax = 200;
/** What may stand on a log that is empty but for the sample shop. */
const ownActors = new Set(["system:sample-shop", "system:settings", "system:upgrade"]);

/**
 * Fills a store that has never held an event. Every command has a fixed id, so a start that was broken off
 * goes on where it stopped.
 * @returns whether there was anything to do
 */
export async function fillSampleShop({ engine, events, clock, config }: Runtime): Promise<boolean> {
  if (engine.refusal) return false;
  const log = await events.readAll({ after: logStart, maxCount: sampleEventsMax + 1 });
  const onlySamples = log.events.every(({ metadata }) => ownActors.has(metadata.actor));
  if (log.events.length > sampleEventsMax || !onlySamples) return false;
  const context = (...names: string[]): CommandContext => ({
    commandId: deriveId("sample shop", ...names),
    now: clock(),
    actor: "system:sample-shop",
    correlationId: "sample-shop",
  });
  let changed = false;
  for (const sample of samples) {
    const created = await createProduct(
      engine,
      context(sample.name),
      newProduct(sample, config.STORE_CURRENCY),
      () => productIdOf(context(sample.name).commandId),
    );
    changed ||= created.changed;
    const id = created.result;
    for (const { sku, quantity } of sample.variants) {
      await engine.execute(
        stock,
        sku,
        "Receive",
        { quantity, reference: "opening stock" },
        context(sku, "receive"),
      );
      await engine.execute(stock, sku, "SetPolicy", { lowStockThreshold }, context(sku, "policy"));
    }
    await engine.execute(product, id, "Publish", {}, context(sample.name, "publish"));
  }
  return changed;
}

function newProduct({ variants, ...fields }: Sample, currency: string): NewProduct {
  const scale = 10 ** currencyDecimals(currency);
  return {
    ...fields,
    variants: variants.map(({ sku, name, price }) => ({
      sku,
      ...(name !== undefined && { name }),
      price: { amount: Math.round(Number(price) * scale), currency },
    })),
  };
}
