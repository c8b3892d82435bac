import type { News } from "../news.ts";
import { connectRedis, defaultKeyPrefix, disconnect, type RedisClient } from "./client.ts";
import { Guard, type Observe } from "./guard.ts";

const publishTimeoutMs = 250;
/** A connection that only listens would not notice that nobody is at its other end. */
const heartbeatMs = 2_000;

export interface RedisNewsOptions {
  /** See `parseRedisUrl` for its forms. */
  url: string;
  /** Of the log that the positions are of. */
  logId: string;
  /** What the news are of; other topics are not heard. */
  topic: string;
  /** Of the shop, so that several can share one Redis. */
  keyPrefix?: string;
  observe?: Observe;
}

/**
 * News among processes, through Redis. Lost while it is away; heard again once it is back.
 * @throws InvalidRedisUrl
 */
export function openRedisNews(options: RedisNewsOptions): News {
  const { url, logId, topic, keyPrefix = defaultKeyPrefix, observe } = options;
  const channel = `${keyPrefix}:${logId}:news:${topic}`;
  // Nothing to do with one: the client tries again by itself, and state() tells.
  const onError = () => {};
  const publisher = connectRedis({ url, onError });
  const guard = new Guard({
    timeoutMs: publishTimeoutMs,
    isConnected: () => publisher.status === "ready",
    probe: () => publisher.ping(),
    ...(observe && { observe }),
  });
  publisher.on("ready", () => guard.reconnected());

  const publish = newestOnly((position) =>
    guard.call("publish", () => publisher.publish(channel, position)).catch(() => {}),
  );
  let ear: Ear | undefined;
  let isClosed = false;
  return {
    publish: (position) => {
      if (!isClosed) publish(position);
    },
    subscribe: (listener) => {
      ear ??= listen(connectRedis({ url, onError }), channel);
      const own = (position: string) => listener(position);
      const { listeners } = ear;
      listeners.add(own);
      return () => listeners.delete(own);
    },
    state: () => (guard.state() === "ready" && (ear?.isListening() ?? true) ? "ready" : "away"),
    close: async () => {
      isClosed = true;
      guard.close();
      await Promise.all([disconnect(publisher), ear?.close()]);
    },
  };
}

/** One at a time; of what comes meanwhile, the newest is next. */
function newestOnly(send: (position: string) => Promise<unknown>): (position: string) => void {
  let isSending = false;
  let next: string | undefined;
  const go = async (first: string) => {
    isSending = true;
    for (let position: string | undefined = first; position !== undefined; position = next) {
      next = undefined;
      await send(position);
    }
    isSending = false;
  };
  return (position) => {
    if (isSending) next = position;
    else go(position);
  };
}

interface Ear {
  listeners: Set<(position: string) => void>;
  isListening(): boolean;
  close(): Promise<void>;
}

function listen(client: RedisClient, channel: string): Ear {
  const listeners = new Set<(position: string) => void>();
  let isListening = false;
  const subscribe = () => {
    client.subscribe(channel).then(
      () => {
        isListening = client.status === "ready";
      },
      () => client.disconnect(true),
    );
  };
  client.on("ready", subscribe);
  client.on("close", () => {
    isListening = false;
  });
  client.on("message", (from: string, position: string) => {
    if (from !== channel) return;
    // Out of the client's own turn: what a listener throws is no trouble of the connection.
    for (const listener of listeners) queueMicrotask(() => listener(position));
  });
  const heartbeat = setInterval(() => {
    if (client.status === "ready") client.ping().catch(() => {});
  }, heartbeatMs).unref();
  return {
    listeners,
    isListening: () => isListening,
    close: async () => {
      clearInterval(heartbeat);
      listeners.clear();
      client.off("ready", subscribe);
      await disconnect(client);
    },
  };
}
