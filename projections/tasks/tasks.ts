import type { ShopEvents } from "../../commands/events.ts";
import { nameOf, paymentIdOf } from "../../commands/order/state.ts";
import { projectionOf } from "../../src/engine/projection.ts";
import type { ColumnValue, ViewModel } from "../../src/stores/view-store/view-store.ts";

/**
 * What is still to be done, by when: checkouts under way, effects of orders and what they wait for, movements of money,
 * webhooks, carts that will run out, drafts to be published; and what staff has to see to: money that is owed, refunds
 * that wait for their approval, captures that are refused for good. Reservations have a model of their own
 * (stock/reservations.ts). The durable timers: what the log says is open is here, and what is done is gone.
 */
type Task =
  | { kind: "cart"; dueAt: number }
  /** A draft's cart is never due. */
  | { kind: "checkout"; dueAt: number; cartDueAt?: number }
  /** Effects by name; and what has to be here, and by when: a transfer, goods that were credited in advance. */
  | { kind: "order"; dueAt: number; open: string[]; awaited?: Record<string, number> }
  /**
   * What is open of a payment, by name, and when each is due; or its gateway has refused each capture, since then, and
   * nothing tries another by itself: that is staff's. `refusal` is its last one.
   */
  | {
      kind: "payment" | "capture";
      dueAt: number;
      open: Record<string, number>;
      captureTries: number;
      refusal?: string;
    }
  | { kind: "webhook"; dueAt: number }
  /** A draft that is to be published. */
  | { kind: "publication"; dueAt: number }
  /** A file that was handed in. */
  | { kind: "import"; dueAt: number }
  /**
   * An order's, since then: its customer is owed so much that nothing gives back by itself. `refundId` is the refund
   * that came to nothing, if it was one. An order that was never placed has no books to tell what it owes.
   */
  | ({ kind: "refund"; dueAt: number; neverPlaced?: true } & About)
  /** A refund's, since then: staff approves or rejects it. `parts` is how much of it waits, by payment. */
  | ({ kind: "approval"; dueAt: number; parts: Record<string, number> } & About);

/** What staff has to know: minor units. */
interface About {
  orderId: string;
  amount: number;
  /** Where its order was never placed, so that nothing else leads to it. */
  paymentId?: string;
  refundId?: string;
  reason?: string;
}

/** What is done by itself. */
export const taskKinds = [
  "checkout",
  "payment",
  "order",
  "webhook",
  "cart",
  "publication",
  "import",
] as const;
/** What is for staff to see to. */
export const staffTaskKinds = ["refund", "approval", "capture"] as const;
export type TaskKind = (typeof taskKinds)[number] | (typeof staffTaskKinds)[number];

/** A process that is under way is left alone for this long, then taken up again. */
export const takeUpAfterMs = 30_000;

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
const refundKey = keyOf("refund");
const approvalKey = ({ data: { refundId } }: { data: { refundId: string } }) =>
  keyOf("approval")({ id: refundId });
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

const publicationKey = keyOf("publication");
/** Of an event that may say when a product is to be published, and say so no more by null. */
const scheduled = {
  keys: ({ id, data }: { id: string; data: { publishAt?: string | null | undefined } }) =>
    data.publishAt === undefined ? [] : publicationKey({ id }),
  change: (
    _: Task | undefined,
    { data: { publishAt } }: { data: { publishAt?: string | null | undefined } },
  ) => (publishAt ? { kind: "publication" as const, dueAt: Date.parse(publishAt) } : undefined),
};
const unscheduled = { keys: publicationKey, change: () => undefined };

const ended = { keys: cartKey, change: () => undefined };
const importEnded = { keys: keyOf("import"), change: () => undefined };

function opened(doc: Task | undefined, of: string, time: number): Task {
  const before = doc?.kind === "order" ? doc : { kind: "order" as const, open: [] };
  return { ...before, dueAt: time + takeUpAfterMs, open: [...before.open, of] };
}

function closed(doc: Task | undefined, of: string): Task | undefined {
  if (doc?.kind !== "order") return doc;
  const open = doc.open.filter((other) => other !== of);
  if (open.length > 0) return { ...doc, open };
  if (!doc.awaited) return undefined;
  return { ...doc, open, dueAt: Math.min(...Object.values(doc.awaited)) };
}

/** It is here, or need not come any more. */
function here(doc: Task | undefined, name: string): Task | undefined {
  if (doc?.kind !== "order" || doc.awaited?.[name] === undefined) return doc;
  const { awaited, ...task } = doc;
  const { [name]: _, ...others } = awaited;
  const times = Object.values(others);
  if (times.length === 0) return task.open.length > 0 ? task : undefined;
  const dueAt = task.open.length > 0 ? task.dueAt : Math.min(...times);
  return { ...task, dueAt, awaited: others };
}

/** It has to be here by then. */
function awaiting(doc: Task | undefined, name: string, time: string): Task {
  const before = doc?.kind === "order" ? doc : { kind: "order" as const, open: [], dueAt: 0 };
  const awaited = { ...before.awaited, [name]: Date.parse(time) };
  const dueAt = before.open.length > 0 ? before.dueAt : Math.min(...Object.values(awaited));
  return { ...before, dueAt, awaited };
}

const transfer = "transfer";
/** What comes by hand is not pursued. */
const isByGateway = (method: string) => method !== "bank_transfer" && method !== "cod";

/** With some of a payment's open things closed and some opened. */
function payment(
  doc: Task | undefined,
  { close = [], open = {}, refused, isCaptureOver = false }: PaymentChange,
): Task | undefined {
  const before: Omit<PaymentTask, "kind"> = isOfPayment(doc) ? doc : { dueAt: 0, open: {}, captureTries: 0 };
  const still = Object.entries(before.open).filter(([name]) => !close.includes(name));
  const now = { ...Object.fromEntries(still), ...open };
  const due = Object.values(now);
  const captureTries = isCaptureOver ? 0 : before.captureTries + Number(refused !== undefined);
  const refusal = isCaptureOver ? undefined : (refused?.reason ?? before.refusal);
  const task = { open: now, captureTries, ...(refusal !== undefined && { refusal }) };
  if (due.length > 0) return { ...task, kind: "payment", dueAt: Math.min(...due) };
  return captureTries > captureTriesMax
    ? { ...task, kind: "capture", dueAt: refused?.time ?? before.dueAt }
    : undefined;
}

type PaymentTask = Extract<Task, { kind: "payment" | "capture" }>;

function isOfPayment(doc: Task | undefined): doc is PaymentTask {
  return doc?.kind === "payment" || doc?.kind === "capture";
}

interface PaymentChange {
  close?: readonly string[];
  open?: Record<string, number>;
  /** A capture was refused then. */
  refused?: { reason: string; time: number };
  /** All is captured that has to be. */
  isCaptureOver?: boolean;
}

interface Captured {
  orderId?: string | undefined;
  captureId?: string | undefined;
}

/** Of an event that says whether anything is owed after it, where it changes that. */
const owedKeys = (event: { id: string; data: { owed?: number | undefined } }) =>
  event.data.owed === undefined ? [] : [refundKey(event)];

/** Money of an order that was never placed: it is here, and could not be given back; or has gone back after all. */
function kept(
  doc: Task | undefined,
  { id, data: { of }, time }: { id: string; data: { of: string }; time: number },
  unpaid: { amount: number; reason: string } | undefined,
): Task | undefined {
  if (!unpaid) return doc?.kind === "refund" && doc.neverPlaced ? undefined : doc;
  const refundId = nameOf(of).id.slice("refund/".length);
  return {
    kind: "refund",
    dueAt: doc?.dueAt ?? time,
    orderId: id,
    paymentId: nameOf(of).paymentId ?? paymentIdOf(id),
    refundId,
    ...unpaid,
    neverPlaced: true,
  };
}

interface Owing {
  id: string;
  data: { owed?: number | undefined; creditId?: string; reason?: string };
  time: number;
}

function owing(doc: Task | undefined, { id, data, time }: Owing): Task | undefined {
  const { owed = 0, creditId, reason } = data;
  if (owed === 0) return undefined;
  const before = doc?.kind === "refund" ? doc : { kind: "refund" as const, dueAt: time, orderId: id };
  const failed = { ...(creditId !== undefined && { refundId: creditId }), ...(reason && { reason }) };
  return { ...before, ...failed, amount: owed };
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

/** A refund that goes on or has ended, and may have waited for its approval, at one payment or at several. */
const judged = {
  keys: (event: { id: string; data: { refundId: string } }) => [paymentKey(event), approvalKey(event)],
  change: (
    doc: Task | undefined,
    event: { id: string; data: { refundId: string }; time: number },
    key: string,
  ) => {
    if (key !== approvalKey(event)) return payment(doc, refundOpens(event.data, event.time + takeUpAfterMs));
    if (doc?.kind !== "approval") return undefined;
    const { [event.id]: _, ...parts } = doc.parts;
    return approval({ ...doc, parts });
  },
};

/** While a payment's part of it still waits. */
function approval(task: Extract<Task, { kind: "approval" }>): Task | undefined {
  const parts = Object.values(task.parts);
  return parts.length === 0 ? undefined : { ...task, amount: parts.reduce((sum, part) => sum + part, 0) };
}

/** A handler of an event on an order's stream, of which its payment has heard. */
const paymentHasHeard = {
  keys: firstPaymentKey,
  change: (doc: Task | undefined) => {
    const open = isOfPayment(doc) ? Object.keys(doc.open) : [];
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
  version: 8,
  columns: { kind: "text", dueAt: "number" },
  indexes: [["kind", "dueAt"]],
  columnsOf: ({ kind, dueAt }) => ({ kind, dueAt }),
  on: {
    CartOpened: touched,
    ItemAdded: touched,
    QuantityChanged: touched,
    ItemRemoved: touched,
    DetailsChanged: touched,
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
        if (payBy !== undefined && key === orderKey(event)) return awaiting(doc, transfer, payBy);
        // One that is not confirmed with it waits for its customer or gateway: then there is time.
        return doc?.kind === "checkout" ? { ...doc, dueAt: event.time + waitingLookedAtAfterMs } : doc;
      },
    },
    PaymentAdded: {
      keys: (event) => (isByGateway(event.data.method) ? itsPaymentKey(event) : []),
      change: (doc, { time }) => payment(doc, { open: { authorize: time + takeUpAfterMs } }),
    },
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

    ProductCreated: scheduled,
    ProductDescribed: scheduled,
    ProductPublished: unscheduled,
    ProductArchived: unscheduled,

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
        return cause === "refund" ? opened(here(doc, transfer), "refund", time) : doc;
      },
    },
    EditRequested: {
      keys: orderKey,
      change: (doc, { data, time }) => opened(doc, `edit/${data.editId}`, time),
    },
    EditRefused: {
      keys: orderKey,
      change: (doc, { data: { editId }, time }) =>
        closed(opened(doc, `unclaim/${editId}`, time), `edit/${editId}`),
    },
    OrderEdited: {
      keys: (event) => [orderKey(event), ...owedKeys(event)],
      change: (doc, event, key) =>
        key === refundKey(event) ? owing(doc, event) : closed(doc, `edit/${event.data.editId}`),
    },
    ExchangeAgreed: {
      keys: orderKey,
      change: (doc, { data: { returnId, advanceBy } }) =>
        advanceBy === undefined ? doc : awaiting(doc, `advance-${returnId}`, advanceBy),
    },
    OrderCredited: {
      // What was owed before goes with it, or with the cancellation that follows.
      keys: (event) => {
        const { payout, amount } = event.data;
        return payout === amount && payout > 0 ? orderKey(event) : [orderKey(event), refundKey(event)];
      },
      change: (doc, event, key) => {
        if (key === refundKey(event)) return undefined;
        const { payout, creditId } = event.data;
        return payout > 0 ? opened(doc, `credit/${creditId}`, event.time) : doc;
      },
    },
    CreditWithdrawn: {
      // Where what was credited in advance is asked for again, no refund has ended.
      keys: (event) => [...(event.data.part === 0 ? [] : [itsPaymentKey(event)]), ...owedKeys(event)],
      change: (doc, event, key) =>
        key === refundKey(event)
          ? owing(doc, event)
          : payment(doc, { close: [`refund/${event.data.creditId}`] }),
    },
    OrderCancelled: {
      keys: (event) => [orderKey(event), firstPaymentKey(event), ...owedKeys(event)],
      change: (doc, event, key) => {
        if (key === refundKey(event)) return owing(doc, event);
        return key === orderKey(event)
          ? opened(here(doc, transfer), "cancellation", event.time)
          : paymentHasHeard.change(doc);
      },
    },
    EffectsApplied: {
      keys: ({ id, data: { of } }) => {
        if (!of.startsWith("refund/")) return orderKey({ id });
        return [itsPaymentKey({ id, data: { paymentId: nameOf(of).paymentId } }), refundKey({ id })];
      },
      change: (doc, event, key) => {
        const { of, unpaid } = event.data;
        if (key === refundKey(event)) return kept(doc, event, unpaid);
        return of.startsWith("refund/")
          ? payment(doc, { close: [nameOf(of).id] })
          : here(closed(doc, of), of);
      },
    },
    OrderRefused: paymentHasHeard,
    OrderPaid: {
      keys: (event) => [
        itsPaymentKey(event),
        ...(event.data.inTime ? [orderKey(event)] : []),
        ...owedKeys(event),
      ],
      change: (doc, event, key) => {
        if (key === refundKey(event)) return owing(doc, event);
        return key === orderKey(event)
          ? here(doc, transfer)
          : payment(doc, { close: [paidName(event.data.captureId)] });
      },
    },
    OrderRefunded: {
      keys: (event) => [
        itsPaymentKey(event),
        ...(event.data.releases ? [orderKey(event)] : []),
        ...owedKeys(event),
      ],
      change: (doc, event, key) => {
        if (key === refundKey(event)) return owing(doc, event);
        return key === orderKey(event)
          ? opened(doc, "refund", event.time)
          : payment(doc, { close: [`refund/${event.data.refundId}`] });
      },
    },

    CaptureRequested: onPayment((_, dueAt) => ({ close: ["recapture"], open: { capture: dueAt } })),
    PaymentCaptured: onPayment(({ orderId, captureId }: Captured, dueAt) => ({
      close: ["capture", "recapture", "orphan"],
      isCaptureOver: true,
      ...(orderId !== undefined && { open: { [paidName(captureId)]: dueAt } }),
    })),
    CaptureFailed: {
      keys: paymentKey,
      change: (doc, { data, time }) => {
        if (data.once) return payment(doc, { close: ["capture"] });
        const tries = (isOfPayment(doc) ? doc.captureTries : 0) + 1;
        const again = time + captureAgainMs * 2 ** (tries - 1);
        return payment(doc, {
          close: ["capture"],
          refused: { reason: data.reason, time },
          open: tries > captureTriesMax ? {} : { recapture: again },
        });
      },
    },
    VoidRequested: onPayment((_, dueAt) => ({ open: { void: dueAt } })),
    PaymentVoided: onPayment(() => ({
      close: ["authorize", "void", "orphan", "capture", "recapture"],
      isCaptureOver: true,
    })),
    AuthorizationReleased: onPayment(({ reference }: { reference?: string | undefined }) =>
      reference === undefined
        ? { close: ["void", "capture", "recapture"], isCaptureOver: true }
        : { close: ["second"] },
    ),
    PaymentFailed: onPayment(() => ({ close: ["authorize", "void"] })),
    PaymentOrphaned: onPayment(({ second }: { second?: true | undefined }, dueAt) => ({
      open: { [second ? "second" : "orphan"]: dueAt },
    })),
    RefundRequested: {
      keys: (event) => [paymentKey(event), ...(event.data.held ? [approvalKey(event)] : [])],
      change: (doc, event, key) => {
        const { refundId, orderId, amount, reason, cause, held } = event.data;
        if (key === approvalKey(event)) {
          const parts = { ...(doc?.kind === "approval" && doc.parts), [event.id]: amount };
          return approval({ kind: "approval", dueAt: event.time, orderId, refundId, reason, amount, parts });
        }
        return payment(doc, {
          close: cause === "cancellation" && !held ? ["void", "paid"] : [],
          open: held ? {} : { [`refund/${refundId}`]: event.time + takeUpAfterMs },
        });
      },
    },
    RefundApproved: judged,
    RefundRejected: judged,
    // Its order has still to hear of it. A gateway may tell of one that nobody has approved.
    RefundSucceeded: judged,
    ChargebackLost: onPayment(({ disputeId }: { disputeId: string }, dueAt) =>
      refundOpens({ refundId: `dispute-${disputeId}` }, dueAt),
    ),
    OrderTold: { keys: paymentKey, change: paymentHasHeard.change },
    RefundFailed: onPayment(refundOpens),

    WebhookReceived: {
      keys: keyOf("webhook"),
      change: (_, { time }) => ({ kind: "webhook", dueAt: time + takeUpAfterMs }),
    },
    ProductImportRequested: {
      keys: keyOf("import"),
      change: (_, { time }) => ({ kind: "import", dueAt: time }),
    },
    ProductImportFinished: importEnded,
    ProductImportCancelled: importEnded,
    ProductImportFailed: importEnded,

    WebhookHandled: { keys: keyOf("webhook"), change: () => undefined },
  },
});

/** One thing to do: `id` is the cart, order (that owes money, too), payment, product, webhook or refund that it is about. */
export interface DueTask<K extends TaskKind = TaskKind> {
  key: string;
  kind: K;
  id: string;
  dueAt: number;
  /** What the log says about it. */
  reason: string | undefined;
  /** Of what is staff's: the order, and the money in minor units. */
  orderId?: string;
  paymentId?: string;
  refundId?: string;
  amount?: number;
}

export interface TaskPage<K extends TaskKind> {
  tasks: DueTask<K>[];
  /** Where the next page starts; null on the last one. */
  next: readonly ColumnValue[] | null;
}

/** Tasks of one kind, due by a time or all there are, earliest first. */
export async function tasksOf<K extends TaskKind>(
  model: ViewModel,
  kind: K,
  { dueBy, limit, after }: { dueBy?: number; limit: number; after?: readonly ColumnValue[] | undefined },
): Promise<TaskPage<K>> {
  const { items, next } = await model.find({
    where: [{ column: "kind", eq: kind }, ...(dueBy === undefined ? [] : [{ column: "dueAt", lte: dueBy }])],
    sort: [{ column: "dueAt" }],
    limit,
    ...(after && { after }),
  });
  return { tasks: items.map((item) => ({ ...toTask(item), kind })), next };
}

/** Whether something of this kind is open. */
export async function hasTask(model: ViewModel, kind: TaskKind, id: string): Promise<boolean> {
  const found = await model.get(keptAs(kind)({ id }));
  return found !== undefined && toTask(found).kind === kind;
}

/** A cart's tasks are one document, and a payment's. */
function keptAs(kind: TaskKind) {
  if (kind === "checkout") return cartKey;
  return kind === "capture" ? paymentKey : keyOf(kind);
}

function toTask({ key, json }: { key: string; json: string }): DueTask {
  const task = JSON.parse(json) as Task;
  const { kind, dueAt } = task;
  const known = { key, kind, id: key.slice(key.indexOf("/") + 1), dueAt };
  if (task.kind === "refund" || task.kind === "approval") {
    const { orderId, amount, paymentId, refundId, reason } = task;
    const ids = {
      ...(paymentId !== undefined && { paymentId }),
      ...(refundId !== undefined && { refundId }),
    };
    return { ...known, orderId, amount, reason, ...ids };
  }
  const reason = isOfPayment(task) && (kind === "capture" || task.open.recapture) ? task.refusal : undefined;
  return { ...known, reason };
}
