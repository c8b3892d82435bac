import type { EventStore } from "./event-store.ts";

/** A log that is another one but for what is changed; the other is closed after what `close` closes. */
export function logOver(
  log: EventStore,
  { readAll, close }: { readAll: EventStore["readAll"]; close: () => Promise<void> | void },
): EventStore {
  return {
    logId: log.logId,
    soleWriter: log.soleWriter,
    append: (stream, expectedRevision, events) => log.append(stream, expectedRevision, events),
    readStream: (stream, options) => log.readStream(stream, options),
    readAll,
    subscribe: (options) => log.subscribe(options),
    head: () => log.head(),
    eventIdAt: (position) => log.eventIdAt(position),
    progressOf: (position, target) => log.progressOf(position, target),
    countBetween: (after, upTo) => log.countBetween(after, upTo),
    close: async () => {
      await close();
      await log.close();
    },
  };
}
