import type { ShopEvents } from "../commands/events.ts";
import { projectionOf } from "../src/engine/projection.ts";
import type { ViewModel } from "../src/stores/view-store/view-store.ts";

/**
 * What is still to be done, by when: checkouts under way, effects of orders, refunds, and carts that will run
 * out; reservations have a model of their own (reservations.ts). The durable timers: what the log says is
 * open is here, and what is done is gone.
 */
type Work =
  | { kind: "cart"; dueAt: number }
  | { kind: "checkout"; dueAt: number; cartDueAt: number }
  | { kind: "order"; dueAt: number; open: string[] }
  | { kind: "refund"; dueAt: number; paymentId: string }
  | { kind: "capture"; dueAt: number; tries: number };

export type WorkKind = Work["kind"];

/** A process that is under way is left alone for this long, then taken up again. */
const takeUpAfterMs = 30_000;

/** A capture that the gateway refused or did not answer is tried again, each time after twice as long. */
const captureAgainMs = 60_000;
const captureTriesMax = 12;

const cartKey = ({ id }: { id: string }) => `cart/${id}`;
const orderKey = ({ id }: { id: string }) => `order/${id}`;
const captureKey = ({ id }: { id: string }) => `capture/${id}`;

const touched = {
  keys: cartKey,
  change: (_: Work | undefined, { data }: { data: { expiresAt: string } }): Work => ({
    kind: "cart",
    dueAt: Date.parse(data.expiresAt),
  }),
};

const ended = { keys: cartKey, change: () => undefined };

function opened(doc: Work | undefined, of: string, time: number): Work {
  const open = doc?.kind === "order" ? doc.open : [];
  return { kind: "order", dueAt: time + takeUpAfterMs, open: [...open, of] };
}

function closed(doc: Work | undefined, of: string): Work | undefined {
  if (doc?.kind !== "order") return undefined;
  const open = doc.open.filter((other) => other !== of);
  return open.length > 0 ? { ...doc, open } : undefined;
}

export const workProjection = projectionOf<ShopEvents>()<Work>({
  name: "work",
  version: 1,
  columns: { kind: "text", dueAt: "number" },
  indexes: [["dueAt"], ["kind", "dueAt"]],
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
        cartDueAt: doc?.dueAt ?? time,
      }),
    },
    CheckoutFailed: {
      keys: cartKey,
      change: (doc) => (doc?.kind === "checkout" ? { kind: "cart", dueAt: doc.cartDueAt } : doc),
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
      change: (doc, { data, time }) => (data.cashDue ? opened(doc, "delivery", time) : doc),
    },
    ReturnReceived: { keys: orderKey, change: (doc, { data, time }) => opened(doc, data.returnId, time) },
    OrderCancelled: { keys: orderKey, change: (doc, { time }) => opened(doc, "cancellation", time) },
    EffectsApplied: { keys: orderKey, change: (doc, { data }) => closed(doc, data.of) },

    RefundRequested: {
      keys: ({ data }) => `refund/${data.orderId}/${data.refundId}`,
      change: (_, { id, time }) => ({ kind: "refund", dueAt: time + takeUpAfterMs, paymentId: id }),
    },
    RefundFailed: { keys: ({ data }) => `refund/${data.orderId}/${data.refundId}`, change: () => undefined },
    OrderRefunded: {
      keys: ({ id, data }) => [`refund/${id}/${data.refundId}`, ...(data.releases ? [`order/${id}`] : [])],
      change: (doc, { time }, key) => (key.startsWith("order/") ? opened(doc, "refund", time) : undefined),
    },

    PaymentOrphaned: {
      keys: ({ id }) => `orphan/${id}`,
      change: (_, { id, time }) => ({ kind: "refund", dueAt: time + takeUpAfterMs, paymentId: id }),
    },
    PaymentVoided: { keys: ({ id }) => [`orphan/${id}`, `capture/${id}`], change: () => undefined },

    CaptureFailed: {
      keys: captureKey,
      change: (doc, { time }) => {
        const tries = doc?.kind === "capture" ? doc.tries + 1 : 1;
        if (tries > captureTriesMax) return undefined;
        return { kind: "capture", dueAt: time + captureAgainMs * 2 ** (tries - 1), tries };
      },
    },
    PaymentCaptured: { keys: captureKey, change: () => undefined },
  },
});

/** One thing to do: `id` is the cart, order, payment or SKU that it is about. */
export interface DueWork {
  key: string;
  kind: WorkKind;
  id: string;
  dueAt: number;
}

/** What is due, earliest first. */
export async function dueWork(model: ViewModel, now: number, limit: number): Promise<DueWork[]> {
  const { items } = await model.find({
    where: [{ column: "dueAt", lte: now }],
    sort: [{ column: "dueAt" }],
    limit,
  });
  return items.map(toDueWork);
}

/** Processes that were under way, due or not: for a start, when nobody else can be at them. */
export async function unfinishedWork(model: ViewModel, limit: number): Promise<DueWork[]> {
  const { items } = await model.find({
    where: [{ column: "kind", in: ["checkout", "order", "refund"] }],
    limit,
  });
  return items.map(toDueWork);
}

function toDueWork({ key, json }: { key: string; json: string }): DueWork {
  const doc = JSON.parse(json) as Work;
  const id = doc.kind === "refund" ? doc.paymentId : key.slice(key.indexOf("/") + 1);
  return { key, kind: doc.kind, id, dueAt: doc.dueAt };
}
