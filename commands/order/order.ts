import { type DataOf, decider, type EventOf, type EvolveContext } from "../../src/engine/decider.ts";
import { illegalTransition, Problem, problemOf } from "../../src/values/problem.ts";
import type { Refusal } from "../cart/events.ts";
import { type Book, isEnded, isOver, netOf, openOf, payoutOf, total } from "./book.ts";
import { bookEvents } from "./book-events.ts";
import {
  type Cancel,
  cancel,
  type Refund,
  type RetryRefund,
  refund,
  retryRefund,
  type WithdrawCredit,
  withdraw,
} from "./credits.ts";
import { type Edit, edit, refuseEdit, requestEdit } from "./edits.ts";
import { orderEvents } from "./events.ts";
import { type Exchange, endAdvances, exchange } from "./exchanges.ts";
import { withOwed } from "./owed.ts";
import {
  type Deliver,
  deliver,
  type FailDelivery,
  failDelivery,
  type Reship,
  reship,
  type Ship,
  ship,
  type TakeBack,
  takeBack,
} from "./parcels.ts";
import {
  approveReturn,
  closeReturn,
  inspectReturn,
  type ReceiveReturn,
  type RequestReturn,
  receiveReturn,
  rejectReturn,
  requestReturn,
  withdrawReturn,
} from "./returns.ts";
import {
  evolveOrder,
  goodsOf,
  initialOrder,
  nameAt,
  type Order,
  type PlacedOrder,
  type RefusedOrder,
  transferEffect,
} from "./state.ts";
import { isPaid, type OrderStatus, paymentStatusOf } from "./status.ts";

type OrderEvent = EventOf<typeof orderEvents>;
type Data<K extends keyof typeof orderEvents> = DataOf<typeof orderEvents, K>;

const notesMax = 1_000;
const paymentsMax = 200;
/** Those that were declined count: nobody tries out cards on an order. */
const guestPaymentsMax = 20;

export const order = decider({
  category: "order",
  events: orderEvents,
  initial: initialOrder,
  evolve: evolveOrder,

  decide: {
    /** With `confirm`, placed and confirmed at once: nothing has to be waited for. */
    Place: (state: Order, command: Data<"OrderPlaced"> & { confirm?: Confirm }): OrderEvent[] => {
      if (state.phase === "refused") throw problemOf(state.refusal);
      if (state.phase === "placed") return command.confirm ? confirm(state, command.confirm) : [];
      const { confirm: atOnce, ...data } = command;
      const { lines, totals } = data;
      // Conserved again in the projector: what the lines say is what the order says.
      const sum = lines.reduce((running, line) => running + line.subtotal, 0);
      if (sum !== totals.subtotal) throw new Error(`lines sum to ${sum}, the order to ${totals.subtotal}`);
      return [{ type: "OrderPlaced", data }, ...(atOnce ? [confirmed(data, atOnce)] : [])];
    },

    /**
     * The first mark of an undo: an order that is not there will never be, one that waits is cancelled. One that
     * is confirmed stays so: it is not to be undone any more.
     */
    Refuse: (state: Order, refusal: Refusal): OrderEvent[] => {
      if (state.phase === "refused") return [];
      if (state.phase === "absent") return [{ type: "OrderRefused", data: refusal }];
      if (state.status === "cancelled") return [];
      if (state.book.confirmed) return [];
      const { currency, paymentStatus } = state;
      const reason = `checkout failed: ${refusal.code}`;
      const failed = refusal.code === "payment_declined" && paymentStatus === "pending";
      return [
        ...(failed ? [{ type: "OrderPaymentFailed" as const, data: { reason: refusal.detail } }] : []),
        { type: "OrderCancelled", data: { reason, currency, goods: 0, refusal } },
      ];
    },

    Confirm: (state: Order, command: Confirm): OrderEvent[] => confirm(existing(state), command),

    /** A further payment is to be made, for so much of what is still to be paid. */
    AddPayment: (
      state: Order,
      { byStaff, ...command }: Data<"PaymentAdded"> & { byStaff: boolean },
    ): OrderEvent[] => {
      const order = existing(state);
      const { book, added, currency } = order;
      if (added.has(command.paymentId)) return [];
      requireAtMost(added.size, byStaff ? paymentsMax : guestPaymentsMax, "further payments");
      if (!book.confirmed) throw illegalTransition("the order is not confirmed");
      const open = isOver(book) ? 0 : openOf(book);
      if (command.amount > open)
        throw illegalTransition(`${open} ${currency} minor units are to be paid, not ${command.amount}`);
      return [{ type: "PaymentAdded", data: command }];
    },

    /** A transfer of which nothing has come is not waited for any longer. */
    Lapse: (state: Order, _: Record<never, never>, { now }): OrderEvent[] => {
      if (state.phase !== "placed" || state.payBy === undefined || now < Date.parse(state.payBy)) return [];
      const { book } = state;
      const isUnpaid = book.confirmed && book.captured === 0 && total(book, "toShip", "failed") > 0;
      const lapsed: OrderEvent = { type: "EffectsApplied", data: { of: transferEffect } };
      if (!isUnpaid) return [lapsed];
      return [lapsed, ...cancel(state, { cancelId: "lapsed", reason: "it was not paid in time" })];
    },

    /** It is paid otherwise. */
    StopWaiting: (state: Order): OrderEvent[] =>
      state.phase === "placed" && state.payBy !== undefined
        ? [{ type: "EffectsApplied", data: { of: transferEffect } }]
        : [],

    /** A payment came to nothing, as far as it was tried. */
    FailPayment: (state: Order, { reason }: Data<"OrderPaymentFailed">): OrderEvent[] => {
      if (state.phase !== "placed" || !state.book.confirmed || isOver(state.book)) return [];
      const { book } = state;
      if (book.captured > 0 || book.paymentFailed || isPaid(book)) return [];
      return [{ type: "OrderPaymentFailed", data: { reason } }];
    },

    /** A payment has captured something. */
    MarkPaid: (state: Order, command: Data<"OrderPaid">): OrderEvent[] => {
      if (state.phase === "refused") return [];
      const order = existing(state);
      const { captureId = "", paymentId } = command;
      if (order.captures.has(nameAt(captureId, paymentId)) || isEnded(order.book)) return [];
      const inTime = order.payBy !== undefined && order.captures.size === 0;
      const paid = { type: "OrderPaid" as const, data: { ...command, ...(inTime && { inTime }) } };
      const after = bookEvents.OrderPaid(order.book, paid.data);
      return netOf(after) <= after.due ? [paid] : [paid, excess(order, netOf(after) - after.due)];
    },

    StartProcessing: (state: Order): OrderEvent[] => {
      const order = existing(state);
      return order.status === "processing" ? [] : startProcessing(order);
    },

    Ship: (state: Order, command: Ship): OrderEvent[] => ship(existing(state), command),

    Deliver: (state: Order, command: Deliver): OrderEvent[] => deliver(existing(state), command),

    FailDelivery: (state: Order, command: FailDelivery): OrderEvent[] =>
      failDelivery(existing(state), command),

    TakeBack: (state: Order, command: TakeBack): OrderEvent[] => takeBack(existing(state), command),

    Reship: (state: Order, command: Reship): OrderEvent[] => reship(existing(state), command),

    RequestReturn: (state: Order, command: RequestReturn, { now }): OrderEvent[] =>
      requestReturn(existing(state), command, now),

    /** Goods that nobody has announced are here, and inspected. */
    RegisterReturn: (
      state: Order,
      { asked, ...received }: ReceiveReturn & { asked: Omit<RequestReturn, "approve"> },
      { now },
    ): OrderEvent[] => {
      const order = existing(state);
      const registered = requestReturn(order, { ...asked, approve: true }, now);
      if (registered.length === 0) return [];
      const announced = registered.reduce((before, event) => evolved(before, event, now), order);
      return withOwed(order, [...registered, ...receiveReturn(announced, received)]);
    },

    ApproveReturn: (state: Order, command: { returnId: string }): OrderEvent[] =>
      approveReturn(existing(state), command),

    RejectReturn: (state: Order, command: { returnId: string; reason: string }): OrderEvent[] =>
      rejectReturn(existing(state), command),

    WithdrawReturn: (state: Order, command: { returnId: string }): OrderEvent[] =>
      owing(state, (order) => withdrawReturn(order, command)),

    ReceiveReturn: (state: Order, command: ReceiveReturn): OrderEvent[] =>
      owing(state, (order) => receiveReturn(order, command)),

    InspectReturn: (state: Order, command: ReceiveReturn): OrderEvent[] =>
      owing(state, (order) => inspectReturn(order, command)),

    CloseReturn: (state: Order, command: { returnId: string }): OrderEvent[] =>
      owing(state, (order) => closeReturn(order, command)),

    RequestEdit: (state: Order, command: Data<"EditRequested">): OrderEvent[] =>
      requestEdit(existing(state), command),

    RefuseEdit: (state: Order, command: Data<"EditRefused">): OrderEvent[] =>
      refuseEdit(existing(state), command),

    Edit: (state: Order, command: Edit): OrderEvent[] => owing(state, (order) => edit(order, command)),

    Exchange: (state: Order, command: Exchange, { now }): OrderEvent[] =>
      owing(state, (order) => exchange(order, command, now)),

    /** What was exchanged in advance and is not here in time is asked for again. */
    EndAdvances: (state: Order, _: Record<never, never>, { now }): OrderEvent[] =>
      state.phase === "placed" ? withOwed(state, endAdvances(state, now)) : [],

    Cancel: (state: Order, command: Cancel): OrderEvent[] => owing(state, (order) => cancel(order, command)),

    Refund: (state: Order, command: Refund): OrderEvent[] => refund(existing(state), command),

    RetryRefund: (state: Order, command: RetryRefund): OrderEvent[] => retryRefund(existing(state), command),

    /** The gateway has refused a refund. */
    WithdrawCredit: (state: Order, command: WithdrawCredit): OrderEvent[] =>
      state.phase === "refused"
        ? heard(state, command.refundId, { amount: command.amount, reason: command.reason })
        : owing(state, (order) => withdraw(order, command)),

    /** The payment has given money back. What nobody had been promised takes from the sales what is of goods. */
    MarkRefunded: (
      state: Order,
      command: { refundId: string; amount: number; cause: RefundCause; paymentId?: string },
    ): OrderEvent[] => {
      if (state.phase === "refused") return heard(state, command.refundId);
      const order = existing(state);
      const { refundId, paymentId } = command;
      if (order.refunds.has(nameAt(refundId, paymentId))) return [];
      const isDispute = command.cause === "dispute";
      // What is on its way back besides is the shop's loss, and no part of this order's money.
      const left = Math.max(0, netOf(order.book));
      const amount = isDispute ? Math.min(command.amount, left) : command.amount;
      const refund = { ...command, amount, currency: order.currency, goods: 0, full: false };
      const after = bookEvents.OrderRefunded(order.book, refund);
      const goods = goodsLeft(order.book) - goodsLeft(after);
      const full = paymentStatusOf(after) === "refunded";
      const isPromised = isDispute || payoutOf(order.book, refundId) !== undefined;
      const releases = full && !isPromised && total(order.book, "toShip") > 0;
      const data = { ...refund, goods, full, ...(releases && { releases }) };
      return withOwed(order, [{ type: "OrderRefunded", data }]);
    },

    AddNote: (state: Order, { text, visibility }: AddNote): OrderEvent[] => {
      requireAtMost(existing(state).notes, notesMax, "notes");
      return [{ type: "NoteAdded", data: { text, ...(visibility === "customer" && { visibility }) } }];
    },

    MarkEffectsApplied: (state: Order, { of, uncounted = [] }: MarkEffectsApplied): OrderEvent[] =>
      existing(state).openEffects.has(of)
        ? [{ type: "EffectsApplied", data: { of, ...(uncounted.length > 0 && { uncounted }) } }]
        : [],
  },

  weigh: (state: Order) => (state.phase !== "placed" ? 200 : 2_000 + state.lines.length * 1_500),
});

/** More was captured than is asked for: pieces were credited before. */
function excess({ currency, captures, paymentId }: PlacedOrder, payout: number): OrderEvent {
  const credit = { currency, lines: [], shipping: 0, shippingTax: 0, amount: 0, payout };
  const why = {
    creditId: `excess-${paymentId}-${captures.size + 1}`,
    cause: "cancellation" as const,
    reason: "more was paid than is due",
  };
  return { type: "OrderCredited", data: { ...why, ...credit } };
}

interface AddNote {
  text: string;
  /** Who may read it. */
  visibility: "staff" | "customer";
}

/** A refused order has no books: it only says that it has heard, and what could not be given back. */
function heard(
  { applied, unpaid }: RefusedOrder,
  refundId: string,
  failure?: { amount: number; reason: string },
): OrderEvent[] {
  const of = `refund/${refundId}`;
  // What was thought to have failed may have succeeded after all.
  if (applied.has(of) && (failure || !unpaid.has(of))) return [];
  return [{ type: "EffectsApplied", data: { of, ...(failure && { unpaid: failure }) } }];
}

interface MarkEffectsApplied {
  of: string;
  uncounted?: { sku: string; quantity: number }[];
}

interface Confirm {
  /** A pseudonym of the buyer. */
  buyer?: string;
}

function confirm(order: PlacedOrder, command: Confirm): OrderEvent[] {
  const isCancelled = order.status === "cancelled";
  if (isCancelled && order.refusal) throw problemOf(order.refusal);
  if (isCancelled) throw illegalTransition("the order was cancelled");
  if (order.book.confirmed) return [];
  return [confirmed(order, command)];
}

function confirmed(order: Data<"OrderPlaced">, { buyer }: Confirm): OrderEvent {
  const lines = order.lines.map(({ sku, productId, name, category, quantity, subtotal, discount }) => ({
    sku,
    productId,
    name,
    ...(category !== undefined && { category }),
    quantity,
    revenue: subtotal - discount,
  }));
  return {
    type: "OrderConfirmed",
    data: {
      currency: order.currency,
      lines,
      units: lines.reduce((sum, line) => sum + line.quantity, 0),
      gross: goodsOf(order),
      discounts: order.totals.discount,
      tax: order.totals.tax,
      shipping: order.totals.shipping,
      ...(buyer !== undefined && { buyer }),
      cartId: order.cartId,
    },
  };
}

export type RefundCause = Data<"OrderRefunded">["cause"];

function goodsLeft({ lines }: Book): number {
  return lines.reduce((sum, { goods }) => sum + goods, 0);
}

function evolved(order: PlacedOrder, { type, data }: OrderEvent, time: number): PlacedOrder {
  const evolve = evolveOrder[type] as (state: Order, data: unknown, context: EvolveContext) => Order;
  return existing(evolve(order, data, { time }));
}

function startProcessing(order: PlacedOrder): OrderEvent[] {
  requireOneOf(order, ["confirmed", "paid"], "processing");
  // Cash on delivery is paid when it arrives; everything else before it leaves.
  if (order.paymentMethod !== "cod" && !isPaid(order.book)) throw illegalTransition("the order is not paid");
  return [{ type: "ProcessingStarted", data: {} }];
}

function requireOneOf(order: PlacedOrder, statuses: readonly OrderStatus[], next: OrderStatus): void {
  if (!statuses.includes(order.status))
    throw illegalTransition(`an order that is ${order.status} cannot become ${next}`);
}

function requireAtMost(count: number, max: number, what: string): void {
  if (count >= max) throw illegalTransition(`an order has at most ${max} ${what}`);
}

/** @throws Problem not_found */
function owing(state: Order, decide: (order: PlacedOrder) => OrderEvent[]): OrderEvent[] {
  const order = existing(state);
  return withOwed(order, decide(order));
}

/** @throws Problem not_found */
function existing(state: Order): PlacedOrder {
  if (state.phase !== "placed") throw new Problem("not_found", "there is no such order");
  return state;
}
