import { Cluster, type CommonRedisOptions, Redis } from "ioredis";
import { parseRedisUrl, type RedisAddress } from "./url.ts";

export type RedisClient = Redis | Cluster;

/** Of a shop that has Redis to itself. */
export const defaultKeyPrefix = "cartwright";

const connectTimeoutMs = 1_000;
/** A connection that owes an answer and has sent nothing for so long is given up, and another one made. */
const silenceMs = 1_000;
const closeTimeoutMs = 1_000;
const retryFirstMs = 50;
const retryMaxMs = 2_000;

export interface ClientOptions {
  url: string;
  keyPrefix?: string;
  /** Told of every trouble of the connection; there may be many of one kind. */
  onError: (error: Error) => void;
}

/**
 * Connects, and goes on trying for ever. What was sent and not answered when a connection ends is refused, never
 * sent again: nobody waits for it by then, and a late write is an old one.
 * @throws InvalidRedisUrl
 */
export function connectRedis({ url, keyPrefix = "", onError }: ClientOptions): RedisClient {
  const address = parseRedisUrl(url);
  const client = address.kind === "cluster" ? cluster(address, keyPrefix) : single(address, keyPrefix);
  // Without a listener a trouble of the connection would be printed for each attempt, or end the process.
  client.on("error", onError);
  return client;
}

function single(address: RedisAddress, keyPrefix: string): Redis {
  const { kind, hosts, tls, database, primary, sentinelUsername, sentinelPassword } = address;
  const server = hosts[0];
  return new Redis({
    ...common(address),
    db: database,
    keyPrefix,
    retryStrategy: retryDelayMs,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    // A primary that has become a replica: the sentinels, or the name, lead to the new one.
    reconnectOnError: (error) => error.message.startsWith("READONLY"),
    ...(kind === "sentinel"
      ? {
          sentinels: [...hosts],
          name: primary ?? "",
          sentinelRetryStrategy: retryDelayMs,
          sentinelCommandTimeout: silenceMs,
          enableTLSForSentinelMode: tls,
          ...(tls && { sentinelTLS: {} }),
          ...(sentinelUsername !== undefined && { sentinelUsername }),
          ...(sentinelPassword !== undefined && { sentinelPassword }),
        }
      : { ...server }),
  });
}

function cluster(address: RedisAddress, keyPrefix: string): Cluster {
  return new Cluster([...address.hosts], {
    redisOptions: common(address),
    keyPrefix,
    clusterRetryStrategy: retryDelayMs,
    clusterNodeRetryStrategy: retryDelayMs,
    slotsRefreshTimeout: silenceMs,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    // Nodes show certificates for their names.
    ...(address.tls && { dnsLookup: (host, done) => done(null, host) }),
  });
}

function common({
  tls,
  username,
  password,
}: RedisAddress): Omit<CommonRedisOptions, "replyMapping"> & { tls?: object } {
  return {
    connectTimeout: connectTimeoutMs,
    socketTimeout: silenceMs,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // Renewed by who subscribes: the client's own would be a rejection that nobody catches.
    autoResubscribe: false,
    ...(tls && { tls: {} }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  };
}

/** Doubles from try to try; the jitter is half of it, so that many processes do not come back at once. */
export function retryDelayMs(attempt: number): number {
  const longest = Math.min(retryFirstMs * 2 ** (attempt - 1), retryMaxMs);
  return Math.round(longest * (0.5 + Math.random() / 2));
}

/** @returns whether the client has a connection, after at most so long */
export function becomesReady(client: RedisClient, withinMs: number): Promise<boolean> {
  if (client.status === "ready") return Promise.resolve(true);
  return new Promise((resolve) => {
    const done = (isReady: boolean) => {
      clearTimeout(timer);
      client.off("ready", ready);
      resolve(isReady);
    };
    const ready = () => done(true);
    const timer = setTimeout(() => done(false), withinMs);
    client.on("ready", ready);
  });
}

/** Lets what is under way be answered, for a bounded time. */
export async function disconnect(client: RedisClient): Promise<void> {
  if (client.status === "ready") {
    const cut = setTimeout(() => client.disconnect(), closeTimeoutMs);
    await client.quit().catch(() => {});
    clearTimeout(cut);
  }
  client.disconnect();
}
