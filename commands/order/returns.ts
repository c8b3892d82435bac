import type { DataOf, EventOf } from "../../src/engine/decider.ts";
import { illegalTransition, notFound, Problem } from "../../src/values/problem.ts";
import {
  amountOf,
  type Book,
  type BookLine,
  count,
  creditable,
  credited,
  creditOf,
  type Entries,
  lineOf,
  named,
  netOf,
  ofLines,
  type Share,
} from "./book.ts";
import { bookEvents } from "./book-events.ts";
import { advanceWithdrawn, type NamedLine } from "./credits.ts";
import type { orderEvents } from "./events.ts";
import { demandOf, type PlacedOrder, type Return } from "./state.ts";

type OrderEvent = EventOf<typeof orderEvents>;
type Data<K extends keyof typeof orderEvents> = DataOf<typeof orderEvents, K>;

const returnsMax = 1_000;

export interface RequestReturn {
  returnId: string;
  lines: readonly (NamedLine & { reason?: ReturnReason | undefined })[];
  reason?: string;
  /** How long after its delivery it may be asked for; always, when it is left out. */
  withinMs?: number | undefined;
  /** Nobody has to look at it first. */
  approve?: boolean | undefined;
}
export type ReturnReason = NonNullable<Data<"ReturnRequested">["lines"][number]["reason"]>;

/** Pieces of a line as inspection found them; `quantity` are those that it has still to look at. */
export interface FoundLine {
  lineId?: number | undefined;
  sku?: string | undefined;
  quantity?: number | undefined;
  sellable?: number | undefined;
  damaged?: number | undefined;
  rejected?: number | undefined;
}

export interface ReceiveReturn {
  returnId: string;
  receiptId: string;
  lines: readonly FoundLine[];
  /** Whether what is not rejected is credited; it is unless it says none. */
  refund?: "auto" | "none" | undefined;
  /** Minor units that the shop keeps of it. */
  fee?: number | undefined;
}

/** @throws Problem return_window_over once its time is over */
export function requestReturn(order: PlacedOrder, command: RequestReturn, now: number): OrderEvent[] {
  const { returnId, lines, reason, withinMs, approve } = command;
  const { book, deliveredAt } = order;
  if (order.returns.has(returnId)) return [];
  if (order.returns.size >= returnsMax) throw illegalTransition(`an order has at most ${returnsMax} returns`);
  named(book, lines, (line) => count(line, "kept"), "returned");
  if (withinMs !== undefined && deliveredAt !== undefined && now >= deliveredAt + withinMs)
    throw new Problem("return_window_over", "the time for returning what was delivered is over");
  const data = { returnId, lines: asked(book, lines), ...(reason !== undefined && { reason }) };
  const requested = { type: "ReturnRequested" as const, data };
  return approve ? [requested, { type: "ReturnApproved", data: { returnId } }] : [requested];
}

/** As they were asked for, by SKU where neither line nor reason says otherwise. */
function asked(book: Book, lines: RequestReturn["lines"]): Data<"ReturnRequested">["lines"] {
  if (lines.every(({ lineId, reason }) => lineId === undefined && reason === undefined))
    return demandOf(lines.map(({ sku = "", quantity }) => ({ sku, quantity }))).map(([sku, quantity]) => ({
      sku,
      quantity,
    }));
  const taken = new Map<number, number>();
  return lines.flatMap(({ reason, ...line }) => {
    const left = (each: BookLine, lineId: number) => count(each, "kept") - (taken.get(lineId) ?? 0);
    return named(book, [line], left, "returned").map(([lineId, quantity]) => {
      taken.set(lineId, (taken.get(lineId) ?? 0) + quantity);
      return { lineId, sku: lineOf(book, lineId).sku, quantity, ...(reason && { reason }) };
    });
  });
}

export function approveReturn(order: PlacedOrder, { returnId }: { returnId: string }): OrderEvent[] {
  const { status } = returnOf(order, returnId);
  if (status === "rejected" || status === "withdrawn") throw illegalTransition(`the return was ${status}`);
  return status === "requested" ? [{ type: "ReturnApproved", data: { returnId } }] : [];
}

export function rejectReturn(
  order: PlacedOrder,
  { returnId, reason }: { returnId: string; reason: string },
): OrderEvent[] {
  const { status } = returnOf(order, returnId);
  if (status === "rejected") return [];
  if (status !== "requested") throw illegalTransition(`the return is ${status}`);
  return [{ type: "ReturnRejected", data: { returnId, reason } }];
}

/** The customer keeps what nobody has received yet. */
export function withdrawReturn(order: PlacedOrder, { returnId }: { returnId: string }): OrderEvent[] {
  const { status } = returnOf(order, returnId);
  if (status === "withdrawn") return [];
  if (status !== "requested" && status !== "approved") throw illegalTransition(`the return is ${status}`);
  const staying = missingOf(order, returnId);
  return [{ type: "ReturnWithdrawn", data: { returnId } }, ...advanceWithdrawn(order, returnId, staying)];
}

/** Goods are here, in parts or all of them, inspected or not. */
export function receiveReturn(order: PlacedOrder, command: ReceiveReturn): OrderEvent[] {
  const { returnId, receiptId, lines } = command;
  const its = returnOf(order, returnId);
  const { status } = its;
  if (order.receipts.has(receiptId)) return [];
  if (status !== "approved" && status !== "partly_received")
    throw illegalTransition(`the return is ${status}, not approved`);
  const found = foundOf(order.book, its, piecesOf(order.book.returns, returnId), lines, "received");
  const received = { type: "ReturnReceived" as const, data: { returnId, receiptId, lines: found } };
  const after = bookEvents.ReturnReceived(order.book, received.data);
  return [received, ...creditFor(order, after, command, found), ...rejectedOf(order, returnId, found)];
}

/** Goods that are here were inspected. */
export function inspectReturn(order: PlacedOrder, command: ReceiveReturn): OrderEvent[] {
  const { returnId, receiptId, lines } = command;
  const its = returnOf(order, returnId);
  if (order.receipts.has(receiptId)) return [];
  const here = piecesOf(order.book.inspections, returnId);
  const found = foundOf(order.book, its, here, lines, "inspected").map(({ inspecting: _, ...line }) => line);
  const inspected = { type: "ReturnInspected" as const, data: { returnId, receiptId, lines: found } };
  const after = bookEvents.ReturnInspected(order.book, inspected.data);
  return [inspected, ...creditFor(order, after, command, found), ...rejectedOf(order, returnId, found)];
}

/** What was credited in advance for pieces that the customer gets back is asked for again. */
function rejectedOf(
  order: PlacedOrder,
  returnId: string,
  found: readonly { lineId: number; rejected: number }[],
): OrderEvent[] {
  const rejected = found.map(({ lineId, rejected }): Share => [lineId, rejected]);
  return advanceWithdrawn(
    order,
    returnId,
    rejected.filter(([, quantity]) => quantity > 0),
  );
}

/** What has not come will not come: the customer has kept it. */
export function closeReturn(order: PlacedOrder, { returnId }: { returnId: string }): OrderEvent[] {
  const { status } = returnOf(order, returnId);
  const missing = missingOf(order, returnId);
  if (status === "closed" || (status === "partly_received" && missing.length === 0)) return [];
  if (status !== "approved" && status !== "partly_received")
    throw illegalTransition(`the return is ${status}`);
  const closed = { returnId, lines: ofLines(order.book, missing) };
  return [{ type: "ReturnClosed", data: closed }, ...advanceWithdrawn(order, returnId, missing)];
}

/** What of a return nobody has received yet. */
export function missingOf({ book }: PlacedOrder, returnId: string): readonly Share[] {
  return piecesOf(book.returns, returnId);
}

function piecesOf(entries: Entries, id: string): readonly Share[] {
  return entries.find(([each]) => each === id)?.[1] ?? [];
}

interface Found {
  lineId: number;
  sku: string;
  sellable: number;
  damaged: number;
  rejected: number;
  inspecting: number;
}

/** @throws Problem not_found for what is not in it; illegal_transition for more than is left of it */
function foundOf(
  book: Book,
  { lines: announced }: Return,
  pieces: readonly Share[],
  lines: readonly FoundLine[],
  verb: string,
): Found[] {
  const left = new Map(pieces);
  const byLine = new Map<number, Found>();
  for (const { lineId, sku, quantity = 0, sellable = 0, damaged = 0, rejected = 0 } of lines) {
    if (lineId === undefined && !announced.some((line) => line.sku === sku))
      throw notFound("SKU in this return", sku ?? "");
    const rest = { sellable, damaged, rejected, inspecting: quantity };
    const all = sellable + damaged + rejected + quantity;
    const of = (_: BookLine, id: number) => left.get(id) ?? 0;
    for (const [id, some] of named(book, [{ lineId, sku, quantity: all }], of, verb)) {
      const found = byLine.get(id) ?? { lineId: id, sku: lineOf(book, id).sku, ...nothing };
      left.set(id, (left.get(id) ?? 0) - some);
      byLine.set(id, withSome(found, rest, some));
    }
  }
  if (byLine.size === 0) throw illegalTransition("nothing is said of any piece");
  return [...byLine.values()];
}

const nothing = { sellable: 0, damaged: 0, rejected: 0, inspecting: 0 };
const findings = ["sellable", "damaged", "rejected", "inspecting"] as const;

/** Takes so many pieces out of `rest`, in the order of the findings. */
function withSome(found: Found, rest: typeof nothing, pieces: number): Found {
  let left = pieces;
  const next = { ...found };
  for (const finding of findings) {
    const some = Math.min(left, rest[finding]);
    rest[finding] -= some;
    next[finding] += some;
    left -= some;
  }
  return next;
}

/** What came back and was not rejected is not asked for any more, but for a fee. What was credited before is not again. */
function creditFor(
  order: PlacedOrder,
  book: Book,
  { returnId, receiptId, refund = "auto", fee = 0 }: ReceiveReturn,
  found: readonly { lineId: number; sellable: number; damaged: number }[],
): OrderEvent[] {
  const parts = found
    .map(({ lineId, sellable, damaged }) => {
      const most = creditable(lineOf(book, lineId));
      return { share: [lineId, Math.min(sellable + damaged, most)] as const, kept: false };
    })
    // In advance, all of it has been credited.
    .filter(({ share }) => share[1] > 0 && order.exchanges.get(returnId)?.advanceBy === undefined);
  if (refund === "none" || parts.length === 0) {
    if (fee > 0) throw illegalTransition("nothing is refunded that a fee could be kept of");
    return [];
  }
  const credit = { lines: creditOf(book, parts), shipping: 0, shippingTax: 0, fee };
  const amount = amountOf(book, credit);
  if (amount < 0) throw illegalTransition(`a fee of ${fee} is more than what comes back is worth`);
  const after = credited(book, credit, 1);
  const payout = Math.max(0, netOf(after) - after.due);
  const { currency } = order;
  const why = { creditId: receiptId, cause: "return" as const, reason: "returned" };
  const lines = credit.lines.map((line) => ({ ...line }));
  return [{ type: "OrderCredited", data: { ...why, currency, ...credit, lines, amount, payout } }];
}

function returnOf({ returns }: PlacedOrder, returnId: string): Return {
  const found = returns.get(returnId);
  if (!found) throw notFound("return", returnId);
  return found;
}
