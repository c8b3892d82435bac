import type { Runtime } from "../../src/runtime/runtime.ts";
import { logStart } from "../../src/stores/event-store/event-store.ts";
import { copyEvents } from "../support/bare-appends.ts";
import { type BenchOptions, expectThat, type Measurement, rate, secondsOf } from "../support/measurement.ts";

const parsedEventsMax = 200_000;
const parsesMin = 3;

/** Events and documents per second of a rebuild of all read models, comparison included. */
export async function measureRebuild(options: BenchOptions, runtime: Runtime): Promise<Measurement[]> {
  const { models, events } = runtime;
  options.say("rebuilding the read models");
  await models.caughtUp();
  const head = await events.head();
  const eventCount = (await events.countBetween(logStart, head)) ?? 0;
  let comparisons: Awaited<ReturnType<typeof models.rebuilds.run>> = new Map();
  const seconds = await secondsOf(async () => {
    comparisons = await models.rebuilds.run(models.names, true);
  });
  let documents = 0;
  for (const name of models.names) {
    const comparison = comparisons.get(name);
    expectThat(comparison !== undefined, `${name} was not compared`);
    expectThat(
      comparison.differing === 0,
      `${name}: ${comparison.differing} documents differ, such as ${JSON.stringify(comparison.differences[0])}`,
    );
    documents += comparison.documents;
  }
  const copies = await copyEvents(events, { after: logStart, upTo: head, max: parsedEventsMax });
  const parsed = parsesPerSecond(copies.map(({ event }) => event.data));
  const share = models.names.length;
  return [
    rate({
      name: `rebuild of ${share} read models`,
      value: eventCount / seconds,
      unit: "events/s",
      ceiling: parsed,
      ceilingIs: "JSON.parse of the events' data, texts in memory, one thread",
      note: `${eventCount} events in ${seconds.toFixed(1)} s, two threads, comparison included: no difference`,
    }),
    {
      name: "rebuilt documents",
      value: documents / seconds,
      unit: "documents/s",
      note: `${documents} documents`,
    },
  ];
}

function parsesPerSecond(texts: readonly string[]): number {
  let best = 0;
  for (let round = 0; round < parsesMin; round++) {
    const started = performance.now();
    for (const text of texts) JSON.parse(text);
    best = Math.max(best, texts.length / ((performance.now() - started) / 1000));
  }
  return best;
}
