import { setImmediate as breathe, setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Place } from "../../commands/subscription/events.ts";
import { subscription } from "../../commands/subscription/subscription.ts";
import { type TopicName, topicNames } from "../../projections/feed/topics.ts";
import type { ListedEndpoint } from "../../projections/subscriptions.ts";
import { streamName } from "../engine/decider.ts";
import type { Engine } from "../engine/write/engine.ts";
import { logStart, type Position } from "../stores/event-store/event-store.ts";
import { type Clock, isoTime } from "../values/clock.ts";
import { newId } from "../values/ids.ts";
import type { Sent } from "../webhooks/send.ts";
import type { Feed, FeedEvent, FeedPage } from "./feed.ts";

const pageEvents = 100;
/** How often an endpoint that has nothing to be sent looks whether it was changed, or has to keep how far it is. */
const idleMs = 5_000;
/** What was delivered since it was kept is delivered again by who takes over: at most so many, of so long. */
const deliveriesPerKeptMax = 500;
const keptEveryMs = 10_000;
/** Events passed over without one to deliver, after which it is kept how far that was. */
const passedPerKept = 20_000;
const retryPauseMs = 5_000;
const retryPauseMsMax = 3_600_000;
/** Each pause is so much longer or shorter, so that not all come back at once. */
const jitter = 0.25;
/** An endpoint that takes nothing for so long is turned off. */
const giveUpAfterMs = 24 * 3_600_000;
/** Failures after which staff is shown that it fails. */
const failuresShown = 3;
/** How often what waits for its time looks at the clock. */
const lookMs = 250;
const troublePauseMs = 1_000;

/** What is sent: an event of the feed, or a trial. */
export interface Message {
  id: string;
  type: string;
  timestamp: string;
  data: unknown;
}

export interface DeliveryOptions {
  feed: Feed;
  engine: Engine;
  clock: Clock;
  log: Logger;
  send: (endpoint: ListedEndpoint, message: Message, signal: AbortSignal) => Promise<Sent>;
}

/** Where an endpoint stands on this log. */
interface Cursor {
  after: Position;
  /** A replay begins with this very event, at `after`. */
  first?: FeedEvent;
  /** A replay ends here. */
  until?: Position;
}

/**
 * Sends one endpoint what it asks for, in the order of the log, one after the other and each at least once. How far it
 * is stands on the endpoint's own stream, every now and then; what fails is sent again until it is taken.
 */
export class Delivery {
  private readonly options: DeliveryOptions;
  private endpoint: ListedEndpoint;
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;
  private cursor: Cursor | undefined;
  /** The last event that was delivered or passed over, and is not kept yet. */
  private passed: Place | undefined;
  private deliveredSinceKept = 0;
  private passedSinceKept = 0;
  private keptAt = performance.now();
  private isReplayOver = false;
  private failures = 0;
  private failingSince: number | undefined;
  private isShownFailing: boolean;
  /** By the shop's clock. */
  private notBefore = 0;

  constructor(options: DeliveryOptions, endpoint: ListedEndpoint) {
    this.options = options;
    this.endpoint = endpoint;
    this.failingSince = endpoint.failing?.since;
    this.isShownFailing = endpoint.failing !== undefined;
    this.running = this.run();
  }

  /** As its read model has it by now. */
  update(endpoint: ListedEndpoint): void {
    const isReplayed = endpoint.run !== this.endpoint.run;
    // Elsewhere, or by another secret, it may be taken at once.
    const isElsewhere = endpoint.url !== this.endpoint.url || endpoint.rotation !== this.endpoint.rotation;
    this.endpoint = endpoint;
    if (isReplayed) this.restart();
    if (isReplayed || isElsewhere) this.notBefore = 0;
    if (!isElsewhere) return;
    this.failures = 0;
    this.failingSince = undefined;
    this.isShownFailing = false;
  }

  /** Ends what is under way, and keeps how far it has come. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await this.keep().catch((error: unknown) =>
      this.options.log.warn({ err: error, endpoint: this.endpoint.id }, "how far deliveries are is not kept"),
    );
  }

  private restart(): void {
    this.cursor = undefined;
    this.passed = undefined;
    this.isReplayOver = false;
    this.kept();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await this.turn(signal);
        // A log that is passed over page by page must not hold up the thread.
        await breathe();
      } catch (error) {
        this.options.log.warn({ err: error, endpoint: this.endpoint.id }, "deliveries wait");
        await sleep(troublePauseMs, undefined, { signal }).catch(() => {});
      }
    }
  }

  private async turn(signal: AbortSignal): Promise<void> {
    const { feed, engine, clock } = this.options;
    if (engine.refusal || clock() < this.notBefore) {
      await sleep(lookMs, undefined, { signal }).catch(() => {});
      return;
    }
    this.cursor ??= await this.whereToStart();
    const cursor = this.cursor;
    const page = await this.pageBehind(cursor);
    const isEnd = page.scannedTo === cursor.after && page.events.length === 0;
    for (const event of page.events) {
      if (signal.aborted || this.cursor !== cursor) return;
      if (this.isWanted(event, cursor) && !(await this.deliver(event, signal))) return;
      if (this.cursor !== cursor) return;
      this.pass(event, cursor);
    }
    await this.passPage(page, cursor);
    if (this.isKeepingDue()) await this.keep();
    if (isEnd) await feed.wait(cursor.after, idleMs, signal);
  }

  private get created(): Place {
    return { stream: streamName(subscription.category, this.endpoint.id), revision: 0 };
  }

  /** What is on the stream names events, for positions are a log's own. */
  private async whereToStart(): Promise<Cursor> {
    const { feed, engine } = this.options;
    const { id, run } = this.endpoint;
    // By its own stream: who has just started may find a read model that is behind what was reached before.
    const { reached, replay } = await engine.read(subscription, id, (state) =>
      state.phase === "there" && state.endpoint.run === run ? state.endpoint : this.endpoint,
    );
    if (!replay) return { after: (await feed.at(reached ?? this.created)).position };
    const until = (await feed.at(replay.until ?? this.created)).position;
    if (reached) return { after: (await feed.at(reached)).position, until };
    if (!replay.from) return { after: logStart, until };
    const first = await feed.at(replay.from);
    // What has not been sent yet is not sent again.
    if (first.position > until) return { after: until, until };
    return { after: first.position, first, until };
  }

  private async pageBehind({ after, first, until }: Cursor): Promise<FeedPage> {
    if (first) return { events: [first], scannedTo: after, scannedEvents: 1 };
    const topics = this.topicsNow(until !== undefined);
    const upTo = until === undefined ? {} : { upTo: until };
    const page = await this.options.feed.read({ after, topics, ...upTo, limit: pageEvents });
    // Nothing is left up to there, where that event itself is not one of these.
    return until !== undefined && page.scannedTo === after ? { ...page, scannedTo: until } : page;
  }

  private topicsNow(isReplay: boolean): TopicName[] {
    const { topics, replay } = this.endpoint;
    const only = isReplay ? replay?.topics : undefined;
    return topicNames.filter((name) => topics.includes(name) && (only?.includes(name) ?? true));
  }

  private isWanted({ told, time }: FeedEvent, { until }: Cursor): boolean {
    if (!told || !this.topicsNow(until !== undefined).includes(told.type)) return false;
    return until === undefined || time >= (this.endpoint.replay?.notBefore ?? 0);
  }

  private pass(event: FeedEvent, cursor: Cursor): void {
    cursor.after = event.position;
    delete cursor.first;
    this.passed = event.place;
  }

  private async passPage({ scannedTo, scannedEvents }: FeedPage, cursor: Cursor): Promise<void> {
    this.passedSinceKept += scannedEvents;
    // Of what only the store has looked at, one event is enough to go on from.
    if (this.passed === undefined && this.passedSinceKept >= passedPerKept)
      this.passed = await this.options.feed.firstBehind(cursor.after);
    cursor.after = scannedTo;
    if (cursor.until === undefined || scannedTo < cursor.until) return;
    delete cursor.until;
    this.isReplayOver = true;
    this.passed = this.endpoint.replay?.until ?? this.created;
  }

  /** @returns whether it was taken */
  private async deliver({ told }: FeedEvent, signal: AbortSignal): Promise<boolean> {
    if (!told) return true;
    if (!(await this.isStillAsked())) {
      // Whoever looks for changes ends or restarts this soon.
      await sleep(lookMs, undefined, { signal }).catch(() => {});
      return false;
    }
    const sent = await this.options.send(this.endpoint, told, signal);
    if (!sent.ok) {
      if (!signal.aborted) await this.failed(sent);
      return false;
    }
    this.deliveredSinceKept++;
    this.failures = 0;
    this.failingSince = undefined;
    return true;
  }

  /** By its own stream: nothing is sent once it was answered that nothing will be. */
  private async isStillAsked(): Promise<boolean> {
    return this.options.engine.read(subscription, this.endpoint.id, (state) => {
      if (state.phase !== "there" || !state.endpoint.enabled) return false;
      return state.endpoint.run === this.endpoint.run;
    });
  }

  private async failed({ reason, gone, retryAfterMs = 0 }: Extract<Sent, { ok: false }>): Promise<void> {
    const { engine, clock, log } = this.options;
    const { id } = this.endpoint;
    const now = clock();
    this.failures++;
    this.failingSince ??= now;
    const pauseMs = Math.min(retryPauseMs * 2 ** Math.min(this.failures - 1, 20), retryPauseMsMax);
    const jittered = pauseMs * (1 - jitter + 2 * jitter * Math.random());
    this.notBefore = now + Math.max(jittered, Math.min(retryAfterMs, retryPauseMsMax));
    log.info({ endpoint: id, failures: this.failures, reason }, "a delivery was not taken");
    await this.keep();
    if (gone || now - this.failingSince >= giveUpAfterMs) {
      await engine.execute(subscription, id, "GiveUp", { reason }, this.context());
      log.warn({ endpoint: id, reason }, "deliveries to an endpoint are given up");
    } else if (this.failures >= failuresShown && !this.isShownFailing) {
      const failing = { since: isoTime(this.failingSince), reason };
      await engine.execute(subscription, id, "Fail", failing, this.context());
      this.isShownFailing = true;
    }
  }

  private isKeepingDue(): boolean {
    if (this.isReplayOver || this.passedSinceKept >= passedPerKept) return true;
    if (this.deliveredSinceKept === 0) return false;
    if (this.isShownFailing || this.deliveredSinceKept >= deliveriesPerKeptMax) return true;
    return performance.now() - this.keptAt >= keptEveryMs;
  }

  /** Puts on the log how far deliveries are, where that is news. */
  private async keep(): Promise<void> {
    const at = this.passed;
    const isNews = this.deliveredSinceKept > 0 || this.passedSinceKept >= passedPerKept || this.isReplayOver;
    if (!at || !isNews) return;
    const reached = { run: this.endpoint.run, at, ...(this.isReplayOver && { over: true as const }) };
    await this.options.engine.execute(subscription, this.endpoint.id, "Reach", reached, this.context());
    this.passed = undefined;
    this.isReplayOver = false;
    // What was delivered says that it fails no longer.
    this.isShownFailing = false;
    this.kept();
  }

  private kept(): void {
    this.deliveredSinceKept = 0;
    this.passedSinceKept = 0;
    this.keptAt = performance.now();
  }

  private context() {
    const id = newId();
    return { actor: "system:webhooks", commandId: id, correlationId: id, now: this.options.clock() };
  }
}
