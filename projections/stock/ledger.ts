import type { ShopEvents } from "../../commands/events.ts";
import type { StockCondition } from "../../commands/stock/events.ts";
import { type Handler, type ProjectedEvent, projectionOf } from "../../src/engine/projection.ts";
import { InvalidCursor, type ViewModel } from "../../src/stores/view-store/view-store.ts";
import type { Page, PageRequest } from "../page.ts";
import type { StockEventData } from "./availability.ts";

const bucketRevisions = 100;
const bucketDigits = 8;
/** No bucket's key ends with it. */
const levelSuffix = "/level";

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
  regraded: 9,
  backordered: 10,
  backorder_filled: 11,
  counted: 12,
  written_off: 13,
} as const;

/** `released`: of what was only held; `uncommitted`: of what was promised for good. */
export type StockMovementName = keyof typeof codes;

const namesByCode = Object.keys(codes) as StockMovementName[];

export const stockMovementKinds = ["purchase", "sale", "adjustment", "return", "transfer"] as const;
export type StockMovementKind = (typeof stockMovementKinds)[number];

/** Of the movements that change how many pieces are in the house. */
const kinds: Partial<Record<StockMovementName, StockMovementKind>> = {
  received: "purchase",
  shipped: "sale",
  adjusted: "adjustment",
  counted: "adjustment",
  written_off: "adjustment",
  returned: "return",
};

const takesAway: ReadonlySet<StockMovementName> = new Set<StockMovementName>(["shipped", "written_off"]);

export const stockReferenceTypes = ["order", "return", "delivery"] as const;
export type StockReferenceType = (typeof stockReferenceTypes)[number];

/** What a movement's reference names, where not an order. */
const referenceTypes: Partial<Record<StockMovementName, StockReferenceType>> = {
  received: "delivery",
  returned: "return",
};

/** What few movements have to say. */
interface Note {
  reason?: string;
  /** Of the returned pieces. */
  damaged?: number;
  quarantine?: number;
  /** Pieces that came back besides and that stock does not know of. */
  notRestocked?: number;
  from?: StockCondition;
  to?: StockCondition;
}

/** What has happened to up to a hundred revisions of a SKU, by column: a million rows have to stay small. */
interface Bucket {
  /** Pieces in the house before the first of its movements that changes them, if any does. */
  onHand?: number;
  /** Revisions, counted from the bucket's first. */
  offsets: number[];
  /** Epoch milliseconds. */
  times: number[];
  types: number[];
  quantities: number[];
  /** The order, the return or the delivery note that moved the pieces; "" when nothing did. */
  references: string[];
  /** By revision. */
  notes?: Record<string, Note>;
}

/** How many pieces of a SKU are in the house: it leads the movements that change it to their bucket. */
interface Level {
  level: number;
}

type LedgerDoc = Bucket | Level;

export interface StockMovement extends Note {
  revision: number;
  at: string;
  type: StockMovementName;
  /** Pieces; below 0 only where an adjustment or a count takes some away. */
  quantity: number;
  /** These of what changes the pieces in the house: how many there were, and are. */
  kind?: StockMovementKind;
  previous?: number;
  new?: number;
  /** The order that holds or gets the pieces, the return that brought them, the reference of a delivery. */
  reference?: string;
  referenceType?: StockReferenceType;
}

type Append<Data> = (doc: Bucket, event: ProjectedEvent<Data>) => void;

function recorded<Data>(append: Append<Data>): Handler<LedgerDoc, Data> {
  return {
    keys: keyOfBucket,
    change: (doc, event) => appended(doc, event, append),
  };
}

/** As `recorded`, of a movement that changes how many pieces are in the house. */
function levelled<Data>(deltaOf: (data: Data) => number, append: Append<Data>): Handler<LedgerDoc, Data> {
  return {
    keys: ({ id }) => id + levelSuffix,
    change: (doc, { data }) => ({ level: levelOf(doc) + deltaOf(data) }),
    follow: (_, event) => [keyOfBucket(event)],
    changeFollower: (doc, event, _, origin) => {
      const bucket = appended(doc, event, append);
      bucket.onHand ??= levelOf(origin) - deltaOf(event.data);
      return bucket;
    },
  };
}

const ofReservation = (type: StockMovementName) =>
  recorded<{ quantity: number; reservationId: string }>((doc, event) =>
    add(doc, event, type, event.data.quantity, event.data.reservationId),
  );

const regraded = recorded<StockEventData<"StockRegraded">>((doc, event) => {
  const { from, to, quantity, reason } = event.data;
  add(doc, event, "regraded", quantity);
  note(doc, event, { from, to, reason });
});

/** What moved the pieces of a SKU, in the order it happened. */
export const stockLedgerProjection = projectionOf<ShopEvents>()<LedgerDoc>({
  name: "stock-ledger",
  version: 2,
  columns: { sku: "text", bucket: "number" },
  indexes: [["sku", "bucket"]],
  columnsOf: (doc, key) =>
    isLevel(doc)
      ? { sku: null, bucket: null }
      : { sku: key.slice(0, -1 - bucketDigits), bucket: Number(key.slice(-bucketDigits)) },
  on: {
    StockReceived: levelled(
      ({ quantity }) => quantity,
      (doc, event) => add(doc, event, "received", event.data.quantity, event.data.reference),
    ),
    StockAdjusted: levelled(
      ({ delta }) => delta,
      (doc, event) => {
        add(doc, event, "adjusted", event.data.delta);
        note(doc, event, { reason: event.data.reason });
      },
    ),
    StockCounted: levelled(
      ({ delta }) => delta,
      (doc, event) => {
        const { delta, reason } = event.data;
        add(doc, event, "counted", delta);
        if (reason !== undefined) note(doc, event, { reason });
      },
    ),
    StockReserved: ofReservation("reserved"),
    ReservationCommitted: ofReservation("committed"),
    ReservationReleased: recorded((doc, event) => {
      const { quantity, reservationId, committed, reason } = event.data;
      add(doc, event, committed ? "uncommitted" : "released", quantity, reservationId);
      note(doc, event, { reason });
    }),
    ClaimShrunk: ofReservation("uncommitted"),
    ClaimGrown: ofReservation("committed"),
    ReservationExpired: ofReservation("expired"),
    StockShipped: levelled(
      ({ quantity }) => -quantity,
      (doc, event) => add(doc, event, "shipped", event.data.quantity, event.data.reservationId),
    ),
    StockReturned: levelled(restocked, (doc, event) => {
      const { returnId, damaged, quarantine, notRestocked } = event.data;
      add(doc, event, "returned", restocked(event.data), returnId);
      const found = {
        ...(damaged > 0 && { damaged }),
        ...(quarantine > 0 && { quarantine }),
        ...(notRestocked !== undefined && { notRestocked }),
      };
      if (Object.keys(found).length > 0) note(doc, event, found);
    }),
    StockRegraded: regraded,
    StockMarkedDamaged: regraded,
    StockWrittenOff: levelled(
      ({ quantity }) => -quantity,
      (doc, event) => {
        const { from, quantity, reason } = event.data;
        add(doc, event, "written_off", quantity);
        note(doc, event, { from, reason });
      },
    ),
    BackorderQueued: ofReservation("backordered"),
    BackorderFilled: ofReservation("backorder_filled"),
  },
});

function restocked({ sellable, damaged, quarantine }: StockEventData<"StockReturned">): number {
  return sellable + damaged + quarantine;
}

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

function keyOfBucket({ id, revision }: { id: string; revision: number }): string {
  return `${id}/${String(Math.floor(revision / bucketRevisions)).padStart(bucketDigits, "0")}`;
}

function isLevel(doc: LedgerDoc | undefined): doc is Level {
  return doc !== undefined && "level" in doc;
}

function levelOf(doc: LedgerDoc | undefined): number {
  return isLevel(doc) ? doc.level : 0;
}

function appended<Data>(
  doc: LedgerDoc | undefined,
  event: ProjectedEvent<Data>,
  append: Append<Data>,
): Bucket {
  const bucket = doc === undefined || isLevel(doc) ? newBucket() : doc;
  append(bucket, event);
  return bucket;
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

function note(doc: Bucket, { revision }: ProjectedEvent, text: Note): void {
  doc.notes ??= {};
  doc.notes[revision] = text;
}

function entriesOf(doc: Bucket, bucket: number): StockMovement[] {
  const { offsets, times, types, quantities, references, notes } = doc;
  let onHand = doc.onHand ?? 0;
  return offsets.map((offset, index): StockMovement => {
    const revision = bucket * bucketRevisions + offset;
    const type = namesByCode[types[index] ?? -1];
    if (type === undefined)
      throw new Error(`revision ${revision} is of a type that this version does not know`);
    const kind = kinds[type];
    const previous = onHand;
    const quantity = quantities[index] ?? 0;
    if (kind !== undefined) onHand += takesAway.has(type) ? -quantity : quantity;
    const reference = references[index];
    return {
      revision,
      at: new Date(times[index] ?? 0).toISOString(),
      type,
      quantity,
      ...(kind !== undefined && { kind, previous, new: onHand }),
      ...(reference && { reference, referenceType: referenceTypes[type] ?? "order" }),
      ...notes?.[revision],
    };
  });
}
