import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import {
  type Page,
  type Position,
  pageBytesMax,
  type RecordedEvent,
  StoreDamaged,
  type SubscribeOptions,
} from "../event-store.ts";
import type { Connection, Received } from "./connection.ts";
import { isDiscoveryFailure } from "./errors.ts";
import { parsePosition } from "./position.ts";
import type { LogReader } from "./read.ts";
import type { ReceivedEvent } from "./received.ts";
import { recordedOf } from "./recorded.ts";
import { subscriptionRequest } from "./requests.ts";

/** Events that the client holds ready, on either side of its transform; each may have up to 1 MiB. */
const bufferedEventsMax = 128;
/** A batch of at least so many events is one of many, and waits this long for more: its reader pays per batch. */
const busyBatchEvents = 16;
const busyBatchMs = 10;
const resumePauseMs = 100;
const resumePauseMsMax = 5_000;

type Taken = RecordedEvent & { size: number };

export interface Subscriptions {
  connection: Connection;
  reader: LogReader;
  /** Ends all of them. */
  closing: AbortSignal;
  /** Told of each interruption: the subscription goes on by itself. */
  onInterrupted: () => void;
}

/**
 * Follows the log from behind a position, without a gap and without an end: one that breaks is taken up again
 * behind the last event that was yielded. Only what was yielded moves it, never the server's checkpoints, which
 * run ahead of what was read.
 *
 * @throws StoreDamaged when the position is beyond the log's end
 */
export async function* subscribe(
  { connection, reader, closing, onInterrupted }: Subscriptions,
  options: SubscribeOptions,
): AsyncIterable<Page> {
  const over = AbortSignal.any([options.signal, closing]);
  let after = options.after;
  for (let failures = 0; !over.aborted; failures++) {
    let inbox: Inbox | undefined;
    try {
      // Beyond its end the server would go live at once, and skip all that comes until the log is as long.
      if (parsePosition(after)) await reader.requireWithin(after);
      if (over.aborted) return;
      inbox = new Inbox(connection, after, options, over);
      for (;;) {
        const events = await inbox.next();
        const last = events.at(-1);
        if (!last) return;
        connection.heard();
        failures = 0;
        after = last.position;
        yield { events, scannedTo: after, scannedEvents: events.length };
      }
    } catch (error) {
      if (error instanceof StoreDamaged || error instanceof RangeError) throw error;
      if (over.aborted) return;
      onInterrupted();
      if (isDiscoveryFailure(error)) connection.replace(connection.client);
    } finally {
      inbox?.close();
    }
    const pause = Math.min(resumePauseMs * 2 ** failures, resumePauseMsMax) * (0.5 + Math.random() / 2);
    await waitFor(pause, over);
  }
}

/** What a subscription has brought, taken out in batches; nothing is fetched while nobody takes. */
class Inbox {
  private readonly stream: Received;
  private readonly options: SubscribeOptions;
  private readonly over: AbortSignal;
  private last: Position;
  private held: Taken | undefined;
  private failure: unknown;
  private wake: () => void = () => {};
  private readonly onNews = () => this.wake();

  constructor(connection: Connection, after: Position, options: SubscribeOptions, over: AbortSignal) {
    this.options = options;
    this.over = over;
    this.last = after;
    const request = subscriptionRequest(parsePosition(after));
    this.stream = connection.read(connection.client, request, { bufferedMax: bufferedEventsMax });
    this.stream.on("readable", this.onNews);
    this.stream.on("error", (error: unknown) => this.fail(error));
    // A client that is replaced ends its calls without an error.
    this.stream.on("end", () => this.fail(new Error("the subscription was ended")));
    over.addEventListener("abort", this.onNews);
  }

  private fail(error: unknown): void {
    this.failure ??= error;
    this.wake();
  }

  /**
   * What is there, within the batch's bounds, once there is something.
   * @returns nothing when the subscription is over
   * @throws what broke it, once everything before that was taken
   */
  async next(): Promise<RecordedEvent[]> {
    const batch: RecordedEvent[] = [];
    let bytes = 0;
    let until = 0;
    for (;;) {
      if (this.over.aborted) return [];
      const before = batch.length;
      for (let event = this.take(); event; event = this.take()) {
        bytes += event.size;
        const { batchEventsMax, batchBytesMax = pageBytesMax } = this.options;
        if (batch.length > 0 && bytes > batchBytesMax) {
          this.held = event;
          return batch;
        }
        batch.push(event);
        if (batch.length >= batchEventsMax) return batch;
      }
      if (before === 0) until = performance.now() + busyBatchMs;
      const leftMs = until - performance.now();
      if (batch.length === 0) {
        if (this.failure) throw this.failure;
        await this.news();
      } else if (batch.length > before) {
        // What is on its way comes within a turn.
        await nextTurn();
      } else if (batch.length < busyBatchEvents || this.failure || leftMs <= 0) {
        return batch;
      } else {
        await Promise.race([this.news(), sleep(leftMs)]);
      }
    }
  }

  private take(): Taken | undefined {
    const { held } = this;
    this.held = undefined;
    if (held) return held;
    const next = () => this.stream.read() as ReceivedEvent | null;
    for (let received = next(); received; received = next()) {
      const event = recordedOf(received);
      if (!event || event.position <= this.last) continue;
      this.last = event.position;
      return event;
    }
    return undefined;
  }

  private news(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
      if (this.stream.readableLength > 0 || this.failure || this.over.aborted) resolve();
    });
  }

  close(): void {
    this.over.removeEventListener("abort", this.onNews);
    this.stream.cancel().catch(() => {});
    this.stream.destroy();
  }
}

function waitFor(ms: number, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      over.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    over.addEventListener("abort", done);
    if (over.aborted) done();
  });
}
