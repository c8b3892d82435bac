import type { EventOf } from "../../src/engine/decider.ts";
import { illegalTransition } from "../../src/values/problem.ts";
import { creditable, creditOf, lineOf, ofLines } from "./book.ts";
import { bookEvents } from "./book-events.ts";
import { advanceWithdrawn, creditedBy, noShipping } from "./credits.ts";
import { edited, requirePromised } from "./edits.ts";
import type { orderEvents } from "./events.ts";
import { missingOf, type RequestReturn, requestReturn } from "./returns.ts";
import { advanceOf, type OrderLine, type PlacedOrder } from "./state.ts";

type OrderEvent = EventOf<typeof orderEvents>;

export interface Exchange {
  /** Also that of the edit. */
  returnId: string;
  returns: RequestReturn["lines"];
  /** Priced as of now. Stock has promised them. */
  add: readonly OrderLine[];
  /** What is to come back is credited at once, and asked for again unless it is here by then (ISO time). */
  advanceBy?: string | undefined;
}

/** Kept pieces are to come back, and others are sent once these were inspected and paid for, or in advance. */
export function exchange(order: PlacedOrder, command: Exchange, now: number): OrderEvent[] {
  const { returnId, returns, add, advanceBy } = command;
  if (order.edits.get(returnId)?.done) return [];
  requirePromised(order, returnId, add);
  const asked = requestReturn(order, { returnId, lines: returns, approve: true }, now);
  const [requested] = asked;
  if (requested?.type !== "ReturnRequested") throw illegalTransition("the return is known already");
  const first = edited(order, { editId: returnId, add });
  const lineIds = add.map((_, index) => order.lines.length + index + 1);
  const agreed: OrderEvent = {
    type: "ExchangeAgreed",
    data: { returnId, lineIds, ...(advanceBy !== undefined && { advanceBy }) },
  };
  const book = bookEvents.OrderEdited(order.book, first.data);
  const announced = bookEvents.ReturnRequested(book, requested.data);
  const events = [first, ...asked, agreed];
  if (advanceBy === undefined) return events;
  const shares = announced.returns.find(([id]) => id === returnId)?.[1] ?? [];
  const parts = shares.flatMap(([lineId, quantity]) => {
    const some = Math.min(quantity, creditable(lineOf(announced, lineId)));
    return some > 0 ? [{ share: [lineId, some] as const, kept: true }] : [];
  });
  const id = { creditId: advanceOf(returnId), cause: "return" as const, reason: "exchanged in advance" };
  const credit = { lines: creditOf(announced, parts), ...noShipping };
  return [...events, creditedBy(order, announced, id, credit)];
}

/** Pieces that were credited in advance and are not here in time will not come: they are asked for again. */
export function endAdvances(order: PlacedOrder, now: number): OrderEvent[] {
  return [...order.exchanges].flatMap(([returnId, { advanceBy, ended }]): OrderEvent[] => {
    if (advanceBy === undefined || ended || now < Date.parse(advanceBy)) return [];
    const over: OrderEvent = { type: "EffectsApplied", data: { of: advanceOf(returnId) } };
    const missing = missingOf(order, returnId);
    if (missing.length === 0) return [over];
    const closed = { returnId, lines: ofLines(order.book, missing) };
    return [{ type: "ReturnClosed", data: closed }, ...advanceWithdrawn(order, returnId, missing), over];
  });
}
