import { deriveId } from "../../src/values/ids.ts";
import { Problem } from "../../src/values/problem.ts";
import { cart } from "../cart/cart.ts";
import { type Cart, type CartLine, linesOf } from "../cart/state.ts";
import { claim, claimId } from "../claim/claim.ts";
import { type Process, type ProcessContext, processOf } from "./process.ts";
import type { Shop } from "./shop.ts";

const triesMax = 10;

/** What has become of a guest's cart at a login. */
export type MergeResult = "assigned" | "merged" | "cart_locked" | "none";

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
  for (let tries = 0; tries < triesMax; tries++) {
    const id = await claimed(process, customerId, cartId);
    if (id === undefined) continue;
    // Claimed before it is opened: who was stopped in between, or comes meanwhile, opens the same.
    await open(process, id, customerId);
    return id;
  }
  throw new Problem("too_much_contention", "the cart is opened and closed by many at once; try again");
}

/** @returns the open cart of a customer, if there is one */
export async function openCartOf({ engine }: Shop, customerId: string): Promise<string | undefined> {
  const id = await engine.read(claim, activeClaim(customerId), (state) =>
    state.held ? state.holder : undefined,
  );
  if (id === undefined) return undefined;
  const isOpen = await engine.read(cart, id, ({ phase }) => phase === "open" || phase === "locked");
  return isOpen ? id : undefined;
}

/**
 * A guest has logged in: the cart becomes the customer's, or its lines go into the one that there is. Again changes
 * nothing; what a crash leaves between the two steps, the cart's task finishes.
 */
export async function takeOverCart(
  shop: Shop,
  customerId: string,
  cartId: string,
  context: ProcessContext,
): Promise<MergeResult> {
  const process = processOf(shop, customerId, context);
  const state = await shop.engine.read(cart, cartId, (now) => now);
  if (state.phase === "locked") return "cart_locked";
  if (state.phase !== "open" || state.customerId !== undefined) return "none";
  try {
    const active = await openCartOf(shop, customerId);
    if (active === undefined && (await claimed(process, customerId, cartId)) === cartId) {
      await process.again(cart, cartId, "Assign", { cartId, customerId });
      return "assigned";
    }
    const to = active ?? (await activeCart(shop, customerId, deriveId("cart of", cartId), context));
    await process.again(cart, cartId, "HandOver", { cartId, to });
    await finishMerge(shop, cartId, to, context);
    return "merged";
  } catch (error) {
    // It is checked out in this moment.
    if (error instanceof Problem && error.code === "cart_locked") return "cart_locked";
    throw error;
  }
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
  if (!from) return;
  const target = await shop.engine.read(cart, to, (state) => state);
  const isOver = target.phase === "converted" || target.phase === "closed";
  const into =
    isOver && target.customerId !== undefined
      ? await activeCart(shop, target.customerId, deriveId("cart after", cartId, to), context)
      : to;
  const { cartLifeMs: lifeMs } = shop.settings;
  await process.again(cart, into, "Merge", { cartId: into, from: cartId, ...from, lifeMs });
}

function handedOver(state: Cart): { lines: CartLine[]; currency: string } | undefined {
  if (state.phase !== "closed" || state.reason !== "merged") return undefined;
  return { lines: linesOf(state), currency: state.currency };
}

/** @returns the cart that the customer has by now; undefined when it has changed meanwhile */
async function claimed(process: Process, customerId: string, cartId: string): Promise<string | undefined> {
  const { engine } = process.shop;
  const stream = activeClaim(customerId);
  const holder = await engine.read(claim, stream, (state) => (state.held ? state.holder : undefined));
  if (holder !== undefined && holder !== cartId) {
    const phase = await engine.read(cart, holder, (state) => state.phase);
    if (phase !== "converted" && phase !== "closed") return holder;
  }
  try {
    if (holder === undefined) await process.again(claim, stream, "Claim", { holder: cartId });
    else await process.again(claim, stream, "TakeOver", { from: holder, holder: cartId });
    return cartId;
  } catch (error) {
    if (error instanceof Problem && /already_exists|illegal_transition/.test(error.code)) return undefined;
    throw error;
  }
}

async function open(process: Process, id: string, customerId: string): Promise<void> {
  const { currency, cartLifeMs: lifeMs } = process.shop.settings;
  await process.once(["open", id], cart, id, "Open", { currency, lifeMs, customerId });
}

const activeClaim = (customerId: string) => claimId("activeCart", customerId);
