import type { ShopEvents } from "../../commands/events.ts";
import { nameOf } from "../../commands/order/state.ts";
import { projectionOf } from "../../src/engine/projection.ts";
import {
  approval,
  awaiting,
  captureTriesMax,
  closed,
  here,
  kept,
  opened,
  owing,
  type PaymentChange,
  payment,
  refundOpens,
} from "./changes.ts";
import {
  approvalKey,
  cartKey,
  firstPaymentKey,
  isOfPayment,
  itsPaymentKey,
  keyOf,
  orderKey,
  paymentKey,
  refundKey,
  type Task,
  takeUpAfterMs,
} from "./documents.ts";

/** A checkout whose order waits is looked at again after this long: it extends its reservations, or gives up. */
const waitingLookedAtAfterMs = 5 * 60_000;

/** A capture that the gateway refused is tried again, each time after twice as long. */
const captureAgainMs = 60_000;

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

const transfer = "transfer";
/** What comes by hand is not pursued. */
const isByGateway = (method: string) => method !== "bank_transfer" && method !== "cod";

interface Captured {
  orderId?: string | undefined;
  captureId?: string | undefined;
}

/** Of an event that says whether anything is owed after it, where it changes that. */
const owedKeys = (event: { id: string; data: { owed?: number | undefined } }) =>
  event.data.owed === undefined ? [] : [refundKey(event)];

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
  version: 9,
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
    CartHandedOver: {
      keys: cartKey,
      change: (_, { time }) => ({ kind: "cart", dueAt: time + takeUpAfterMs }),
    },
    CartMerged: { keys: ({ data }) => cartKey({ id: data.from }), change: () => undefined },
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
