import { skusOf } from "../order/book.ts";
import { order } from "../order/order.ts";
import {
  cancellationEffect,
  deliveryEffect,
  demandOf,
  type PlacedOrder,
  type Restocked,
  refundEffect,
} from "../order/state.ts";
import type { Piece } from "../order/uncounted.ts";
import { uncountedOf } from "../stock/state.ts";
import { stock } from "../stock/stock.ts";
import { undoClaims } from "./claims.ts";
import { bookCash, captureRest, releaseRest } from "./payments.ts";
import { giveAllBack, payOut, settleAll, withdrawMissing } from "./payouts.ts";
import { type Process, type ProcessContext, processOf } from "./process.ts";
import type { Shop } from "./shop.ts";

const reservationGone = "the order was cancelled";
const claimGone = "the edit was refused";
/** An edit is left to the request that has asked for it for this long. */
const editTakenUpAfterMs = 30_000;

/**
 * Does what events of an order ask for elsewhere: stock shipped, taken back or freed, money given back or
 * booked. Each effect stays open on the order until it is done, so a crash in between is made good by doing
 * this again. One that fails does not keep the others from being done.
 * @throws what the first one that failed has thrown
 */
export async function applyEffects(shop: Shop, orderId: string, context: ProcessContext): Promise<void> {
  const process = processOf(shop, orderId, context);
  const state = await shop.engine.read(order, orderId, (state) => state);
  if (state.phase !== "placed") return;
  const failures: unknown[] = [];
  const done: string[] = [];
  for (const of of state.openEffects) {
    if (isUnderWay(state, of, process.now())) continue;
    try {
      await applyEffect(process, orderId, state, of);
      done.push(of);
    } catch (error) {
      failures.push(error);
      // What is to leave has to be promised first.
      if (of.startsWith("reship/")) break;
    }
  }
  // While they are open, for it is nobody's task but theirs.
  if (done.length > 0) {
    const now = await shop.engine.read(order, orderId, (now) => now);
    if (now.phase === "placed") await releaseRest(process, now);
  }
  for (const of of done) await process.again(order, orderId, "MarkEffectsApplied", { of });
  if (failures.length > 0) throw failures[0];
}

async function applyEffect(process: Process, orderId: string, state: PlacedOrder, of: string): Promise<void> {
  const { shop, context } = process;
  const skus = skusOf(state.book);
  switch (of) {
    case cancellationEffect:
      await Promise.all([
        release(process, orderId, skus, reservationGone),
        // Something may be due all the same: the shop keeps the money.
        state.book.due === 0 && giveAllBack(process, state, reservationGone),
      ]);
      await settleAll(process, state);
      await withdrawMissing(process, orderId);
      return;
    case deliveryEffect:
      await captureRest(shop, state.paymentId, context);
      return;
    case refundEffect:
      await release(process, orderId, skus, "refunded in full");
      // Of what is only authorized, nothing goes back by a refund.
      if (state.book.captured > 0 || state.book.due > 0) return;
      await giveAllBack(process, state, "refunded in full");
      await settleAll(process, state);
      return;
  }
  const [kind, id = ""] = splitOnce(of);
  const cancelled = kind === "cancel" && state.cancellations.get(id);
  if (cancelled) return shrink(process, orderId, id, cancelled);
  const again = kind === "reship" && state.reshipments.get(id);
  if (again) return grow(process, orderId, id, again);
  const back = kind === "back" && state.backs.get(id);
  if (back) return takeBack(process, orderId, id, back);
  if (kind === "edit") return giveUpEdit(process, orderId, id);
  const edit = kind === "unclaim" && state.edits.get(id);
  if (edit) return undoClaims(process, orderId, id, edit.adds, claimGone);
  const cash = kind === "cash" ? state.cash.get(id) : undefined;
  if (cash !== undefined) return bookCash(process, state.paymentId, id, cash);
  const credit = kind === "credit" && state.credits.get(id);
  if (credit) return payOut(process, orderId, state, credit);
  const shipment = state.shipments.get(of);
  if (shipment) return ship(process, orderId, of, shipment.lines);
  const receipt = kind === "receipt" && state.receipts.get(id);
  if (receipt) return takeBack(process, orderId, id, receipt);
  const received = state.returns.get(of)?.received;
  if (received) return takeBack(process, orderId, of, received);
  throw new Error(`order has an effect ${of} that nothing explains`);
}

/** The request that has asked for an edit is at it. */
function isUnderWay({ edits }: PlacedOrder, of: string, now: number): boolean {
  const [kind, id = ""] = splitOnce(of);
  return kind === "edit" && now < (edits.get(id)?.requestedAt ?? 0) + editTakenUpAfterMs;
}

/** Nobody goes on with it. */
async function giveUpEdit(process: Process, orderId: string, editId: string): Promise<void> {
  const refusal = { code: "unavailable", detail: "the edit was not finished; ask again", extras: {} };
  await process.again(order, orderId, "RefuseEdit", { editId, refusal });
  const edit = await process.shop.engine.read(order, orderId, (state) =>
    state.phase === "placed" ? state.edits.get(editId) : undefined,
  );
  if (!edit?.refusal) return;
  await undoClaims(process, orderId, editId, edit.adds, refusal.detail);
  await process.again(order, orderId, "MarkEffectsApplied", { of: `unclaim/${editId}` });
}

function splitOnce(name: string): string[] {
  const at = name.indexOf("/");
  return at < 0 ? [name] : [name.slice(0, at), name.slice(at + 1)];
}

async function shrink(
  process: Process,
  orderId: string,
  cancelId: string,
  pieces: readonly (readonly [sku: string, quantity: number])[],
): Promise<void> {
  await Promise.all(
    pieces.map(([sku, quantity]) =>
      process.once(["shrink", cancelId, sku], stock, sku, "Shrink", {
        reservationId: orderId,
        cancelId,
        quantity,
      }),
    ),
  );
}

async function grow(
  process: Process,
  orderId: string,
  claimId: string,
  pieces: readonly (readonly [sku: string, quantity: number])[],
): Promise<void> {
  await Promise.all(
    pieces.map(([sku, quantity]) =>
      process.once(["grow", claimId, sku], stock, sku, "Grow", { reservationId: orderId, claimId, quantity }),
    ),
  );
}

async function release(process: Process, orderId: string, skus: string[], reason: string): Promise<void> {
  await Promise.all(
    skus.map((sku) => process.again(stock, sku, "Release", { reservationId: orderId, reason })),
  );
}

/** What stock has not counted of it is told with the effect. */
async function ship(
  process: Process,
  reservationId: string,
  shipmentId: string,
  lines: readonly Piece[],
): Promise<void> {
  const left = await Promise.all(
    demandOf(lines).map(async ([sku, quantity]) => {
      const shipment = { reservationId, shipmentId, quantity };
      const names = ["ship", shipmentId, sku];
      const { result } = await process.once(names, stock, sku, "Ship", { sku, ...shipment }, (state) =>
        uncountedOf(state, shipment),
      );
      return { sku, quantity: result };
    }),
  );
  const uncounted = left.filter(({ quantity }) => quantity > 0);
  if (uncounted.length > 0)
    await process.again(order, reservationId, "MarkEffectsApplied", { of: shipmentId, uncounted });
}

async function takeBack(
  process: Process,
  orderId: string,
  returnId: string,
  lines: Restocked,
): Promise<void> {
  const bySku = new Map<string, { sellable: number; damaged: number; notRestocked: number }>();
  for (const { sku, sellable, damaged, notRestocked = 0 } of lines) {
    const before = bySku.get(sku) ?? { sellable: 0, damaged: 0, notRestocked: 0 };
    bySku.set(sku, {
      sellable: before.sellable + sellable,
      damaged: before.damaged + damaged,
      notRestocked: before.notRestocked + notRestocked,
    });
  }
  await Promise.all(
    [...bySku].map(([sku, found]) =>
      process.once(["take back", returnId, sku], stock, sku, "TakeBack", {
        // Two orders may have returns of one name, and the SKU's stream is theirs together.
        returnId: `${orderId}/${returnId}`,
        ...found,
      }),
    ),
  );
}
