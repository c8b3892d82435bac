import { cart } from "../../../commands/cart/cart.ts";
import { linesOf } from "../../../commands/cart/state.ts";
import type { ShopEvents } from "../../../commands/events.ts";
import { type DataOf, streamId } from "../../engine/decider.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { logStart } from "../../stores/event-store/event-store.ts";
import { foldSku } from "../../values/sku.ts";
import { ImportRefused } from "../refused.ts";
import { cartOf } from "./ids.ts";
import { rejectInvoices } from "./judge.ts";
import { lineKinds } from "./kinds.ts";
import { changedReason } from "./list.ts";
import { digestOf, type StagedLine, type Staging } from "./staging.ts";

const pageEvents = 1_000;
const invoicesAtOnce = 128;

/**
 * Recognises what was imported before the list of invoices was kept, as version 0.1 did it: by file, each invoice's
 * ids derived from a digest of the file and its number.
 * @throws ImportRefused when such an import was left unfinished
 */
export async function compareWithEarlier(
  runtime: Runtime,
  staging: Staging,
  orderTitle: string,
): Promise<void> {
  const imports = new Map<string, string>();
  for await (const { type, stream, data } of eventsOf(runtime, ["ImportStarted", "ImportFinished"])) {
    if (type === "ImportStarted") imports.set(streamId(stream), (data as Data<"ImportStarted">).file);
    else imports.set(streamId(stream), "");
  }
  const unfinished = [...imports.values()].find((file) => file !== "");
  if (unfinished !== undefined)
    throw new ImportRefused(
      `an older version was stopped while it imported ${unfinished}: let that version finish it`,
    );
  if (imports.size === 0) return;
  await findSales(runtime, staging, [...imports.keys()], orderTitle);
  await findOthers(runtime, staging);
}

type Data<K extends keyof ShopEvents> = DataOf<ShopEvents, K>;

async function* eventsOf({ events, codec }: Runtime, types: readonly string[]) {
  for (let after = logStart; ; ) {
    const page = await events.readAll({ after, types, maxCount: pageEvents });
    for (const event of page.events)
      yield { type: event.type, stream: event.stream, data: codec.decode(event) };
    if (page.scannedTo === after) return;
    after = page.scannedTo;
  }
}

async function findSales(
  runtime: Runtime,
  staging: Staging,
  digests: readonly string[],
  orderTitle: string,
): Promise<void> {
  const known = staging.db.prepare("UPDATE invoices SET state = 'known', scope = ? WHERE number = ?");
  const next = staging.db.prepare(
    `SELECT number FROM invoices WHERE state = 'new' AND number > ? ORDER BY number LIMIT ${invoicesAtOnce}`,
  );
  for (let after = ""; ; ) {
    const numbers = next.all(after).map(({ number }) => String(number));
    const last = numbers.at(-1);
    if (last === undefined) return;
    await Promise.all(
      numbers.map(async (number) => {
        for (const scope of digests) {
          const digest = await digestOnLog(runtime, cartOf(scope, number));
          if (digest === undefined) continue;
          if (digest === digestInFile(staging, number)) known.run(scope, number);
          else rejectInvoices(staging, orderTitle, changedReason, "i.number = ?", number);
          return;
        }
      }),
    );
    after = last;
  }
}

function digestOnLog({ engine }: Runtime, cartId: string): Promise<string | undefined> {
  return engine.read(cart, cartId, (state) => {
    if (state.phase === "absent") return undefined;
    const lines = linesOf(state).map(({ sku, quantity, unitPrice }) => ({
      kind: lineKinds.sale,
      sku: foldSku(sku),
      quantity,
      price: unitPrice,
    }));
    return digestOf(lines);
  });
}

function digestInFile(staging: Staging, number: string): string {
  return digestOf(
    staging.rows<StagedLine>(
      "SELECT kind, sku, quantity, price FROM lines WHERE invoice = ? AND kind = ?",
      number,
      lineKinds.sale,
    ),
  );
}

/** Cancellations and write-offs, by the numbers that their reasons hold; what lines they had is not on the log. */
async function findOthers(runtime: Runtime, staging: Staging): Promise<void> {
  const known = staging.db.prepare("UPDATE invoices SET state = 'known' WHERE number = ? AND state = 'new'");
  for await (const { data } of eventsOf(runtime, ["ReturnRequested", "StockAdjusted"])) {
    const { reason = "" } = data as Data<"ReturnRequested">;
    const number = /^(?:cancellation|write-off) ([^:]+)/.exec(reason)?.[1];
    if (number !== undefined) known.run(number);
  }
}
