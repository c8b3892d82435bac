import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { HotModel } from "../engine/read/hot-model.ts";
import type { EventStore, Page, Position, RecordedEvent } from "../stores/event-store/event-store.ts";

const followBatchEvents = 5_000;
const retryPauseMs = 500;

export interface FollowOptions {
  events: EventStore;
  hotModels: readonly HotModel[];
  /** The log has grown. */
  onAppended: () => void;
  log: Logger;
  /** Where to begin: what is before is in no hot document yet. */
  after: Position;
  signal: AbortSignal;
}

/** Tells of news, and drops hot documents that an event has changed, until the signal aborts. */
export async function followLog(options: FollowOptions): Promise<void> {
  const { events, hotModels, onAppended, log, signal } = options;
  const byCategory = new Map(hotModels.map((model) => [model.category, model]));
  let { after } = options;
  while (!signal.aborted) {
    try {
      for await (const page of events.subscribe({ after, batchEventsMax: followBatchEvents, signal })) {
        onAppended();
        await dropChanged(page, byCategory);
        after = page.scannedTo;
      }
    } catch (error) {
      log.error({ err: error }, "following the log failed, trying again");
      await sleep(retryPauseMs, undefined, { signal }).catch(() => {});
    }
  }
}

/** Each document once, by its newest event, and none waits for another: the hot store may be slow to refuse. */
async function dropChanged(page: Page, byCategory: ReadonlyMap<string, HotModel>): Promise<void> {
  const newest = new Map<string, RecordedEvent>();
  for (const event of page.events) newest.set(event.stream, event);
  const drops = Array.from(newest.values(), (event) =>
    byCategory.get(event.stream.slice(0, event.stream.indexOf("-")))?.invalidate(event),
  );
  await Promise.all(drops);
}
