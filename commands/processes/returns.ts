import { Problem } from "../../src/values/problem.ts";
import { order } from "../order/order.ts";
import type { FoundLine, ReceiveReturn, ReturnReason } from "../order/returns.ts";
import { applyEffects } from "./effects.ts";
import { type ProcessContext, processOf } from "./process.ts";
import type { Shop } from "./shop.ts";

export interface ReturnedLine {
  lineId?: number | undefined;
  sku?: string | undefined;
  quantity: number;
  reason?: ReturnReason | undefined;
  /** Given when the goods are here and inspected already: the rest of the quantity is damaged. */
  sellable?: number | undefined;
}

/**
 * Registers a return, approved where nobody has to look at it; when its goods are here already, approves and receives
 * it.
 * @throws Problem what RequestReturn refuses; validation_failed for more sellable pieces than came back
 */
export async function registerReturn(
  shop: Shop,
  orderId: string,
  request: {
    returnId: string;
    lines: readonly ReturnedLine[];
    reason?: string | undefined;
    withinMs?: number | undefined;
  },
  context: ProcessContext,
): Promise<void> {
  const { returnId, lines, reason, withinMs } = request;
  const process = processOf(shop, orderId, context);
  const isHere = lines.some(({ sellable }) => sellable !== undefined);
  const asked = {
    returnId,
    lines: lines.map(({ sellable: _, ...line }) => line),
    ...(reason !== undefined && { reason }),
    withinMs,
  };
  if (isHere) {
    const received = { returnId, receiptId: returnId, lines: inspected(lines) };
    await process.decide(order, orderId, "RegisterReturn", { ...received, asked });
  } else {
    const approve = shop.settings.returnApproval === "auto";
    await process.decide(order, orderId, "RequestReturn", { ...asked, approve });
  }
  await applyEffects(shop, orderId, process.context);
}

/** Goods of an approved return are here, or those that are were inspected: stock and money follow. */
export async function takeReturn(
  shop: Shop,
  orderId: string,
  step: "ReceiveReturn" | "InspectReturn",
  received: ReceiveReturn,
  context: ProcessContext,
): Promise<void> {
  const process = processOf(shop, orderId, context);
  await process.decide(order, orderId, step, received);
  await applyEffects(shop, orderId, process.context);
}

/** What is not sellable of a returned line is damaged. */
function inspected(lines: readonly ReturnedLine[]): FoundLine[] {
  return lines.map(({ lineId, sku, quantity, sellable = 0 }) => {
    if (sellable > quantity)
      throw new Problem("validation_failed", `of ${quantity} pieces, ${sellable} cannot be sellable`, {
        errors: [{ path: "lines", message: "sellable is at most the quantity" }],
      });
    return { lineId, sku, sellable, damaged: quantity - sellable };
  });
}
