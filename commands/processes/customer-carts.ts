import { deriveId } from "../../src/values/ids.ts";
import { Problem } from "../../src/values/problem.ts";
import { cart, cartChangesMax } from "../cart/cart.ts";
import { type Cart, type CartLine, linesOf } from "../cart/state.ts";
import { claim, claimId } from "../claim/claim.ts";
import { type Process, type ProcessContext, processOf } from "./process.ts";
import type { Shop } from "./shop.ts";

const triesMax = 10;

/** What has become of a guest's cart at a login. */
export type MergeResult = "assigned" | "merged" | "cart_locked" | "none";

/*
 * Which cart a customer has open is claimed, so that it is one. The claim is a hint: a cart is a customer's only if the
 * cart itself says so, and whatever else a claim names is passed over.
 */

/**
 * The one cart that a customer has open, opened where there is none: two devices that ask at once are given the same.
 * @param cartId of the one that is opened then, the same whenever the same request is sent
 */
export async function activeCart(
  shop: Shop,
  customerId: string,
  cartId: string,
  context: ProcessContext,
): Promise<string> {
  const process = processOf(shop, customerId, context);
  const id = await claimActive(process, customerId, cartId);
  // Claimed before it is opened: who was stopped in between, or comes meanwhile, opens the same.
  const { currency, cartLifeMs: lifeMs } = shop.settings;
  await process.once(["open", id], cart, id, "Open", { currency, lifeMs, customerId });
  return id;
}

/** @returns the open cart of a customer, if there is one */
export async function openCartOf(shop: Shop, customerId: string): Promise<string | undefined> {
  const id = await claimedBy(shop, customerId);
  return id !== undefined && (await standingOf(shop, customerId, id)) === "theirs" ? id : undefined;
}

/**
 * A guest has logged in: the cart becomes the customer's, or its lines go into the one that there is. Again changes
 * nothing. A cart that a crash leaves assigned and not claimed is taken over by the next login with it; what it leaves
 * handed over and not merged, the cart's task finishes.
 */
export async function takeOverCart(
  shop: Shop,
  customerId: string,
  cartId: string,
  context: ProcessContext,
): Promise<MergeResult> {
  const process = processOf(shop, customerId, context);
  try {
    const state = await shop.engine.read(cart, cartId, (now) => now);
    if (state.phase === "locked") return "cart_locked";
    if (state.phase !== "open") return "none";
    const active = await openCartOf(shop, customerId);
    if (active === cartId) return "none";
    if (active === undefined) {
      await process.again(cart, cartId, "Assign", { cartId, customerId });
      if ((await claimActive(process, customerId, cartId)) === cartId) return "assigned";
    }
    if (state.lines.size === 0) return "none";
    const to = await activeCart(shop, customerId, deriveId("cart of", cartId), context);
    return await handOver(process, customerId, cartId, to);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // It is checked out, or another's, in this moment.
    if (error.code === "cart_locked") return "cart_locked";
    if (error.code === "not_found" || error.code === "cart_closed" || error.code === "cart_converted")
      return "none";
    throw error;
  }
}

async function handOver(
  process: Process,
  customerId: string,
  cartId: string,
  to: string,
): Promise<MergeResult> {
  const { shop, context } = process;
  const target = await shop.engine.read(cart, to, (state) => state);
  if (target.phase === "locked") return "cart_locked";
  if (target.phase !== "open" || target.changes >= cartChangesMax) return "none";
  await process.again(cart, cartId, "HandOver", { cartId, to, customerId });
  await finishMerge(shop, cartId, to, context);
  return "merged";
}

/** Takes the lines of a cart that was handed over into another; where that is closed by now, into its customer's next. */
export async function finishMerge(
  shop: Shop,
  cartId: string,
  to: string,
  context: ProcessContext,
): Promise<void> {
  const process = processOf(shop, cartId, context);
  const from = await shop.engine.read(cart, cartId, handedOver);
  const target = await shop.engine.read(cart, to, (state) => state);
  if (!from || target.phase === "absent" || target.merged.includes(cartId)) return;
  const { customerId } = target;
  const isOver = target.phase === "converted" || target.phase === "closed";
  const into =
    isOver && customerId !== undefined
      ? await activeCart(shop, customerId, deriveId("cart after", cartId, to), context)
      : to;
  const { cartLifeMs: lifeMs } = shop.settings;
  await process.again(cart, into, "Merge", { cartId: into, customerId, from: cartId, ...from, lifeMs });
}

function handedOver(state: Cart): { lines: CartLine[]; currency: string } | undefined {
  if (state.phase !== "closed" || state.reason !== "merged") return undefined;
  return { lines: linesOf(state), currency: state.currency };
}

type Standing = "theirs" | "unopened" | "none";

async function standingOf({ engine }: Shop, customerId: string, cartId: string): Promise<Standing> {
  return engine.read(cart, cartId, (state): Standing => {
    if (state.phase === "absent") return "unopened";
    const isOpen = state.phase === "open" || state.phase === "locked";
    return isOpen && state.customerId === customerId ? "theirs" : "none";
  });
}

async function claimedBy({ engine }: Shop, customerId: string): Promise<string | undefined> {
  return engine.read(claim, activeClaim(customerId), (state) => (state.held ? state.holder : undefined));
}

/** Claims a cart as the customer's, where there is no other one. @returns which one it is by now */
async function claimActive(process: Process, customerId: string, cartId: string): Promise<string> {
  const { shop } = process;
  const stream = activeClaim(customerId);
  for (let tries = 0; tries < triesMax; tries++) {
    const holder = await claimedBy(shop, customerId);
    if (holder === cartId) return cartId;
    if (holder !== undefined && (await standingOf(shop, customerId, holder)) !== "none") return holder;
    try {
      if (holder === undefined) await process.again(claim, stream, "Claim", { holder: cartId });
      else await process.again(claim, stream, "TakeOver", { from: holder, holder: cartId });
      return cartId;
    } catch (error) {
      // Another one was quicker.
      if (!(error instanceof Problem) || !/already_exists|illegal_transition/.test(error.code)) throw error;
    }
  }
  throw new Problem("too_much_contention", "the cart is opened and closed by many at once; try again");
}

const activeClaim = (customerId: string) => claimId("activeCart", customerId);
