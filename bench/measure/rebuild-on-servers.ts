import { join } from "node:path";
import { EventStoreDBClient } from "@eventstore/db-client";
import { MongoClient } from "mongodb";
import { shopEvents } from "../../commands/events.ts";
import { viewProjections } from "../../projections/all.ts";
import { createCodec } from "../../src/engine/codec.ts";
import { buildGenerations } from "../../src/engine/read/rebuild.ts";
import type { BackendsConfig } from "../../src/stores/backends.ts";
import { keepArchive } from "../../src/stores/event-store/archive/keep.ts";
import { openArchivedLog } from "../../src/stores/event-store/archive/log.ts";
import { type EventStore, logStart } from "../../src/stores/event-store/event-store.ts";
import { openEventStoreDb } from "../../src/stores/event-store/eventstoredb/store.ts";
import { planSave } from "../../src/stores/view-store/mongodb/write.ts";
import { createKeptViews, type KeptModel } from "../support/kept-views.ts";
import { type BenchOptions, expectThat, type Measurement, rate, secondsOf } from "../support/measurement.ts";
import { type RebuildRound, withRebuildThreads } from "../support/rebuild-threads.ts";
import { withFolder } from "../support/resources.ts";
import type { BenchMongo } from "../support/servers.ts";
import { currency } from "../support/shop.ts";

const full = { rounds: 3, archiveRounds: 8 };
const quick = { rounds: 1, archiveRounds: 4 };
const pageEvents = 5_000;
const bulkDocuments = 1_000;
/** Some servers are faster with several, some with one after the other. */
const bulksAtOnce = [1, 4];
const writeConcern = { w: "majority", journal: true } as const;

interface Reading {
  events: number;
  seconds: number;
  cpuSeconds: number;
}

/** All read models made anew from a log on a server, from its archive, and into MongoDB, against the slower end. */
export function measureRebuildOnServers(
  options: BenchOptions,
  url: string,
  mongo: BenchMongo | undefined,
): Promise<Measurement[]> {
  return withFolder(async (folder) => {
    const log = await openEventStoreDb({ url });
    const archiveFile = join(folder, "shop.archive");
    options.say("archiving the log");
    await keepArchive({ file: archiveFile, log });
    // It closes the log, too.
    const archived = await openArchivedLog(archiveFile, log);
    try {
      const stores = { dataDir: folder, eventStoreDbUrl: url };
      const fromServer = await againstReading(options, "from the log's server", stores, {
        read: () => readByClient(url),
        what: "reading it with @eventstore/db-client",
      });
      const fromArchive = await againstReading(
        options,
        "from an archive",
        { ...stores, archiveFile },
        {
          read: () => readAll(archived),
          what: "reading it, one thread",
        },
      );
      const eventsPerSecond = fromServer.ceiling;
      const sources = { stores, archiveFile, archived, eventsPerSecond };
      const intoMongo = mongo ? await measureIntoMongo(options, sources, mongo) : [];
      return [fromServer, fromArchive, ...intoMongo];
    } finally {
      await archived.close();
    }
  });
}

/** Into a store that takes everything, in turns with a bare reading of the same log. */
function againstReading(
  { quick: isQuick, say }: BenchOptions,
  from: string,
  stores: BackendsConfig,
  bare: { read: () => Promise<Reading>; what: string },
): Promise<Measurement & { ceiling: number }> {
  const { rounds, archiveRounds } = isQuick ? quick : full;
  say(`rebuilding ${from}`);
  return withRebuildThreads(stores, async (rebuild) => {
    const rebuilt: RebuildRound[] = [];
    const readings: Reading[] = [];
    await rebuild();
    await bare.read();
    for (let left = stores.archiveFile === undefined ? rounds : archiveRounds; left > 0; left--) {
      readings.push(await bare.read());
      rebuilt.push(await rebuild());
    }
    const [events, seconds, cpuSeconds] = totalOf(rebuilt);
    const [readEvents, readSeconds, readCpuSeconds] = totalOf(readings);
    const { documents = 0, threads = 0 } = rebuilt[0] ?? {};
    const ceiling = readEvents / readSeconds;
    const named = {
      name: `rebuild ${from}`,
      value: events / seconds,
      unit: "events/s",
      ceiling,
      ceilingIs: bare.what,
    };
    const note =
      `${Math.round(events / rebuilt.length)} events, ${documents} documents into a store that takes everything, ` +
      `${threads} thread(s); a second of CPU is ${Math.round(events / cpuSeconds)} events, ` +
      `${Math.round(readEvents / readCpuSeconds)} of them only read`;
    return { ...rate({ ...named, note }), ceiling };
  });
}

function totalOf(measured: readonly Reading[]): [events: number, seconds: number, cpuSeconds: number] {
  const sum = (of: (each: Reading) => number) => measured.reduce((total, each) => total + of(each), 0);
  return [sum(({ events }) => events), sum(({ seconds }) => seconds), sum((each) => each.cpuSeconds)];
}

/** To the end, as the server's own client reads, in one call. */
function readByClient(url: string): Promise<Reading> {
  return reading(async () => {
    const client = EventStoreDBClient.connectionString(url);
    let events = 0;
    for await (const { event } of client.readAll()) if (!event?.type.startsWith("$")) events++;
    await client.dispose();
    return events;
  });
}

/** To the end, in pages. */
function readAll(log: EventStore): Promise<Reading> {
  return reading(async () => {
    let events = 0;
    for (let after = logStart; ; ) {
      const page = await log.readAll({ after, maxCount: pageEvents });
      if (page.scannedTo <= after) return events;
      after = page.scannedTo;
      events += page.scannedEvents;
      // What is handed out is parsed when it is asked for.
      for (const event of page.events) void event.data;
    }
  });
}

async function reading(read: () => Promise<number>): Promise<Reading> {
  const before = process.cpuUsage();
  let events = 0;
  const seconds = await secondsOf(async () => {
    events = await read();
  });
  const { user, system } = process.cpuUsage(before);
  return { events, seconds, cpuSeconds: (user + system) / 1e6 };
}

interface Sources {
  stores: BackendsConfig;
  archiveFile: string;
  archived: EventStore;
  /** That are read from the server. */
  eventsPerSecond: number;
}

async function measureIntoMongo(
  { say }: BenchOptions,
  { stores, archiveFile, archived, eventsPerSecond }: Sources,
  { database, what }: BenchMongo,
): Promise<Measurement[]> {
  const models = await keptModels(archived);
  const documents = models.reduce((sum, { changes }) => sum + changes.size, 0);
  say(`writing ${documents} documents to ${what}`);
  let bareSeconds = Number.POSITIVE_INFINITY;
  for (const atOnce of bulksAtOnce)
    bareSeconds = Math.min(bareSeconds, await bareWrites(database(`bare-${atOnce}`), models, atOnce));
  const measure = async (from: string, source: BackendsConfig, readSeconds: number) => {
    say(`rebuilding from the ${from} into ${what}`);
    const mongoDbUrl = database(`from-${from}`);
    const round = await withRebuildThreads({ ...source, mongoDbUrl }, (rebuild) => rebuild());
    expectThat(round.documents === documents, `${round.documents} of ${documents} documents were stored`);
    return rate({
      name: `rebuild from the ${from} into MongoDB`,
      value: documents / round.seconds,
      unit: "documents/s",
      ceiling: documents / Math.max(bareSeconds, readSeconds),
      ceilingIs: readSeconds > bareSeconds ? "reading it" : "bare bulk writes of the same documents",
      note:
        `${what}, ${round.events} events, ${documents} documents in ${round.seconds.toFixed(1)} s, ` +
        `${round.cpuSeconds.toFixed(1)} s of CPU; bare: ${bareSeconds.toFixed(1)} s of writes, ` +
        `${readSeconds.toFixed(1)} s of reading`,
    });
  };
  const { events, seconds } = await readAll(archived);
  return [
    await measure("log", stores, events / eventsPerSecond),
    await measure("archive", { ...stores, archiveFile }, seconds),
  ];
}

/** What a rebuild makes, in memory. */
async function keptModels(events: EventStore): Promise<readonly KeptModel[]> {
  const views = createKeptViews();
  await buildGenerations({
    projections: viewProjections({ currency, timeZone: "UTC" }),
    events,
    views,
    codec: createCodec(shopEvents),
    heldCharactersMax: Number.POSITIVE_INFINITY,
    onProgress: () => {},
  });
  return views.models;
}

/**
 * The documents as a rebuild stores them, and nothing else.
 * @param atOnce so many bulks are under way
 * @returns seconds
 */
async function bareWrites(url: string, models: readonly KeptModel[], atOnce: number): Promise<number> {
  const bulks = models.flatMap(({ spec, changes }) => {
    const { followers, others } = planSave(spec, [...changes.values()]);
    const inserts = [...followers, ...others].map(({ document }) => ({ insertOne: { document } }));
    return Array.from({ length: Math.ceil(inserts.length / bulkDocuments) }, (_, at) => ({
      name: spec.name,
      inserts: inserts.slice(at * bulkDocuments, (at + 1) * bulkDocuments),
    }));
  });
  const client = await new MongoClient(url, { writeConcern }).connect();
  try {
    return await secondsOf(() =>
      Promise.all(
        Array.from({ length: atOnce }, async () => {
          for (let bulk = bulks.shift(); bulk; bulk = bulks.shift())
            await client
              .db()
              .collection<{ _id: string }>(bulk.name)
              .bulkWrite(bulk.inserts, { ordered: false });
        }),
      ),
    );
  } finally {
    await client.close();
  }
}
