import { hash } from "node:crypto";
import type { HotStore, RunScript } from "../hot-store.ts";
import { becomesReady, connectRedis, defaultKeyPrefix, disconnect, type RedisClient } from "./client.ts";
import { Guard, type GuardState, type Observe, type Outcome } from "./guard.ts";
import { type ScriptCalls, scripts } from "./scripts.ts";

const defaultTimeoutMs = 50;
/** A snapshot that was not written again for so long is folded anew. */
const blobTtlMs = 7 * 24 * 60 * 60 * 1000;

export interface RedisHotStoreOptions {
  /** See `parseRedisUrl` for its forms. */
  url: string;
  /** Of the log that what is kept is made of: what was made of another log is never seen. */
  logId: string;
  /** Of the shop, so that several can share one Redis. */
  keyPrefix?: string;
  /** No call waits longer for its answer; 50 ms when left out. */
  commandTimeoutMs?: number;
  /** Told of every call: how long it took, and what came of it. */
  observe?: Observe;
  /** Told when the server goes away and when it is back, with what is known of the reason. */
  onState?: (state: GuardState, lastError?: Error) => void;
}

export interface RedisHotStore extends HotStore {
  /** `away` while there is no connection, or while the server does not answer. */
  state(): GuardState;
  /** @returns whether there is a connection, after at most so long */
  connected(withinMs: number): Promise<boolean>;
}

/**
 * A hot store on Redis. It connects by itself, now and whenever the connection is lost; calls made meanwhile are
 * refused at once (HotStoreAway), and so is every call for a second and more once several have failed in a row.
 * @throws InvalidRedisUrl
 */
export function openRedisHotStore(options: RedisHotStoreOptions): RedisHotStore {
  const { url, logId, keyPrefix = defaultKeyPrefix, commandTimeoutMs = defaultTimeoutMs } = options;
  let lastError: Error | undefined;
  const client = connectRedis({
    url,
    keyPrefix: `${keyPrefix}:${logId}:`,
    onError: (error) => {
      lastError = error;
    },
  });
  const guard = new Guard({
    timeoutMs: commandTimeoutMs,
    isConnected: () => client.status === "ready",
    probe: () => client.ping(),
    ...(options.observe && { observe: options.observe }),
    onState: (state) => options.onState?.(state, state === "away" ? lastError : undefined),
  });
  client.on("ready", () => guard.reconnected());
  const tell = () => guard.tell();
  client.on("close", tell);
  return {
    ...callsOn(client, guard),
    state: () => guard.state(),
    connected: (withinMs) => becomesReady(client, withinMs),
    close: () => {
      client.off("close", tell);
      guard.close();
      return disconnect(client);
    },
  };
}

function callsOn(client: RedisClient, guard: Guard): Omit<HotStore, "close"> {
  for (const [name, script] of Object.entries(scripts)) client.defineCommand(name, script);
  const scripted = client as unknown as ScriptCalls;
  return {
    isShared: true,
    get: async (key) => (await guard.call("get", () => client.get(key), found)) ?? undefined,
    set: async (key, value, ttlMs) => {
      await guard.call("set", () => client.set(key, value, "PX", wholeMs(ttlMs)));
    },
    setIfAbsent: async (key, value, ttlMs) => {
      const send = () => client.set(key, value, "PX", wholeMs(ttlMs), "NX");
      return (await guard.call("setIfAbsent", send)) === "OK";
    },
    swap: async (key, expected, value, ttlMs) => {
      const send = () => scripted.hotSwap(key, expected, value, wholeMs(ttlMs));
      return (await guard.call("swap", send)) === 1;
    },
    delete: async (key) => {
      await guard.call("delete", () => client.unlink(key));
    },

    setDated: async (key, { position, asOf, value }, ttlMs) => {
      const send = () => scripted.hotSetDated(key, position, asOf, value, wholeMs(ttlMs));
      return (await guard.call("setDated", send)) === 1;
    },
    markDated: async (key, position, ttlMs) => {
      const send = () => scripted.hotMarkDated(key, position, wholeMs(ttlMs));
      return (await guard.call("markDated", send)) === 1;
    },
    getDated: async (key) => {
      const kept = await guard.call("getDated", () => scripted.hotGetDated(key), found);
      if (!kept) return undefined;
      const [value, position, asOf, ageMs] = kept;
      return { value, position, asOf, ageMs };
    },

    getBlob: async (key) => (await guard.call("getBlob", () => client.getBuffer(key), found)) ?? undefined,
    setBlob: async (key, value) => {
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      await guard.call("setBlob", () => client.set(key, bytes, "PX", blobTtlMs));
    },

    runScript: librariesScripts(client, guard),

    pushRecent: async (key, value, max, ttlMs) => {
      await guard.call("pushRecent", () => scripted.hotPushRecent(key, value, max, wholeMs(ttlMs)));
    },
    recent: (key) =>
      guard.call(
        "recent",
        () => client.lrange(key, 0, -1),
        ({ length }) => found(length || null),
      ),
  };
}

/**
 * Not through `defineCommand`: a pipeline that is being filled does not know what is defined meanwhile, and would
 * give its answers to the wrong calls.
 */
function librariesScripts(client: RedisClient, guard: Guard): RunScript {
  const shas = new Map<string, string>();
  const shaOf = (lua: string): string => {
    const sha = shas.get(lua) ?? hash("sha1", lua);
    shas.set(lua, sha);
    return sha;
  };
  return (script, key, ...input) =>
    guard.call(script.name, () =>
      client.evalsha(shaOf(script.lua), 1, key, ...input).catch((error: Error) => {
        if (!error.message.startsWith("NOSCRIPT")) throw error;
        return client.eval(script.lua, 1, key, ...input);
      }),
    );
}

function found(result: unknown): Outcome {
  return result === null || result === undefined ? "miss" : "hit";
}

/** Redis takes whole milliseconds, and refuses none at all. */
function wholeMs(ms: number): number {
  return Math.max(1, Math.ceil(ms));
}
