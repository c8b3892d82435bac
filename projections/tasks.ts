import type { ShopEvents } from "../commands/events.ts";
import { nameOf, paymentIdOf } from "../commands/order/state.ts";
import { projectionOf } from "../src/engine/projection.ts";
import type { ColumnValue, ViewModel } from "../src/stores/view-store/view-store.ts";

/**
 * What is still to be done, by when: checkouts under way, effects of orders, movements of money, webhooks, and
 * carts that will run out; reservations have a model of their own (reservations.ts). The durable timers: what the
 * log says is open is here, and what is done is gone.
 */
type Task =
  | { kind: "cart"; dueAt: number }
  /** A draft's cart is never due. */
  | { kind: "checkout"; dueAt: number; cartDueAt?: number }
  /** `payBy`: when a transfer has to be here. */
  | { kind: "order"; dueAt: number; open: string[]; payBy?: number }
  /** What is open of a payment, by name, and when each is due. */
  | { kind: "payment"; dueAt: number; open: Record<string, number>; captureTries: number }
  | { kind: "webhook"; dueAt: number };

export const taskKinds = ["checkout", "payment", "order", "webhook", "cart"] as const;
export type TaskKind = (typeof taskKinds)[number];

/** A process that is under way is left alone for this long, then taken up again. */
const takeUpAfterMs = 30_000;

/** A checkout whose order waits is looked at again after this long: it extends its reservations, or gives up. */
const waitingLookedAtAfterMs = 5 * 60_000;

/** A capture that the gateway refused is tried again, each time after twice as long. */
const captureAgainMs = 60_000;
const captureTriesMax = 12;

const keyOf =
  (kind: TaskKind) =>
  ({ id }: { id: string }): string =>
    `${kind}/${id}`;
const cartKey = keyOf("cart");
const orderKey = keyOf("order");
const paymentKey = keyOf("payment");
/** The payment of an order's own event: the one it was placed with, or one that was added. */
const itsPaymentKey = ({ id, data }: { id: string; data: { paymentId?: string | undefined } }) =>
  paymentKey({ id: data.paymentId ?? paymentIdOf(id) });
const firstPaymentKey = ({ id }: { id: string }) => paymentKey({ id: paymentIdOf(id) });

const touched = {
  keys: cartKey,
  change: (_: Task | undefined, { data }: { data: { expiresAt?: string | undefined } }) =>
    cartTask(data.expiresAt === undefined ? undefined : Date.parse(data.expiresAt)),
};

function cartTask(dueAt: number | undefined): Task | undefined {
  return dueAt === undefined ? undefined : { kind: "cart", dueAt };
}

const ended = { keys: cartKey, change: () => undefined };

function opened(doc: Task | undefined, of: string, time: number): Task {
  const before = doc?.kind === "order" ? doc : { kind: "order" as const, open: [] };
  return { ...before, dueAt: time + takeUpAfterMs, open: [...before.open, of] };
}

function closed(doc: Task | undefined, of: string): Task | undefined {
  if (doc?.kind !== "order") return doc;
  const open = doc.open.filter((other) => other !== of);
  if (open.length > 0) return { ...doc, open };
  return doc.payBy === undefined ? undefined : { ...doc, open, dueAt: doc.payBy };
}

/** Nothing has to be paid by then, or something has been, or it is not waited for any longer. */
function paidInTime(doc: Task | undefined): Task | undefined {
  if (doc?.kind !== "order") return doc;
  const { payBy: _, ...task } = doc;
  return task.open.length > 0 ? task : undefined;
}

/** A transfer has to be here by then. */
function awaited(doc: Task | undefined, time: string): Task {
  const payBy = Date.parse(time);
  if (doc?.kind === "order" && doc.open.length > 0) return { ...doc, payBy };
  return { kind: "order", open: [], dueAt: payBy, payBy };
}

/** With some of a payment's open things closed and some opened. */
function payment(
  doc: Task | undefined,
  { close = [], open = {}, failed = false }: PaymentChange,
): Task | undefined {
  const before = doc?.kind === "payment" ? doc : { open: {}, captureTries: 0 };
  const still = Object.entries(before.open).filter(([name]) => !close.includes(name));
  const now = { ...Object.fromEntries(still), ...open };
  const due = Object.values(now);
  const captureTries = before.captureTries + Number(failed);
  if (due.length === 0) return undefined;
  return { kind: "payment", dueAt: Math.min(...due), open: now, captureTries };
}

interface PaymentChange {
  close?: readonly string[];
  open?: Record<string, number>;
  /** A capture was refused. */
  failed?: boolean;
}

interface Captured {
  orderId?: string | undefined;
  captureId?: string | undefined;
}

interface Requested {
  refundId: string;
  cause: string;
  held?: true | undefined;
}

const refundOpens = ({ refundId }: { refundId: string }, dueAt: number): PaymentChange => ({
  open: { [`refund/${refundId}`]: dueAt },
});

/** A handler of an event on a payment's stream. */
function onPayment<Data>(changeOf: (data: Data, dueAt: number) => PaymentChange) {
  return {
    keys: paymentKey,
    change: (doc: Task | undefined, { data, time }: { data: Data; time: number }) =>
      payment(doc, changeOf(data, time + takeUpAfterMs)),
  };
}

/** A handler of an event on an order's stream, of which its payment has heard. */
const paymentHasHeard = {
  keys: firstPaymentKey,
  change: (doc: Task | undefined) => {
    const open = doc?.kind === "payment" ? Object.keys(doc.open) : [];
    return payment(doc, { close: open.filter((name) => name === "paid" || name.startsWith("paid/")) });
  },
};

/** What has become of a payment that was added; a checkout sees to its own. */
const authorizationKnown = {
  keys: ({ id, data }: { id: string; data: { further?: true | undefined } }) =>
    data.further ? paymentKey({ id }) : [],
  change: (doc: Task | undefined) => payment(doc, { close: ["authorize"] }),
};

/** What an order has to hear of one of several captures, or of the only one. */
const paidName = (captureId: string | undefined) => (captureId === undefined ? "paid" : `paid/${captureId}`);

export const tasksProjection = projectionOf<ShopEvents>()<Task>({
  name: "tasks",
  version: 3,
  columns: { kind: "text", dueAt: "number" },
  indexes: [["kind", "dueAt"]],
  columnsOf: ({ kind, dueAt }) => ({ kind, dueAt }),
  on: {
    CartOpened: touched,
    ItemAdded: touched,
    QuantityChanged: touched,
    ItemRemoved: touched,
    CheckoutStarted: {
      keys: cartKey,
      change: (doc, { time }) => ({
        kind: "checkout",
        dueAt: time + takeUpAfterMs,
        ...(doc && { cartDueAt: doc.dueAt }),
      }),
    },
    OrderPlaced: {
      keys: (event) => [
        cartKey({ id: event.data.cartId }),
        ...(event.data.payBy === undefined ? [] : [orderKey(event)]),
      ],
      change: (doc, event, key) => {
        const { payBy } = event.data;
        if (payBy !== undefined && key === orderKey(event)) return awaited(doc, payBy);
        // One that is not confirmed with it waits for its customer or gateway: then there is time.
        return doc?.kind === "checkout" ? { ...doc, dueAt: event.time + waitingLookedAtAfterMs } : doc;
      },
    },
    PaymentAdded: {
      keys: (event) => {
        if (event.data.payBy !== undefined) return orderKey(event);
        // Nobody authorizes a transfer, or cash.
        const { method } = event.data;
        return method === "bank_transfer" || method === "cod" ? [] : itsPaymentKey(event);
      },
      change: (doc, { data: { payBy }, time }) =>
        payBy === undefined
          ? payment(doc, { open: { authorize: time + takeUpAfterMs } })
          : awaited(doc, payBy),
    },
    TransferLapsed: { keys: orderKey, change: paidInTime },
    PaymentAuthorized: authorizationKnown,
    PaymentActionRequired: authorizationKnown,
    OrderConfirmed: {
      keys: ({ data: { cartId } }) => (cartId === undefined ? [] : cartKey({ id: cartId })),
      change: (doc, { time }) => (doc?.kind === "checkout" ? { ...doc, dueAt: time + takeUpAfterMs } : doc),
    },
    CheckoutFailed: {
      keys: cartKey,
      change: (doc) => (doc?.kind === "checkout" ? cartTask(doc.cartDueAt) : doc),
    },
    CartConverted: ended,
    CartAbandoned: ended,
    CartExpired: ended,

    ShipmentDispatched: {
      keys: orderKey,
      change: (doc, { data, time }) => opened(doc, data.shipmentId, time),
    },
    ShipmentDelivered: {
      keys: orderKey,
      change: (doc, { data: { cash, cashDue }, time }) => {
        if (cash) return opened(doc, `cash/${cash.captureId}`, time);
        return cashDue ? opened(doc, "delivery", time) : doc;
      },
    },
    ShipmentReturned: {
      keys: orderKey,
      change: (doc, { data, time }) => opened(doc, `back/${data.backId}`, time),
    },
    ReshipmentAgreed: {
      keys: orderKey,
      change: (doc, { data, time }) => opened(doc, `reship/${data.reshipmentId}`, time),
    },
    ReturnReceived: {
      keys: orderKey,
      change: (doc, { data: { returnId, receiptId }, time }) =>
        opened(doc, receiptId === undefined ? returnId : `receipt/${receiptId}`, time),
    },
    ReturnInspected: {
      keys: orderKey,
      change: (doc, { data, time }) => opened(doc, `receipt/${data.receiptId}`, time),
    },
    LinesCancelled: {
      keys: orderKey,
      change: (doc, { data: { cancelId, cause, complete }, time }) => {
        if (!complete) return opened(doc, `cancel/${cancelId}`, time);
        return cause === "refund" ? opened(paidInTime(doc), "refund", time) : doc;
      },
    },
    OrderCredited: {
      keys: orderKey,
      change: (doc, { data, time }) => (data.payout > 0 ? opened(doc, `credit/${data.creditId}`, time) : doc),
    },
    CreditWithdrawn: {
      keys: itsPaymentKey,
      change: (doc, { data }) => payment(doc, { close: [`refund/${data.creditId}`] }),
    },
    OrderCancelled: {
      keys: (event) => [orderKey(event), firstPaymentKey(event)],
      change: (doc, event, key) =>
        key === orderKey(event)
          ? opened(paidInTime(doc), "cancellation", event.time)
          : paymentHasHeard.change(doc),
    },
    EffectsApplied: {
      keys: ({ id, data: { of } }) => {
        if (!of.startsWith("refund/")) return orderKey({ id });
        return itsPaymentKey({ id, data: { paymentId: nameOf(of).paymentId } });
      },
      change: (doc, { data: { of } }) =>
        of.startsWith("refund/") ? payment(doc, { close: [nameOf(of).id] }) : closed(doc, of),
    },
    OrderRefused: paymentHasHeard,
    OrderPaid: {
      keys: (event) => [itsPaymentKey(event), ...(event.data.inTime ? [orderKey(event)] : [])],
      change: (doc, event, key) =>
        key === orderKey(event) ? paidInTime(doc) : payment(doc, { close: [paidName(event.data.captureId)] }),
    },
    OrderRefunded: {
      keys: (event) => [itsPaymentKey(event), ...(event.data.releases ? [orderKey(event)] : [])],
      change: (doc, event, key) =>
        key === orderKey(event)
          ? opened(doc, "refund", event.time)
          : payment(doc, { close: [`refund/${event.data.refundId}`] }),
    },

    CaptureRequested: onPayment((_, dueAt) => ({ close: ["recapture"], open: { capture: dueAt } })),
    PaymentCaptured: onPayment(({ orderId, captureId }: Captured, dueAt) => ({
      close: ["capture", "recapture", "orphan"],
      ...(orderId !== undefined && { open: { [paidName(captureId)]: dueAt } }),
    })),
    CaptureFailed: {
      keys: paymentKey,
      change: (doc, { data, time }) => {
        if (data.once) return payment(doc, { close: ["capture"] });
        const tries = (doc?.kind === "payment" ? doc.captureTries : 0) + 1;
        const again = time + captureAgainMs * 2 ** (tries - 1);
        return payment(doc, {
          close: ["capture"],
          failed: true,
          open: tries > captureTriesMax ? {} : { recapture: again },
        });
      },
    },
    VoidRequested: onPayment((_, dueAt) => ({ open: { void: dueAt } })),
    PaymentVoided: onPayment(() => ({ close: ["authorize", "void", "orphan", "capture", "recapture"] })),
    AuthorizationReleased: onPayment(({ reference }: { reference?: string | undefined }) => ({
      close: reference === undefined ? ["void", "capture", "recapture"] : ["second"],
    })),
    PaymentFailed: onPayment(() => ({ close: ["authorize", "void"] })),
    PaymentOrphaned: onPayment(({ second }: { second?: true | undefined }, dueAt) => ({
      open: { [second ? "second" : "orphan"]: dueAt },
    })),
    // One that waits for its approval is nobody's to do.
    RefundRequested: onPayment(({ refundId, cause, held }: Requested, dueAt) => ({
      close: cause === "cancellation" ? ["void", "paid"] : [],
      open: held ? {} : { [`refund/${refundId}`]: dueAt },
    })),
    RefundApproved: onPayment(refundOpens),
    RefundRejected: onPayment(refundOpens),
    // Its order has still to hear of it.
    RefundSucceeded: onPayment(refundOpens),
    OrderTold: { keys: paymentKey, change: paymentHasHeard.change },
    RefundFailed: onPayment(refundOpens),

    WebhookReceived: {
      keys: keyOf("webhook"),
      change: (_, { time }) => ({ kind: "webhook", dueAt: time + takeUpAfterMs }),
    },
    WebhookHandled: { keys: keyOf("webhook"), change: () => undefined },
  },
});

/** One thing to do: `id` is the cart, order, payment or webhook that it is about. */
export interface DueTask {
  key: string;
  kind: TaskKind;
  id: string;
  dueAt: number;
}

export interface TaskPage {
  tasks: DueTask[];
  /** Where the next page starts; null on the last one. */
  next: readonly ColumnValue[] | null;
}

/** Tasks of one kind, due by a time or all there are, earliest first. */
export async function tasksOf(
  model: ViewModel,
  kind: TaskKind,
  { dueBy, limit, after }: { dueBy?: number; limit: number; after?: readonly ColumnValue[] | undefined },
): Promise<TaskPage> {
  const { items, next } = await model.find({
    where: [{ column: "kind", eq: kind }, ...(dueBy === undefined ? [] : [{ column: "dueAt", lte: dueBy }])],
    sort: [{ column: "dueAt" }],
    limit,
    ...(after && { after }),
  });
  return { tasks: items.map(toTask), next };
}

/** Whether something of this kind is open. */
export async function hasTask(model: ViewModel, kind: TaskKind, id: string): Promise<boolean> {
  const found = await model.get(kind === "checkout" ? cartKey({ id }) : keyOf(kind)({ id }));
  return found !== undefined && toTask(found).kind === kind;
}

function toTask({ key, json }: { key: string; json: string }): DueTask {
  const { kind, dueAt } = JSON.parse(json) as Task;
  return { key, kind, id: key.slice(key.indexOf("/") + 1), dueAt };
}
