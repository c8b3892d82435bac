import { type Handler, type ProjectedEvent, projectionOf } from "../src/engine/projection.ts";
import { InvalidCursor, type ViewModel } from "../src/stores/view-store/view-store.ts";
import type { ShopEvents } from "./events.ts";
import type { Page, PageRequest } from "./page.ts";

const bucketRevisions = 100;
const bucketDigits = 8;

/** Stored by their place in this list: names may be added, never moved. */
const movementTypes = [
  "received",
  "adjusted",
  "reserved",
  "committed",
  "released",
  "uncommitted",
  "expired",
  "shipped",
  "returned",
  "damaged",
  "backordered",
  "backorder_filled",
] as const;

/** `released`: of what was only held; `uncommitted`: of what was promised for good. */
export type StockMovementName = (typeof movementTypes)[number];

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

interface Entry {
  type: StockMovementName;
  quantity: number;
  reference?: string | undefined;
  note?: string | number;
}

function recorded<Data>(entryOf: (data: Data) => Entry): Handler<Bucket, Data> {
  return {
    keys: ({ id, revision }) => bucketKey(id, Math.floor(revision / bucketRevisions)),
    change: (doc = newBucket(), event) => append(doc, event, entryOf(event.data)),
  };
}

const ofReservation = (type: StockMovementName) =>
  recorded(({ quantity, reservationId }: { quantity: number; reservationId: string }) => ({
    type,
    quantity,
    reference: reservationId,
  }));

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
    StockReceived: recorded(({ quantity, reference }) => ({ type: "received", quantity, reference })),
    StockAdjusted: recorded(({ delta, reason }) => ({ type: "adjusted", quantity: delta, note: reason })),
    StockReserved: ofReservation("reserved"),
    ReservationCommitted: ofReservation("committed"),
    ReservationReleased: recorded(({ quantity, reservationId, committed, reason }) => ({
      type: committed ? "uncommitted" : "released",
      quantity,
      reference: reservationId,
      note: reason,
    })),
    ReservationExpired: ofReservation("expired"),
    StockShipped: ofReservation("shipped"),
    StockReturned: recorded(({ returnId, sellable, damaged }) => ({
      type: "returned",
      quantity: sellable + damaged,
      reference: returnId,
      ...(damaged > 0 && { note: damaged }),
    })),
    StockMarkedDamaged: recorded(({ quantity, reason }) => ({ type: "damaged", quantity, note: reason })),
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

function append(doc: Bucket, { revision, time }: ProjectedEvent, entry: Entry): Bucket {
  const { type, quantity, reference = "", note } = entry;
  doc.offsets.push(revision % bucketRevisions);
  doc.times.push(time);
  doc.types.push(movementTypes.indexOf(type));
  doc.quantities.push(quantity);
  doc.references.push(reference);
  if (note !== undefined) {
    doc.notes ??= {};
    doc.notes[revision] = note;
  }
  return doc;
}

function entriesOf({ offsets, times, types, quantities, references, notes }: Bucket, bucket: number) {
  return offsets.map((offset, index): StockMovement => {
    const revision = bucket * bucketRevisions + offset;
    const type = movementTypes[types[index] ?? -1];
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
