import type { CommandContext, Engine, Outcome } from "../../src/engine/write/engine.ts";
import { deriveBase32, deriveId } from "../../src/values/ids.ts";
import { Problem } from "../../src/values/problem.ts";
import { type ClaimKind, claim, claimId } from "../claim/claim.ts";
import {
  checked,
  type NewProduct,
  type NewVariant,
  newProductSchema,
  type ProductChanges,
  productChangesSchema,
  variantsSchema,
} from "../product/fields.ts";
import { type ProductState, product } from "../product/product.ts";
import { slugify, withSuffix } from "../product/slug.ts";

/** A claim this old whose holder never got what was claimed was left behind by a crash. */
export const staleClaimMs = 60_000;
/**
 * A run that has taken longer gives up before it touches the product, because its first claims may soon
 * count as stale. Half, so that clocks of different machines may differ by the other half.
 */
const runMsMax = staleClaimMs / 2;
const claimAttemptsMax = 20;
const slugNumberMax = 20;

/** What the caller wants of the product right after its command. */
type Respond<R> = (state: ProductState, revision: number) => R;

/** The product that a command creates. */
export function productIdOf(commandId: string): string {
  return deriveId(commandId, "product");
}

/** The commands by which each of these processes has its effect on the product's stream. */
export const createStep = (commandId: string) => deriveId(commandId, "create");
export const addVariantsStep = (commandId: string) => deriveId(commandId, "add-variants");
export const describeStep = (commandId: string) => deriveId(commandId, "describe");

/** A claim that this run wrote last, at this revision of its stream. */
interface HeldClaim {
  id: string;
  revision: number;
}

interface Run {
  engine: Engine;
  context: CommandContext;
  productId: string;
  /** What the product has already, and with it the claims. */
  slug: string | undefined;
  skus: ReadonlySet<string>;
  /** Claims to give back when the run is refused. */
  made: HeldClaim[];
  startedAtMs: number;
}

/**
 * Creates a product: claims its slug and its SKUs, in this order, then writes its first event.
 *
 * The same command id gives the same product, `productIdOf`, and no more events. After a
 * crash, doing it again finishes it; if nobody does, its claims count as stale after `staleClaimMs`, and
 * whoever needs them takes them over.
 *
 * @throws Problem `validation_failed`, or `already_exists` with the `sku` or `slug` that another product has;
 *   what the call had claimed is free again
 */
export async function createProduct<R>(
  engine: Engine,
  context: CommandContext,
  newProduct: NewProduct,
  respond: Respond<R>,
): Promise<Outcome<R>> {
  const fields = checked(newProductSchema, newProduct);
  const run = await start(engine, context, productIdOf(context.commandId));
  return undoneIfRefused(run, async () => {
    const slug = run.slug ?? (await claimSlug(run, slugsFor(fields, run.productId)));
    // A product that is there has claimed all it was created with.
    if (run.slug === undefined) await claimSkus(run, fields.variants);
    assertInTime(run);
    const { expectedRevision: _, ...step } = { ...context, commandId: createStep(context.commandId) };
    return engine.execute(product, run.productId, "Create", { ...fields, slug }, step, respond);
  });
}

/**
 * Adds variants to a product, all or none, claiming their SKUs first; as harmless to repeat as
 * `createProduct`.
 * @throws Problem what AddVariants refuses, or `already_exists` with the `sku` that another product has
 */
export async function addVariants<R>(
  engine: Engine,
  context: CommandContext,
  productId: string,
  newVariants: readonly NewVariant[],
  respond: Respond<R>,
): Promise<Outcome<R>> {
  const variants = checked(variantsSchema, [...newVariants]);
  const run = await startOnExisting(engine, context, productId);
  return undoneIfRefused(run, async () => {
    await claimSkus(run, variants);
    assertInTime(run);
    const step = { ...context, commandId: addVariantsStep(context.commandId) };
    return engine.execute(product, productId, "AddVariants", { variants }, step, respond);
  });
}

/**
 * Describes a product, claiming its new slug first if it gets one. The claim of the old slug is left to
 * become stale: releasing it could race with the product taking its old slug back.
 * @throws Problem what Describe refuses, or `already_exists` with the `slug` that another product has
 */
export async function describeProduct<R>(
  engine: Engine,
  context: CommandContext,
  productId: string,
  changes: ProductChanges,
  respond: Respond<R>,
): Promise<Outcome<R>> {
  const { slug } = checked(productChangesSchema, changes);
  const run = await startOnExisting(engine, context, productId);
  return undoneIfRefused(run, async () => {
    if (slug !== undefined && slug !== run.slug) await claimSlug(run, [slug]);
    assertInTime(run);
    const step = { ...context, commandId: describeStep(context.commandId) };
    return engine.execute(product, productId, "Describe", changes, step, respond);
  });
}

async function start(engine: Engine, context: CommandContext, productId: string): Promise<Run> {
  const startedAtMs = performance.now();
  const has = await engine.read(product, productId, (state: ProductState) => ({
    slug: state.exists ? state.slug : undefined,
    skus: new Set(state.exists ? state.variants.keys() : []),
  }));
  return { engine, context, productId, ...has, made: [], startedAtMs };
}

async function startOnExisting(engine: Engine, context: CommandContext, productId: string): Promise<Run> {
  const run = await start(engine, context, productId);
  if (run.slug === undefined) throw new Problem("not_found", `there is no product ${productId}`);
  return run;
}

/** A step on a claim: the request's condition, and where its key was taken, are about the product. */
function stepContext(
  { expectedRevision: _, since: __, ...context }: CommandContext,
  ...step: (string | number)[]
): CommandContext {
  return {
    ...context,
    commandId: deriveId(context.commandId, ...step),
    causationId: context.commandId,
  };
}

/** Only a refusal is undone: of an unknown outcome, the product may have come to need the claims. */
async function undoneIfRefused<R>(run: Run, steps: () => Promise<R>): Promise<R> {
  try {
    return await steps();
  } catch (error) {
    // What cannot be given back now becomes stale; the caller is told of the refusal all the same.
    if (error instanceof Problem) await Promise.allSettled(run.made.map((held) => giveBack(run, held)));
    throw error;
  }
}

async function giveBack({ engine, context, productId }: Run, { id, revision }: HeldClaim): Promise<void> {
  // At the revision it was made: another run for this product that counts on the claim has renewed it.
  const step = { ...stepContext(context, "release", id, revision), expectedRevision: revision };
  await engine.execute(claim, id, "Release", { holder: productId }, step);
}

function assertInTime({ startedAtMs }: Run): void {
  if (performance.now() - startedAtMs > runMsMax)
    throw new Problem("unavailable", "claiming the slug and SKUs took too long; try again");
}

async function claimSkus(run: Run, variants: readonly { sku: string }[]): Promise<void> {
  // In one order and one after the other, so that of several runs for the same SKUs one gets them all.
  for (const sku of variants.map((variant) => variant.sku).toSorted()) {
    if (run.skus.has(sku)) continue;
    const holder = await obtain(run, "sku", sku);
    if (holder !== undefined)
      throw new Problem("already_exists", `another product has the SKU ${JSON.stringify(sku)}`, {
        sku,
        holder,
      });
  }
}

/** @returns the first of the slugs that can be had */
async function claimSlug(run: Run, slugs: readonly string[]): Promise<string> {
  let holder: string | undefined;
  for (const slug of slugs) {
    holder = await obtain(run, "slug", slug);
    if (holder === undefined) return slug;
  }
  throw new Problem("already_exists", `another product has the slug ${slugs[0]}`, { slug: slugs[0], holder });
}

/** The given slug alone, or those made from the name: with numbers, then with one that is hardly taken. */
function slugsFor({ slug, name }: NewProduct, productId: string): string[] {
  if (slug !== undefined) return [slug];
  const base = slugify(name);
  const suffixes = Array.from({ length: slugNumberMax - 1 }, (_, index) => String(index + 2));
  suffixes.push(deriveBase32(productId, 8).toLowerCase());
  return [base, ...suffixes.map((suffix) => withSuffix(base, suffix))];
}

/**
 * Makes the claim, takes it over when it is stale, or renews it when the product holds it from an earlier
 * run. Every way writes, at the revision that was looked at: so no other run can release it or find it
 * stale on what it saw before.
 * @returns the product that has the value, `undefined` when the claim was obtained
 */
async function obtain(run: Run, kind: ClaimKind, value: string): Promise<string | undefined> {
  const { engine, context, productId } = run;
  const id = claimId(kind, value);
  for (let attempt = 0; attempt < claimAttemptsMax; attempt++) {
    const { seen, revision } = await engine.read(claim, id, (state, at) => ({ seen: state, revision: at }));
    if (seen.held && seen.holder !== productId && !(await isStale(run, kind, value, seen)))
      return seen.holder;
    // With the revision in its id: what was released since is claimed anew, not found done before.
    const step = { ...stepContext(context, "claim", id, revision), expectedRevision: revision };
    const written = await unlessMoved(
      seen.held
        ? engine.execute(claim, id, "TakeOver", { from: seen.holder, holder: productId }, step)
        : engine.execute(claim, id, "Claim", { holder: productId }, step),
    );
    // Written by a twin of this run: look again, and renew it.
    if (!written?.changed) continue;
    if (!seen.held || seen.holder !== productId) run.made.push({ id, revision: written.revision });
    return undefined;
  }
  throw new Problem("too_much_contention", `many claim the ${kind} ${JSON.stringify(value)} at once`);
}

async function unlessMoved<R>(execution: Promise<Outcome<R>>): Promise<Outcome<R> | undefined> {
  try {
    return await execution;
  } catch (error) {
    if (error instanceof Problem && error.code === "revision_mismatch") return undefined;
    throw error;
  }
}

async function isStale(
  { engine, context }: Run,
  kind: ClaimKind,
  value: string,
  seen: { holder: string; since: number },
): Promise<boolean> {
  if (context.now - seen.since <= staleClaimMs) return false;
  return engine.read(
    product,
    seen.holder,
    (state: ProductState) =>
      !state.exists || (kind === "sku" ? !state.variants.has(value) : state.slug !== value),
  );
}
