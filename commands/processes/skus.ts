import type { CommandContext, Engine } from "../../src/engine/write/engine.ts";
import { deriveId } from "../../src/values/ids.ts";
import { type FieldError, notFound, Problem } from "../../src/values/problem.ts";
import { foldSku, spelledSku, stockHolder } from "../../src/values/sku.ts";
import { type ClaimState, claim, claimId } from "../claim/claim.ts";
import { stock } from "../stock/stock.ts";

export interface KnownSku {
  /** As it was first given: what its streams are named by. */
  sku: string;
  /** The product that has it, or `stockHolder`. */
  holder: string;
}

/**
 * The SKU that is meant, however it is written. Its claim goes by what it is known by; claims that version 0.1 made
 * go by its spelling, and where a log holds two spellings of one SKU the exact one is meant.
 * @param asOf as for `Engine.read`
 */
export async function findSku(engine: Engine, given: string, asOf?: number): Promise<KnownSku | undefined> {
  const folded = foldSku(given);
  const known = await heldAs(engine, folded, asOf);
  if (known?.sku === given || given === folded) return known;
  return (await heldAs(engine, given, asOf)) ?? known;
}

async function heldAs(engine: Engine, value: string, asOf?: number): Promise<KnownSku | undefined> {
  const known = (state: ClaimState) =>
    state.held ? { sku: state.spelling ?? value, holder: state.holder } : undefined;
  return engine.read(claim, claimId("sku", value), known, asOf);
}

/** As its streams, cart lines and order lines are named; what was given when nobody has it. */
export async function spellingOf(engine: Engine, given: string): Promise<string> {
  return (await findSku(engine, given))?.sku ?? given;
}

/** Lines of a request, by the spelling that the order has. */
export async function spelledLines<L extends { sku: string }>(
  engine: Engine,
  lines: readonly L[],
): Promise<L[]> {
  return Promise.all(lines.map(async (line) => ({ ...line, sku: await spellingOf(engine, line.sku) })));
}

/** Lines of a request that may name them by their ids. */
export async function spelledNames<L extends { sku: string } | { lineId: number }>(
  engine: Engine,
  lines: readonly L[],
): Promise<L[]> {
  return Promise.all(
    lines.map(async (line) => ("sku" in line ? { ...line, sku: await spellingOf(engine, line.sku) } : line)),
  );
}

/**
 * The SKU that stock is booked for: one that a product has, or that is stocked already.
 * @throws Problem not_found
 */
export async function stockedSku(engine: Engine, given: string): Promise<string> {
  const known = await findSku(engine, given);
  if (known) return known.sku;
  // Before SKUs were claimed for stock alone, any could be booked.
  if (await engine.read(stock, given, (_, revision) => revision >= 0)) return given;
  throw notFound("SKU", given);
}

/**
 * As `stockedSku`, but for one that nobody knows yet the spelling to open it by.
 * @throws Problem validation_failed for what no new SKU may look like
 */
export async function skuToStock(engine: Engine, given: string): Promise<string> {
  try {
    return await stockedSku(engine, given);
  } catch (error) {
    if (error instanceof Problem && error.code === "not_found") return newSku(given, "sku");
    throw error;
  }
}

/**
 * Opens a SKU for stock that no product has, unless it is known.
 * @throws Problem already_exists when somebody has just opened it in another spelling
 */
export async function openSku(engine: Engine, sku: string, context: CommandContext): Promise<void> {
  if (await findSku(engine, sku)) return;
  const { expectedRevision: _, since: __, ...step } = context;
  const id = claimId("sku", foldSku(sku));
  const command = { holder: stockHolder, spelling: sku };
  await engine.execute(claim, id, "Claim", command, {
    ...step,
    commandId: deriveId(context.commandId, "open"),
  });
  if ((await spellingOf(engine, sku)) !== sku)
    throw new Problem("already_exists", `${JSON.stringify(sku)} is stocked in another spelling`, { sku });
}

/**
 * Makes the claim by which a SKU is found in any spelling, if nobody has one that is known by the same.
 * @returns whether it was made
 */
export async function claimFoldedSku(
  engine: Engine,
  sku: string,
  holder: string,
  context: CommandContext,
): Promise<boolean> {
  const folded = foldSku(sku);
  if (folded === sku || (await heldAs(engine, folded))) return false;
  const { changed } = await engine.execute(
    claim,
    claimId("sku", folded),
    "Claim",
    { holder, spelling: sku },
    context,
  );
  return changed;
}

/**
 * A SKU as it is first given.
 * @throws Problem validation_failed, naming the field at `path`, for one with characters that nobody sees
 */
export function newSku(given: string, path: string): string {
  const sku = spelledSku(given);
  if (sku !== "" && !/\p{Cf}/u.test(sku)) return sku;
  throw unfit([{ path, message: "a SKU has 1 to 64 characters, none of them invisible" }]);
}

/**
 * Variants by their SKUs as they are first given.
 * @throws Problem validation_failed, naming each field, also where two are one SKU
 */
export function withNewSkus<V extends { sku: string }>(variants: readonly V[]): V[] {
  const known = new Set<string>();
  return variants.map((variant, index) => {
    const path = `variants.${index}.sku`;
    const sku = newSku(variant.sku, path);
    if (known.has(foldSku(sku))) throw unfit([{ path, message: "each variant has its own SKU" }]);
    known.add(foldSku(sku));
    return { ...variant, sku };
  });
}

function unfit(errors: FieldError[]): Problem {
  const detail = errors.map(({ path, message }) => `${path}: ${message}`).join("; ");
  return new Problem("validation_failed", detail, { errors });
}
