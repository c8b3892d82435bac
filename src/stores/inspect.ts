import type { BackendsConfig, OpenLog } from "./backends.ts";
import { StoreUnavailable } from "./event-store/event-store.ts";

const redisConnectMsMax = 3_000;

/** What a server says of itself. */
export interface InspectedServer {
  name: "EventStoreDB" | "MongoDB" | "Redis";
  version: string;
  /** Milliseconds that its clock is ahead of this process's, where it can be told. */
  clockMs: number | undefined;
}

/** One entry for each server that is used: what it says, or why it says nothing. */
export type Inspection = { about: InspectedServer["name"]; work: Promise<InspectedServer> };

/** Asks the servers that the settings name, all at once. @param log as it was opened, undefined where it was not */
export function inspectServers(
  { mongoDbUrl, redisUrl }: BackendsConfig,
  log: OpenLog | undefined,
): Inspection[] {
  const inspections: Inspection[] = [];
  const { server } = log ?? {};
  if (server)
    inspections.push({
      about: "EventStoreDB",
      work: server.inspect().then((told) => ({ name: "EventStoreDB", ...told })),
    });
  if (mongoDbUrl !== undefined) inspections.push({ about: "MongoDB", work: inspectMongo(mongoDbUrl) });
  if (redisUrl !== undefined) inspections.push({ about: "Redis", work: inspectRedis(redisUrl) });
  return inspections;
}

async function inspectMongo(url: string): Promise<InspectedServer> {
  const { connectMongo } = await import("./view-store/mongodb/connection.ts");
  const { database, run, close } = await connectMongo({ url });
  try {
    const { version } = await run("buildInfo", () => database.command({ buildInfo: 1 }));
    const askedAt = Date.now();
    const { localTime } = await run("hello", () => database.command({ hello: 1 }));
    const clockMs = localTime instanceof Date ? ahead(localTime.getTime(), askedAt) : undefined;
    return { name: "MongoDB", version: String(version), clockMs };
  } finally {
    await close();
  }
}

async function inspectRedis(url: string): Promise<InspectedServer> {
  const { becomesReady, connectRedis, disconnect } = await import("./hot-store/redis/client.ts");
  let trouble: Error | undefined;
  const onError = (error: Error) => {
    trouble = error;
  };
  const client = connectRedis({ url, onError });
  try {
    if (!(await becomesReady(client, redisConnectMsMax)))
      throw new StoreUnavailable(`Redis is away: ${trouble?.message ?? "no answer"}`);
    const version = /redis_version:(\S+)/.exec(await client.info("server"))?.[1] ?? "unknown";
    const askedAt = Date.now();
    const [seconds = 0, microseconds = 0] = (await client.time()).map(Number);
    return { name: "Redis", version, clockMs: ahead(seconds * 1_000 + microseconds / 1_000, askedAt) };
  } finally {
    await disconnect(client);
  }
}

/** The answer was made about half way between question and now. */
function ahead(time: number, askedAt: number): number {
  return Math.round(time - (askedAt + Date.now()) / 2);
}
