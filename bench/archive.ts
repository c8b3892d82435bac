/**
 * How fast a log is read from a server, and how fast from an archive of it: `node bench/archive.ts`, with
 * EVENTSTOREDB_URL for another server than the double. Prints events a second, and of each reader's own CPU time.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { shopEvents } from "../commands/events.ts";
import { viewProjections } from "../projections/all.ts";
import { createCodec } from "../src/engine/codec.ts";
import { keepArchive } from "../src/stores/event-store/archive/keep.ts";
import { openArchivedLog } from "../src/stores/event-store/archive/log.ts";
import { type EventStore, logStart } from "../src/stores/event-store/event-store.ts";
import { openEventStoreDb } from "../src/stores/event-store/eventstoredb/store.ts";

const pageEvents = 5_000;

/** As a rebuild does: the types that some projection handles, decoded. */
async function read(log: EventStore): Promise<{ events: number; seconds: number; cpuSeconds: number }> {
  const codec = createCodec(shopEvents);
  const types = [
    ...new Set(viewProjections({ timeZone: "UTC", currency: "USD" }).flatMap((each) => Object.keys(each.on))),
  ];
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  let events = 0;
  for (let after = logStart; ; ) {
    const page = await log.readAll({ after, types, maxCount: pageEvents });
    if (page.scannedTo <= after) break;
    after = page.scannedTo;
    events += page.scannedEvents;
    for (const event of page.events) codec.decode(event);
  }
  const { user, system } = process.cpuUsage(cpu);
  return { events, seconds: (performance.now() - startedAt) / 1_000, cpuSeconds: (user + system) / 1e6 };
}

function print(name: string, { events, seconds, cpuSeconds }: Awaited<ReturnType<typeof read>>): void {
  const rates = [events / seconds, events / cpuSeconds].map((rate) =>
    Math.round(rate).toLocaleString("en-US"),
  );
  console.log(`${name.padEnd(10)} ${events} events: ${rates[0]}/s, ${rates[1]} per second of CPU`);
}

const url = process.env.EVENTSTOREDB_URL;
if (url === undefined) throw new Error("EVENTSTOREDB_URL names the server whose log is read");
const log = await openEventStoreDb({ url });
const directory = await mkdtemp(join(tmpdir(), "cartwright-bench-"));
try {
  const file = join(directory, "shop.archive");
  await keepArchive({ file, log });
  const archived = await openArchivedLog(file, log);
  for (let round = 1; round <= 3; round++) {
    print("server", await read(log));
    print("archive", await read(archived));
  }
  await archived.close();
} finally {
  await rm(directory, { recursive: true });
}
