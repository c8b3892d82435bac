import { csvRecord, csvText } from "../../values/csv.ts";
import type { Reject } from "./records.ts";

export const rejectsHeader = csvRecord(["row", "product", "field", "value", "reason"]);

/** A reject as a line of CSV. */
export function rejectLine({ row, product, field, value, reason }: Reject): string {
  return csvRecord([String(row), ...[product, field, value, reason].map(csvText)]);
}
