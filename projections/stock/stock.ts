import type { ShopEvents } from "../../commands/events.ts";
import { type Handler, projectionOf } from "../../src/engine/projection.ts";
import type { ViewModel } from "../../src/stores/view-store/view-store.ts";
import { foldSku, stockHolder } from "../../src/values/sku.ts";
import { streamKey } from "../handlers.ts";
import { type PageRequest, pageQuery, type TextPage, textPageOf } from "../page.ts";
import {
  availableOf,
  initialPolicy,
  movementOf,
  type StockCounts,
  type StockEventData,
  type StockMovementType,
  type StockPolicy,
  type StockStatus,
  stockStatusOf,
} from "./availability.ts";

interface StockDoc extends StockCounts, StockPolicy {}

/** The stock of one SKU. */
export interface StockView extends StockCounts, StockPolicy {
  sku: string;
  /** Below 0 by what is on backorder. Says nothing when the SKU is not tracked. */
  available: number;
  status: StockStatus;
}

const newStock = (): StockDoc => ({
  ...{ onHand: 0, damaged: 0, quarantine: 0, reserved: 0, committed: 0 },
  ...initialPolicy,
});

function counted<K extends StockMovementType>(type: K): Handler<StockDoc, StockEventData<K>> {
  const movement = movementOf(type);
  return {
    keys: streamKey,
    change: (doc = newStock(), { data }) => {
      const { onHand, damaged, quarantine, reserved, committed } = movement(data);
      doc.onHand += onHand;
      doc.damaged += damaged;
      doc.quarantine += quarantine;
      doc.reserved += reserved;
      doc.committed += committed;
      // The write model never lets more go than was held, or there; asserted again here.
      for (const count of ["damaged", "quarantine", "reserved", "committed"] as const)
        if (doc[count] < 0) throw new Error(`${doc[count]} pieces would be ${count}`);
      return doc;
    },
  };
}

/** The stock of each SKU as the write model counts it. */
export const stockProjection = projectionOf<ShopEvents>()<StockDoc>({
  name: "stock",
  version: 3,
  columns: { status: "text", folded: "text" },
  indexes: [["status"], ["folded"]],
  columnsOf: (doc, sku) => ({ status: stockStatusOf(availableOf(doc), doc), folded: foldSku(sku) }),
  present: (doc, sku): StockView => {
    const available = availableOf(doc);
    const { onHand, reserved, committed, damaged, quarantine, track, backorders, lowStockThreshold } = doc;
    const status = stockStatusOf(available, doc);
    const policy = { track, backorders, lowStockThreshold };
    return { sku, onHand, reserved, committed, damaged, quarantine, available, status, ...policy };
  },
  on: {
    // What is for sale has a stock, if none of it has come yet.
    ProductCreated: {
      keys: ({ data }) => data.variants.map(({ sku }) => sku),
      change: (doc = newStock()) => doc,
    },
    VariantAdded: { keys: ({ data }) => data.variant.sku, change: (doc = newStock()) => doc },
    // Opened by staff without a product.
    Claimed: {
      keys: ({ data: { holder, spelling } }) => (holder === stockHolder && spelling ? spelling : []),
      change: (doc = newStock()) => doc,
    },
    StockReceived: counted("StockReceived"),
    StockAdjusted: counted("StockAdjusted"),
    StockCounted: counted("StockCounted"),
    StockReserved: counted("StockReserved"),
    ReservationCommitted: counted("ReservationCommitted"),
    ReservationReleased: counted("ReservationReleased"),
    ClaimShrunk: counted("ClaimShrunk"),
    ClaimGrown: counted("ClaimGrown"),
    ReservationExpired: counted("ReservationExpired"),
    StockShipped: counted("StockShipped"),
    StockReturned: counted("StockReturned"),
    StockRegraded: counted("StockRegraded"),
    StockMarkedDamaged: counted("StockMarkedDamaged"),
    StockWrittenOff: counted("StockWrittenOff"),
    StockPolicySet: {
      keys: streamKey,
      change: (doc = newStock(), { data }) => {
        doc.track = data.track;
        doc.backorders = data.backorders;
        doc.lowStockThreshold = data.lowStockThreshold;
        return doc;
      },
    },
  },
});

/** The SKU that is meant, as its stock is named; what was given when there is none. */
export async function stockedSpelling(model: ViewModel, given: string): Promise<string> {
  if (await model.get(given)) return given;
  const where = [{ column: "folded", eq: foldSku(given) }];
  return (await model.find({ where, limit: 1 })).items[0]?.key ?? given;
}

/** @returns undefined for a SKU that nothing has happened to */
export async function getStock(model: ViewModel, sku: string): Promise<StockView | undefined> {
  const found = await model.get(sku);
  return found && (JSON.parse(found.json) as StockView);
}

/** SKUs in ascending order, of one status or of all. */
export async function listStock(
  model: ViewModel,
  { status, ...page }: PageRequest & { status?: StockStatus | undefined },
): Promise<TextPage<StockView>> {
  const where = status === undefined ? [] : [{ column: "status", eq: status }];
  return textPageOf(await model.find({ where, ...pageQuery(page) }));
}
