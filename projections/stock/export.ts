import type { ViewModel } from "../../src/stores/view-store/view-store.ts";
import { type Columns, type ExportedAs, type ExportPage, exportText } from "../exported.ts";
import type { StockStatus } from "./availability.ts";
import { listStock, type StockView } from "./stock.ts";

const pageSkus = 1_000;

export interface StockExport extends ExportedAs {
  status?: StockStatus | undefined;
}

/** The stock of each SKU, in ascending order. */
export async function exportStock(
  model: ViewModel,
  { format, after, status }: StockExport,
): Promise<ExportPage> {
  const { texts, next } = await listStock(model, { status, limit: pageSkus, after });
  const rows = texts.map((text) => JSON.parse(text) as StockView);
  return { text: exportText(columns, rows, { format, after }), next };
}

const columns: Columns<StockView> = {
  sku: ({ sku }) => sku,
  status: ({ status }) => status,
  onHand: ({ onHand }) => onHand,
  available: ({ available }) => available,
  reserved: ({ reserved }) => reserved,
  committed: ({ committed }) => committed,
  damaged: ({ damaged }) => damaged,
  quarantine: ({ quarantine }) => quarantine,
  track: ({ track }) => track,
  backorders: ({ backorders }) => backorders,
  lowStockThreshold: ({ lowStockThreshold }) => lowStockThreshold,
};
