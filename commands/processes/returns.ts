import { Problem } from "../../src/values/problem.ts";
import { order } from "../order/order.ts";
import { applyEffects } from "./effects.ts";
import { type ProcessContext, processOf, stepId } from "./process.ts";
import type { Shop } from "./shop.ts";

export interface ReturnedLine {
  sku: string;
  quantity: number;
  /** Given when the goods are here and inspected already: the rest of the quantity is damaged. */
  sellable?: number | undefined;
}

export interface InspectedLine {
  sku: string;
  sellable: number;
  damaged: number;
}

/**
 * Registers a return and, when its goods are here already, approves and receives it.
 * @throws Problem what RequestReturn refuses; validation_failed for more sellable pieces than came back
 */
export async function registerReturn(
  shop: Shop,
  orderId: string,
  request: { returnId: string; lines: readonly ReturnedLine[]; reason?: string | undefined },
  context: ProcessContext,
): Promise<void> {
  const { returnId, lines, reason } = request;
  const process = processOf(shop, orderId, context);
  // Before anything is registered: a refused request leaves nothing behind.
  const isHere = lines.some(({ sellable }) => sellable !== undefined);
  const found = isHere ? inspected(lines) : [];
  await process.decide(order, orderId, "RequestReturn", {
    returnId,
    lines: lines.map(({ sku, quantity }) => ({ sku, quantity })),
    ...(reason !== undefined && { reason }),
  });
  if (!isHere) return;
  await process.once(approveStep(returnId), order, orderId, "ApproveReturn", { returnId });
  await process.once(receiveStep(returnId), order, orderId, "ReceiveReturn", { returnId, lines: found });
  await applyEffects(shop, orderId, process.context);
}

const approveStep = (returnId: string) => ["approve", returnId];
const receiveStep = (returnId: string) => ["receive", returnId];

/** The commands that follow on the order's stream when a return's goods are here already. */
export function returnSteps(orderId: string, returnId: string): string[] {
  return [stepId(orderId, ...approveStep(returnId)), stepId(orderId, ...receiveStep(returnId))];
}

/** Goods of an approved return are here, as inspection found them. */
export async function receiveReturn(
  shop: Shop,
  orderId: string,
  received: { returnId: string; lines: InspectedLine[] },
  context: ProcessContext,
): Promise<void> {
  const process = processOf(shop, orderId, context);
  await process.decide(order, orderId, "ReceiveReturn", received);
  await applyEffects(shop, orderId, process.context);
}

/** What is not sellable of a returned line is damaged. */
function inspected(lines: readonly ReturnedLine[]): InspectedLine[] {
  const bySku = new Map<string, InspectedLine>();
  for (const { sku, quantity, sellable = 0 } of lines) {
    if (sellable > quantity)
      throw new Problem("validation_failed", `of ${quantity} of ${sku}, ${sellable} cannot be sellable`, {
        errors: [{ path: "lines", message: `sellable of ${sku} is at most its quantity` }],
      });
    const found = bySku.get(sku) ?? { sku, sellable: 0, damaged: 0 };
    found.sellable += sellable;
    found.damaged += quantity - sellable;
    bySku.set(sku, found);
  }
  return [...bySku.values()];
}
