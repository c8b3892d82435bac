import { claim, claimId } from "../../../commands/claim/claim.ts";
import { imported } from "../../../commands/imported/imported.ts";
import {
  addVariants,
  createProduct,
  describeProduct,
  productIdOf,
} from "../../../commands/processes/listing.ts";
import { isRefusal } from "../../../commands/processes/process.ts";
import { findSku } from "../../../commands/processes/skus.ts";
import { type ExistingProduct, type ProductState, product } from "../../../commands/product/product.ts";
import { availableOf } from "../../../commands/stock/state.ts";
import { stock } from "../../../commands/stock/stock.ts";
import type { CommandContext, Engine } from "../../engine/write/engine.ts";
import type { Clock } from "../../values/clock.ts";
import { deriveId } from "../../values/ids.ts";
import type { Problem } from "../../values/problem.ts";
import { foldSku, stockHolder } from "../../values/sku.ts";
import { type Current, digestOf, type KnownStock, planOf, type Step, variantOf, wordsOf } from "./plan.ts";
import type { ProductRecord, Read, Reject } from "./records.ts";

export interface ApplyOptions {
  engine: Engine;
  clock: Clock;
  /** Of the import: what its events are found by. */
  importId: string;
  /** Whether products are published that the file does not keep back. */
  isPublishing: boolean;
  /** Only tells what would be done. */
  isDry: boolean;
}

/** What has become of a product of a file, or would. */
export interface Applied {
  product: string;
  row: number;
  outcome: "created" | "changed" | "unchanged" | "rejected";
  /** In words. */
  steps: string[];
  rejects: Reject[];
}

interface Found extends Current {
  productId: string;
  /** Of the stream of what was imported: what is done after it has ids of its own. */
  revision: number;
}

/**
 * Brings one product of a file into the shop, by the commands that staff has. Their ids derive from the product, from what
 * was imported before and from what they say, so that doing it again, after whatever stop, does nothing twice.
 * @throws what is no refusal of this product: a store that is away
 */
export async function applyProduct(read: Read, options: ApplyOptions): Promise<Applied> {
  const { product: name, row } = read;
  const rejected = (rejects: Reject[]): Applied => ({
    product: name,
    row,
    outcome: "rejected",
    steps: [],
    rejects,
  });
  if ("rejects" in read) return rejected(read.rejects);
  try {
    const { productId, rejects: lost } = await locate(read, options.engine);
    if (lost) return rejected([lost]);
    const { record, found } = await load(read, productId, options.engine);
    const plan = planOf(record, found, options);
    const rejects = [...plan.rejects, ...(await foreignSkus(record, plan.steps, productId, options.engine))];
    if (rejects.length > 0) return rejected(rejects);
    if (!options.isDry) await carryOut(plan.steps, record, found, options);
    if (!options.isDry) await remember(found, plan.said, options);
    const outcome = found.product ? (plan.steps.length > 0 ? "changed" : "unchanged") : "created";
    return { product: name, row, outcome, steps: plan.steps.map(wordsOf), rejects: [] };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return rejected([rejectOf(read, error)]);
  }
}

/** The product that is meant: by its id, by an earlier import, by its handle, or by its SKUs. */
async function locate(
  record: ProductRecord,
  engine: Engine,
): Promise<{ productId: string; rejects?: Reject }> {
  const { id, slug, variants } = record;
  if (id !== undefined) {
    if (await existing(engine, id)) return { productId: id };
    return { productId: id, rejects: { ...record.whereIs("id"), reason: "the shop has no such product" } };
  }
  const derived = productIdOf(creationOf(record));
  if (await existing(engine, derived)) return { productId: derived };
  if (slug !== undefined) {
    const holder = await engine.read(claim, claimId("slug", slug), (state) =>
      state.held ? state.holder : undefined,
    );
    if (holder !== undefined && (await existing(engine, holder))?.slug === slug) return { productId: holder };
    return { productId: derived };
  }
  const [first] = variants;
  const known = first && (await findSku(engine, first.sku));
  const isListed = known && known.holder !== stockHolder && (await existing(engine, known.holder));
  return { productId: isListed ? known.holder : derived };
}

/** The command that creates a product, the same at each import. */
function creationOf({ identity }: ProductRecord): string {
  return deriveId("import product", identity);
}

async function existing(engine: Engine, productId: string): Promise<ExistingProduct | undefined> {
  const state = await engine.read(product, productId, (state: ProductState) => state);
  return state.exists ? state : undefined;
}

async function load(
  record: ProductRecord,
  productId: string,
  engine: Engine,
): Promise<{ record: ProductRecord; found: Found }> {
  const state = await existing(engine, productId);
  const own = state ? withOnlySku(record, state) : record;
  const [said, stocks] = await Promise.all([
    engine.read(imported, productId, (imported, revision) => ({ imported, revision })),
    Promise.all(own.variants.map(({ sku }) => stockOf(engine, sku))),
  ]);
  const found = { productId, product: state, ...said, stocks: new Map(stocks) };
  return { record: own, found };
}

/** A file without SKUs means the only variant that a product has. */
function withOnlySku(record: ProductRecord, state: ExistingProduct): ProductRecord {
  const [variant, ...others] = record.variants;
  const [live, ...more] = [...state.variants.values()].filter(({ retired }) => !retired);
  if (!variant?.isSkuMade || !live || others.length + more.length > 0) return record;
  if (variantOf(state, foldSku(variant.sku))) return record;
  return { ...record, variants: [{ ...variant, sku: live.sku }] };
}

async function stockOf(engine: Engine, given: string): Promise<[folded: string, known: KnownStock]> {
  const sku = (await findSku(engine, given))?.sku ?? given;
  const known = await engine.read(stock, sku, (state, revision): KnownStock => {
    const { track, backorders, lowStockThreshold } = state;
    return {
      sku,
      isOpen: revision >= 0,
      track,
      backorders,
      lowStockThreshold,
      available: availableOf(state),
    };
  });
  return [foldSku(given), known];
}

/** New SKUs that another product of the shop has. */
async function foreignSkus(
  record: ProductRecord,
  steps: readonly Step[],
  productId: string,
  engine: Engine,
): Promise<Reject[]> {
  const fresh = steps.flatMap((step) =>
    step.do === "create" ? step.product.variants : step.do === "add" ? step.variants : [],
  );
  const rejects = await Promise.all(
    fresh.map(async ({ sku }): Promise<Reject[]> => {
      const known = await findSku(engine, sku);
      if (!known || known.holder === stockHolder || known.holder === productId) return [];
      const other = await existing(engine, known.holder);
      if (!other || !variantOf(other, foldSku(sku))) return [];
      const index = record.variants.findIndex((variant) => foldSku(variant.sku) === foldSku(sku));
      return [{ ...record.whereIs(`variants.${index}.sku`), reason: `${other.slug} has this SKU` }];
    }),
  );
  return rejects.flat();
}

async function carryOut(
  steps: readonly Step[],
  record: ProductRecord,
  { productId, revision }: Found,
  { engine, clock, importId }: ApplyOptions,
): Promise<void> {
  const contextOf = (commandId: string): CommandContext => ({
    commandId,
    now: clock(),
    actor: "system:import",
    correlationId: `import-${importId}`,
  });
  for (const step of steps) {
    const isStock = step.do === "receive" || step.do === "adjust";
    // By what is said of the stock, not by what it takes: some may have been sold before it is done again.
    const what = isStock ? ["stock", step.sku, step.target] : [step.do, digestOf(step)];
    const names = ["import", productId, revision, ...what];
    const context = contextOf(step.do === "create" ? creationOf(record) : deriveId(...names));
    const movementId = `import/${productId}/${revision}`;
    await carryOutStep(step, { engine, productId, context, movementId });
  }
}

interface StepOn {
  engine: Engine;
  productId: string;
  context: CommandContext;
  movementId: string;
}

async function carryOutStep(step: Step, { engine, productId, context, movementId }: StepOn): Promise<void> {
  const onProduct = (name: "Publish" | "Archive") => engine.execute(product, productId, name, {}, context);
  switch (step.do) {
    case "create":
      await createProduct(engine, context, step.product, () => {});
      return;
    case "describe":
      await describeProduct(engine, context, productId, step.changes, () => {});
      return;
    case "add":
      await addVariants(engine, context, productId, step.variants, () => {});
      return;
    case "reprice":
      await engine.execute(product, productId, "Reprice", { sku: step.sku, ...step.price }, context);
      return;
    case "change":
      await engine.execute(product, productId, "ChangeVariant", { sku: step.sku, ...step.changes }, context);
      return;
    case "policy":
      await engine.execute(stock, step.sku, "SetPolicy", step.policy, context);
      return;
    case "receive": {
      const receipt = { quantity: step.target, reference: "import", movementId };
      await engine.execute(stock, step.sku, "Receive", receipt, context);
      return;
    }
    case "adjust": {
      const { sku, delta } = step;
      await engine.execute(stock, sku, "Adjust", { sku, delta, reason: "import", movementId }, context);
      return;
    }
    case "publish":
      await onProduct("Publish");
      return;
    case "archive":
      await onProduct("Archive");
  }
}

/** Last, so that a product that was not finished is taken up again. */
async function remember(
  { productId, revision }: Found,
  said: Current["imported"],
  { engine, clock, importId }: ApplyOptions,
): Promise<void> {
  if (Object.keys(said.fields).length + Object.keys(said.variants).length === 0) return;
  const commandId = deriveId("imported", productId, revision, digestOf(said));
  const context = { commandId, now: clock(), actor: "system:import", correlationId: `import-${importId}` };
  await engine.execute(imported, productId, "Record", { importId, ...said }, context);
}

/** A refusal by the field that it names, where it names one. */
function rejectOf(record: ProductRecord, { message, extras }: Problem): Reject {
  const { sku, slug, errors } = extras as {
    sku?: string;
    slug?: string;
    errors?: { path: string; message: string }[];
  };
  const [error] = errors ?? [];
  if (error) return { ...record.whereIs(error.path), reason: error.message };
  const index = record.variants.findIndex(
    (variant) => sku !== undefined && foldSku(variant.sku) === foldSku(sku),
  );
  const path = index >= 0 ? `variants.${index}.sku` : slug !== undefined ? "slug" : "name";
  return { ...record.whereIs(path), reason: message };
}
