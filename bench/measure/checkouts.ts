import { openEmbeddedEventStore } from "../../src/stores/event-store/embedded/log.ts";
import { appendsOfSize, bareAppends, copyEvents } from "../support/bare-appends.ts";
import { runCheckouts } from "../support/checkout-load.ts";
import { cpuText } from "../support/load.ts";
import { type BenchOptions, expectThat, type Measurement, rate } from "../support/measurement.ts";
import { connections, type Stage } from "../support/shop.ts";

const full = { checkouts: 64 * 240, warmUp: 64 * 16 };
const quick = { checkouts: 64 * 24, warmUp: 64 * 6 };
/** Of the checkouts' events, to be appended again for the ceiling. */
const copiedEventsMax = 100_000;

/** Checkouts per second, each with its cart opened and filled before. */
export async function measureCheckouts(
  options: BenchOptions,
  { server, products }: Stage,
): Promise<Measurement[]> {
  const { checkouts, warmUp } = options.quick ? quick : full;
  options.say("checking out");
  const skus = products.map(({ sku }) => sku);
  await runCheckouts(server.url, skus, { connections, checkouts: warmUp });
  const before = await server.caughtUp();
  const cpuBefore = await server.cpuSeconds();
  const ours = await runCheckouts(server.url, skus, { connections, checkouts });
  expectThat(ours.checkouts === checkouts, `${ours.checkouts} of ${checkouts} checkouts were confirmed`);
  const head = await server.caughtUp();
  const cpuSeconds = (await server.cpuSeconds()) - cpuBefore;

  const log = openEmbeddedEventStore({ directory: server.folder, readOnly: true });
  const copies = await copyEvents(log, { after: before, upTo: head, max: copiedEventsMax });
  const events = (await log.countBetween(before, head)) ?? 0;
  await log.close();
  const perCheckout = events / checkouts;
  const appends = appendsOfSize(copies, Math.round(perCheckout));
  const eventsPerSecond = await bareAppends(appends, connections);
  return [
    rate({
      name: "checkouts",
      value: checkouts / ours.seconds,
      unit: "checkouts/s",
      ceiling: eventsPerSecond / perCheckout,
      ceilingIs: `bare appends of ${perCheckout.toFixed(1)} events, ${connections} at once`,
      note:
        `open, add and check out: ${Math.round(ours.answers / ours.seconds)} requests/s, ` +
        `${Math.round(events / ours.seconds)} events/s; ${cpuText(cpuSeconds, checkouts)}; ` +
        `${skus.length} SKUs`,
    }),
  ];
}
