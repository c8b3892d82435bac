import { join } from "node:path";
import { importOnlineRetail } from "../../src/importers/online-retail/online-retail.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { logStart } from "../../src/stores/event-store/event-store.ts";
import { appendsOf, bareAppends, copyEvents } from "../support/bare-appends.ts";
import { type BenchOptions, expectThat, type Measurement, rate } from "../support/measurement.ts";
import { writeOnlineRetail } from "../support/online-retail-csv.ts";

const full = { invoices: 2_000 };
const quick = { invoices: 400 };
const copiedEventsMax = 200_000;
const appendsAtOnce = 256;
const progressMs = 10_000;

/** Events per second of an import of invoices, until the read models have them too. */
export async function measureImport(
  options: BenchOptions,
  runtime: Runtime,
  folder: string,
): Promise<Measurement[]> {
  const { invoices } = options.quick ? quick : full;
  const madeUp = options.importFile === undefined;
  const file = options.importFile ?? join(folder, "invoices.csv");
  if (madeUp) await writeOnlineRetail(file, invoices);
  options.say("importing invoices");
  let told = performance.now();
  const progress = (done: number, total: number, what: string) => {
    if (performance.now() - told < progressMs) return;
    told = performance.now();
    options.say(`imported ${done} of ${total} invoices, ${what}`);
  };
  const rejectsFile = join(folder, "rejects.csv");
  const summary = await importOnlineRetail(runtime, { file, rejectsFile, progress });
  const { orders, rejected, lines, seconds, events } = summary;
  if (madeUp) {
    expectThat(orders === invoices, `${invoices} invoices became ${orders} orders`);
    expectThat(rejected.total === 0, `lines were rejected: ${JSON.stringify(rejected.byReason)}`);
  }
  const upTo = await runtime.events.head();
  const copies = await copyEvents(runtime.events, { after: logStart, upTo, max: copiedEventsMax });
  return [
    rate({
      name: "import",
      value: summary.eventsPerSecond,
      unit: "events/s",
      ceiling: await bareAppends(appendsOf(copies), appendsAtOnce),
      ceilingIs: `bare appends of the same events, ${appendsAtOnce} at once`,
      note: `${orders} invoices, ${lines} lines, ${events} events in ${seconds} s, read models included`,
    }),
  ];
}
