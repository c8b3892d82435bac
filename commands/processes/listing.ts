import type { CommandContext, Engine, Outcome } from "../../src/engine/write/engine.ts";
import { deriveBase32, deriveId } from "../../src/values/ids.ts";
import { Problem } from "../../src/values/problem.ts";
import { foldSku, stockHolder } from "../../src/values/sku.ts";
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
import { type ExistingProduct, type ProductState, product } from "../product/product.ts";
import { looksLikeId, slugify, withSuffix } from "../product/slug.ts";
import { placeIn } from "./groups.ts";
import { withNewSkus } from "./skus.ts";

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
  /** Of a SKU that was stocked before, which then is so again. */
  stockedAs?: string;
}

/** A value to be claimed: known by `form`, first written as `spelling` where that is another one. */
interface Claimed {
  kind: ClaimKind;
  form: string;
  spelling?: string;
}

interface Run {
  engine: Engine;
  context: CommandContext;
  productId: string;
  /** What the product has already, and with it the claims. */
  slug: string | undefined;
  /** Spellings by what the SKUs are known by. */
  skus: ReadonlyMap<string, string>;
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
  const { variants: given, ...fields } = checked(newProductSchema, newProduct);
  const variants = withNewSkus(given);
  const run = await start(engine, context, productIdOf(context.commandId));
  return undoneIfRefused(run, async () => {
    const slug = run.slug ?? (await claimSlug(run, slugsFor(newProduct, run.productId)));
    // A product that is there has claimed all it was created with.
    const spelled = run.slug === undefined ? await claimSkus(run, variants) : variants;
    // What is there already was placed when it was created.
    const groups = run.slug === undefined ? await placeIn(engine, context, newProduct) : {};
    assertInTime(run);
    const { expectedRevision: _, ...step } = { ...context, commandId: createStep(context.commandId) };
    const command = { ...fields, ...groups, slug, variants: spelled };
    return engine.execute(product, run.productId, "Create", command, step, respond);
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
  const variants = withNewSkus(checked(variantsSchema, [...newVariants]));
  const run = await startOnExisting(engine, context, productId);
  return undoneIfRefused(run, async () => {
    const spelled = await claimSkus(run, variants);
    assertInTime(run);
    const step = { ...context, commandId: addVariantsStep(context.commandId) };
    return engine.execute(product, productId, "AddVariants", { variants: spelled }, step, respond);
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
    if (slug !== undefined && slug !== run.slug) await claimSlug(run, [givenSlug(slug)]);
    const groups = await placeIn(engine, context, changes);
    assertInTime(run);
    const step = { ...context, commandId: describeStep(context.commandId) };
    return engine.execute(product, productId, "Describe", { ...changes, ...groups }, step, respond);
  });
}

async function start(engine: Engine, context: CommandContext, productId: string): Promise<Run> {
  const startedAtMs = performance.now();
  const has = await engine.read(product, productId, (state: ProductState) => ({
    slug: state.exists ? state.slug : undefined,
    skus: new Map(state.exists ? Array.from(state.variants.keys(), (sku) => [foldSku(sku), sku]) : []),
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

async function giveBack(
  { engine, context, productId }: Run,
  { id, revision, stockedAs }: HeldClaim,
): Promise<void> {
  // At the revision it was made: another run for this product that counts on the claim has renewed it.
  const step = { ...stepContext(context, "release", id, revision), expectedRevision: revision };
  await engine.execute(claim, id, "Release", { holder: productId }, step);
  if (stockedAs === undefined) return;
  const command = { holder: stockHolder, spelling: stockedAs };
  await engine.execute(claim, id, "Claim", command, stepContext(context, "stock", id, revision));
}

function assertInTime({ startedAtMs }: Run): void {
  if (performance.now() - startedAtMs > runMsMax)
    throw new Problem("unavailable", "claiming the slug and SKUs took too long; try again");
}

/** @returns the variants by the spelling their SKUs were first given in, by this product or for its stock */
async function claimSkus<V extends { sku: string }>(run: Run, variants: readonly V[]): Promise<V[]> {
  const spellings = new Map(run.skus);
  // In one order and one after the other, so that of several runs for the same SKUs one gets them all.
  for (const { form, sku } of variants.map(({ sku }) => ({ form: foldSku(sku), sku })).toSorted(byForm)) {
    if (spellings.has(form)) continue;
    const { holder, spelling = sku } = await obtain(run, { kind: "sku", form, spelling: sku });
    if (holder !== undefined)
      throw new Problem("already_exists", `another product has the SKU ${JSON.stringify(sku)}`, {
        sku,
        holder,
      });
    spellings.set(form, spelling);
  }
  return variants.map((variant) => ({ ...variant, sku: spellings.get(foldSku(variant.sku)) ?? variant.sku }));
}

const byForm = (a: { form: string }, b: { form: string }) => (a.form < b.form ? -1 : 1);

/** @returns the first of the slugs that can be had */
async function claimSlug(run: Run, slugs: readonly string[]): Promise<string> {
  let holder: string | undefined;
  for (const slug of slugs) {
    ({ holder } = await obtain(run, { kind: "slug", form: slug }));
    if (holder === undefined) return slug;
  }
  throw new Problem("already_exists", `another product has the slug ${slugs[0]}`, { slug: slugs[0], holder });
}

/** @throws Problem validation_failed */
function givenSlug(slug: string): string {
  if (!looksLikeId(slug)) return slug;
  const message = "a slug must not look like an id";
  throw new Problem("validation_failed", `slug: ${message}`, { errors: [{ path: "slug", message }] });
}

/** The given slug alone, or those made from the name: with numbers, then with one that is hardly taken. */
function slugsFor({ slug, name }: NewProduct, productId: string): string[] {
  if (slug !== undefined) return [givenSlug(slug)];
  const base = slugify(name);
  const suffixes = Array.from({ length: slugNumberMax - 1 }, (_, index) => String(index + 2));
  suffixes.push(deriveBase32(productId, 8).toLowerCase());
  return [base, ...suffixes.map((suffix) => withSuffix(base, suffix))];
}

/**
 * Makes the claim, takes it over when it is stale, or renews it when the product holds it from an earlier
 * run. Every way writes, at the revision that was looked at: so no other run can release it or find it
 * stale on what it saw before.
 * @returns the product that has the value; without one the claim was obtained, with the spelling it goes by
 */
async function obtain(run: Run, wanted: Claimed): Promise<{ holder?: string; spelling?: string }> {
  const { engine, context, productId } = run;
  const id = claimId(wanted.kind, wanted.form);
  for (let attempt = 0; attempt < claimAttemptsMax; attempt++) {
    const { seen, revision } = await engine.read(claim, id, (state, at) => ({ seen: state, revision: at }));
    const isStocked = seen.held && seen.holder === stockHolder;
    const isOthers = seen.held && seen.holder !== productId && !isStocked;
    if (isOthers && !(await isStale(run, wanted, seen))) return { holder: seen.holder };
    // What was stocked before keeps its spelling, for its stock goes by it.
    const kept = seen.held && !isOthers ? (seen.spelling ?? wanted.form) : wanted.spelling;
    const spelled = wanted.kind === "sku" && kept !== undefined && { spelling: kept };
    // With the revision in its id: what was released since is claimed anew, not found done before.
    const step = { ...stepContext(context, "claim", id, revision), expectedRevision: revision };
    const written = await unlessMoved(
      seen.held
        ? engine.execute(claim, id, "TakeOver", { from: seen.holder, holder: productId, ...spelled }, step)
        : engine.execute(claim, id, "Claim", { holder: productId, ...spelled }, step),
    );
    // Written by a twin of this run: look again, and renew it.
    if (!written?.changed) continue;
    const stockedAs = isStocked && kept !== undefined && { stockedAs: kept };
    if (!seen.held || seen.holder !== productId)
      run.made.push({ id, revision: written.revision, ...stockedAs });
    return { ...spelled };
  }
  const { kind, form } = wanted;
  throw new Problem("too_much_contention", `many claim the ${kind} ${JSON.stringify(form)} at once`);
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
  { kind, form }: Claimed,
  seen: { holder: string; since: number },
): Promise<boolean> {
  if (context.now - seen.since <= staleClaimMs) return false;
  return engine.read(
    product,
    seen.holder,
    (state: ProductState) => !state.exists || (kind === "sku" ? !hasSku(state, form) : state.slug !== form),
  );
}

function hasSku({ variants }: ExistingProduct, form: string): boolean {
  return [...variants.keys()].some((sku) => foldSku(sku) === form);
}
