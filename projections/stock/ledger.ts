import type { ShopEvents } from "../../commands/events.ts";
import { type Handler, type ProjectedEvent, projectionOf } from "../../src/engine/projection.ts";
import { InvalidCursor, type ViewModel } from "../../src/stores/view-store/view-store.ts";
import type { Page, PageRequest } from "../page.ts";

const bucketRevisions = 100;
const bucketDigits = 8;

/** As they are stored: more may come at the end, none may move. */
const codes = {
  received: 0,
  adjusted: 1,
  reserved: 2,
  committed: 3,
  released: 4,
  uncommitted: 5,
  expired: 6,
  shipped: 7,
  returned: 8,
  damaged: 9,
  backordered: 10,
  backorder_filled: 11,
} as const;

/** `released`: of what was only held; `uncommitted`: of what was promised for good. */
export type StockMovementName = keyof typeof codes;

const namesByCode = Object.keys(codes) as StockMovementName[];

/** What has happened to up to a hundred revisions of a SKU, by column: a million rows have to stay small. */
interface Bucket {
  /** Revisions, counted from the bucket's first. */
  offsets: number[];
  /** Epoch milliseconds. */
  times: number[];
  types: number[];
  quantities: number[];
  /** The order, the return or the delivery note that moved the pieces; "" when nothing did. */
  references: string[];
  /** By revision: a reason, or how many of the returned pieces are damaged. */
  notes?: Record<string, string | number>;
}

export interface StockMovement {
  revision: number;
  at: string;
  type: StockMovementName;
  /** Pieces; below 0 only where an adjustment takes some away. */
  quantity: number;
  /** The order that holds or gets the pieces, the return that brought them, the reference of a delivery. */
  reference?: string;
  reason?: string;
  /** Of the returned pieces. */
  damaged?: number;
}

function recorded<Data>(append: (doc: Bucket, event: ProjectedEvent<Data>) => void): Handler<Bucket, Data> {
  return {
    keys: ({ id, revision }) => bucketKey(id, Math.floor(revision / bucketRevisions)),
    change: (doc = newBucket(), event) => {
      append(doc, event);
      return doc;
    },
  };
}

const ofReservation = (type: StockMovementName) =>
  recorded<{ quantity: number; reservationId: string }>((doc, event) =>
    add(doc, event, type, event.data.quantity, event.data.reservationId),
  );

/** What moved the pieces of a SKU, in the order it happened. */
export const stockLedgerProjection = projectionOf<ShopEvents>()<Bucket>({
  name: "stock-ledger",
  version: 1,
  columns: { sku: "text", bucket: "number" },
  indexes: [["sku", "bucket"]],
  columnsOf: (_, key) => ({
    sku: key.slice(0, -1 - bucketDigits),
    bucket: Number(key.slice(-bucketDigits)),
  }),
  on: {
    StockReceived: recorded((doc, event) =>
      add(doc, event, "received", event.data.quantity, event.data.reference),
    ),
    StockAdjusted: recorded((doc, event) => {
      add(doc, event, "adjusted", event.data.delta);
      note(doc, event, event.data.reason);
    }),
    StockReserved: ofReservation("reserved"),
    ReservationCommitted: ofReservation("committed"),
    ReservationReleased: recorded((doc, event) => {
      const { quantity, reservationId, committed, reason } = event.data;
      add(doc, event, committed ? "uncommitted" : "released", quantity, reservationId);
      note(doc, event, reason);
    }),
    ClaimShrunk: ofReservation("uncommitted"),
    ClaimGrown: ofReservation("committed"),
    ReservationExpired: ofReservation("expired"),
    StockShipped: ofReservation("shipped"),
    StockReturned: recorded((doc, event) => {
      const { returnId, sellable, damaged } = event.data;
      add(doc, event, "returned", sellable + damaged, returnId);
      if (damaged > 0) note(doc, event, damaged);
    }),
    StockMarkedDamaged: recorded((doc, event) => {
      add(doc, event, "damaged", event.data.quantity);
      note(doc, event, event.data.reason);
    }),
    BackorderQueued: ofReservation("backordered"),
    BackorderFilled: ofReservation("backorder_filled"),
  },
});

/**
 * The movements of a SKU, newest first. The cursor is the revision of the last one, so that a page starts
 * where the one before ended however much has been added since.
 * @throws InvalidCursor
 */
export async function stockLedger(
  model: ViewModel,
  sku: string,
  { limit, after }: PageRequest,
): Promise<Page<StockMovement>> {
  const before = after === undefined ? Number.MAX_SAFE_INTEGER : revisionOf(after);
  const movements: StockMovement[] = [];
  let bucketsTo = Math.floor(before / bucketRevisions);
  while (movements.length <= limit) {
    const { items } = await model.find({
      where: [
        { column: "sku", eq: sku },
        { column: "bucket", lte: bucketsTo },
      ],
      sort: [{ column: "bucket", descending: true }],
      limit: 1 + Math.ceil((limit + 1 - movements.length) / bucketRevisions),
    });
    for (const { key, json } of items) {
      bucketsTo = Number(key.slice(-bucketDigits)) - 1;
      const entries = entriesOf(JSON.parse(json) as Bucket, bucketsTo + 1);
      movements.push(...entries.filter(({ revision }) => revision < before).reverse());
    }
    if (items.length === 0 || bucketsTo < 0) break;
  }
  const items = movements.slice(0, limit);
  const last = items.at(-1);
  return { items, next: movements.length > limit && last ? [last.revision] : null };
}

function revisionOf(after: NonNullable<PageRequest["after"]>): number {
  const [revision] = after;
  if (after.length !== 1 || typeof revision !== "number" || !Number.isSafeInteger(revision) || revision < 0)
    throw new InvalidCursor("`after` is not the revision of a movement");
  return revision;
}

function bucketKey(sku: string, bucket: number): string {
  return `${sku}/${String(bucket).padStart(bucketDigits, "0")}`;
}

function newBucket(): Bucket {
  return { offsets: [], times: [], types: [], quantities: [], references: [] };
}

function add(
  doc: Bucket,
  event: ProjectedEvent,
  type: StockMovementName,
  quantity: number,
  reference = "",
): void {
  doc.offsets.push(event.revision % bucketRevisions);
  doc.times.push(event.time);
  doc.types.push(codes[type]);
  doc.quantities.push(quantity);
  doc.references.push(reference);
}

function note(doc: Bucket, { revision }: ProjectedEvent, text: string | number): void {
  doc.notes ??= {};
  doc.notes[revision] = text;
}

function entriesOf({ offsets, times, types, quantities, references, notes }: Bucket, bucket: number) {
  return offsets.map((offset, index): StockMovement => {
    const revision = bucket * bucketRevisions + offset;
    const type = namesByCode[types[index] ?? -1];
    if (type === undefined)
      throw new Error(`revision ${revision} is of a type that this version does not know`);
    const reference = references[index];
    const note = notes?.[revision];
    return {
      revision,
      at: new Date(times[index] ?? 0).toISOString(),
      type,
      quantity: quantities[index] ?? 0,
      ...(reference && { reference }),
      ...(typeof note === "string" && { reason: note }),
      ...(typeof note === "number" && { damaged: note }),
    };
  });
}
