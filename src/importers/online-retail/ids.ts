import { orderIdOf } from "../../../commands/processes/start-checkout.ts";
import { deriveId } from "../../values/ids.ts";

/**
 * Where the ids of an invoice come from: its number alone, so that it is the same one in whatever file. Before the
 * list of invoices was kept, it was a digest of the file.
 */
export const invoiceScope = "";

export function cartOf(scope: string, invoice: string): string {
  return deriveId("import", scope, "cart", invoice);
}

export function orderOf(scope: string, invoice: string): string {
  return orderIdOf(cartOf(scope, invoice), 1);
}
