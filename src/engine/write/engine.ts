import { setTimeout as sleep } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import {
  type AppendResult,
  type EventStore,
  logStart,
  OutcomeUnknown,
  type Position,
  RevisionConflict,
  StoreUnavailable,
} from "../../stores/event-store/event-store.ts";
import { Problem } from "../../values/problem.ts";
import type { Codec } from "../codec.ts";
import { type CommandsOf, type Decider, type EventMap, streamName } from "../decider.ts";
import {
  type Batch,
  type CommandContext,
  decideBatch,
  type Job,
  type Outcome,
  onlyRead,
  readContext,
  store,
} from "./batch.ts";
import { noSnapshots, type SnapshotCache } from "./snapshots.ts";
import {
  type AnyDecider,
  emptyStream,
  lastRemembered,
  neverConfirmed,
  type StoredStream,
  StreamReader,
} from "./stream.ts";

export type { CommandContext, Outcome } from "./batch.ts";

const batchCommandsMax = 1_000;
const queuedCommandsPerStreamMax = 20_000;
/** How long a batch goes on against others that write the same stream. */
const contentionMsMax = 15_000;
const conflictPauseMs = 2;
const conflictPauseMsMax = 10;
/** How long an append with an unknown outcome is sent again before the stream's queue gives up on it. */
const settleMsMax = 30_000;
const settlePauseMs = 50;
const settlePauseMsMax = 2_000;
/** For a look at a stream as this process knows it, however old that is. */
export const anyTime = Number.NEGATIVE_INFINITY;

const cachedStatesBytesMax = 64 * 1024 * 1024;
/** What a single state counts for at most: one that is large is still kept while it is in use. */
const cachedStateBytesMax = cachedStatesBytesMax / 8;
/** Measured on states of an import: what V8 takes for a cached stream, and for a remembered command. */
const cachedStateOverheadBytes = 1_000;
const rememberedCommandBytes = 250;

export interface EngineOptions {
  events: EventStore;
  codec: Codec;
  snapshots?: SnapshotCache;
  /** Milliseconds, for tests: see the limits above. */
  limits?: { contentionMs?: number; settleMs?: number };
}

/**
 * Handles commands: decides on cached state, appends at its revision, one write and no read. Commands for
 * one stream wait in one queue; all that wait are decided one after the other and go out in one append.
 *
 * Several engines may write one log. A conflict costs the events that are new; a decision that appends nothing
 * is confirmed by the stream's tail, unless nobody else writes the log.
 */
export class Engine {
  private readonly events: EventStore;
  private readonly codec: Codec;
  private readonly reader: StreamReader;
  private readonly snapshots: SnapshotCache;
  private readonly queues = new Map<string, Job[]>();
  private readonly cache: LRUCache<string, StoredStream>;
  private readonly contentionMs: number;
  private readonly settleMs: number;
  private newest: Position = logStart;
  /** Told of what this engine has appended, before anybody is answered: the stream, and where its last event stands. */
  onAppended: (stream: string, position: Position) => void = () => {};
  private refused: Problem | undefined;

  constructor({ events, codec, snapshots = noSnapshots, limits = {} }: EngineOptions) {
    this.contentionMs = limits.contentionMs ?? contentionMsMax;
    this.settleMs = limits.settleMs ?? settleMsMax;
    this.events = events;
    this.codec = codec;
    this.reader = new StreamReader(events, codec);
    this.snapshots = snapshots;
    this.cache = new LRUCache({ maxSize: cachedStatesBytesMax });
  }

  /**
   * Decides one command on one stream and stores its events.
   *
   * @param respond what the caller wants of the state right after this command
   * @throws Problem the decider's refusal, `revision_mismatch`, `too_much_contention`, or `payload_too_large`;
   *   what `refuse` was told, while that holds
   * @throws StoreUnavailable when the store is away or the stream's queue is full; the command can be repeated
   * @throws OutcomeUnknown when it may have taken effect; the same command again tells
   */
  execute<
    State,
    E extends EventMap,
    D extends Decider<State, E>,
    N extends keyof CommandsOf<D> & string,
    R = void,
  >(
    decider: D & { initial: () => State },
    id: string,
    name: N,
    command: CommandsOf<D>[N],
    context: CommandContext,
    respond?: (state: State, revision: number) => R,
  ): Promise<Outcome<R>> {
    if (this.refused) return Promise.reject(this.refused);
    return this.enqueue<R>(
      decider as AnyDecider,
      streamName(decider.category, id),
      name,
      command,
      context,
      (respond ?? (() => undefined)) as Job["respond"],
    );
  }

  /**
   * Looks at a stream's state behind all commands sent before: what is seen is stored.
   * @param asOf by the monotonic clock: a state that was the stream's then, or later, will do; now when left out
   */
  async read<State, E extends EventMap, D extends Decider<State, E>, R>(
    decider: D & { initial: () => State },
    id: string,
    select: (state: State, revision: number) => R,
    asOf = performance.now(),
  ): Promise<R> {
    const stream = streamName(decider.category, id);
    // With no command under way, what is cached is what is stored, or was when somebody else may have written.
    const cached = this.queues.has(stream) ? undefined : this.cache.get(stream);
    if (cached && this.isConfirmed(cached, asOf)) return select(cached.state as State, cached.revision);
    const outcome = await this.enqueue<R>(
      decider as AnyDecider,
      stream,
      onlyRead,
      undefined,
      { ...readContext, asOf },
      select as Job["respond"],
    );
    return outcome.result;
  }

  /**
   * Looks for the effect of commands on a stream, however long ago it was.
   * @param since the stream's revision before it can have been
   * @param asOf as for `read`
   * @returns the stream's state and revision right after the last of their events; undefined when there is none
   */
  async find<State, E extends EventMap, D extends Decider<State, E>>(
    decider: D & { initial: () => State },
    id: string,
    commandIds: readonly string[],
    since: number,
    asOf?: number,
  ): Promise<{ state: State; revision: number; position: Position } | undefined> {
    const name = streamName(decider.category, id);
    const current = await this.read(decider, id, (state, revision) => ({ state, revision }), asOf);
    const ids = new Set(commandIds);
    const stored = this.cache.get(name);
    const found =
      stored?.revision === current.revision && stored.rememberedFrom <= since + 1
        ? lastRemembered(stored, ids, since)
        : await this.reader.find(name, ids, since + 1, current.revision);
    if (!found) return undefined;
    const { revision, position } = found;
    if (revision === current.revision) return { state: current.state, revision, position };
    const state = await this.reader.stateAt(decider as AnyDecider, name, revision);
    return { state: state as State, revision, position };
  }

  /** The state of a stream right after a revision that it has; `noStream` is before the first. */
  async at<State, E extends EventMap, D extends Decider<State, E>>(
    decider: D & { initial: () => State },
    id: string,
    revision: number,
  ): Promise<State> {
    const name = streamName(decider.category, id);
    return (await this.reader.stateAt(decider as AnyDecider, name, revision)) as State;
  }

  /**
   * Answers every command with this problem until it is called without one: the log is not to be written. What
   * waits in a queue is answered so too; an append that is under way is not held back.
   */
  refuse(problem: Problem | undefined): void {
    this.refused = problem;
  }

  /** What commands are refused with, while they are. */
  get refusal(): Problem | undefined {
    return this.refused;
  }

  /** The newest position that this engine has written. */
  get lastPosition(): Position {
    return this.newest;
  }

  /** How many commands wait, over all streams. */
  queuedCommands(): number {
    let count = 0;
    for (const queue of this.queues.values()) count += queue.length;
    return count;
  }

  cachedStreams(): number {
    return this.cache.size;
  }

  private enqueue<R>(
    decider: AnyDecider,
    stream: string,
    name: string,
    command: unknown,
    context: CommandContext,
    respond: Job["respond"],
  ): Promise<Outcome<R>> {
    return new Promise<Outcome<R>>((resolve, reject) => {
      const asOf = context.asOf ?? performance.now();
      const job: Job = { name, command, context, asOf, respond, resolve: resolve as Job["resolve"], reject };
      const queue = this.queues.get(stream);
      if (!queue) {
        this.queues.set(stream, [job]);
        void this.drain(decider, stream);
      } else if (queue.length < queuedCommandsPerStreamMax) {
        queue.push(job);
      } else {
        reject(new StoreUnavailable(`${queuedCommandsPerStreamMax} commands wait for one stream`));
      }
    });
  }

  private async drain(decider: AnyDecider, stream: string): Promise<void> {
    // What is sent in the same turn joins the first batch.
    await undefined;
    for (;;) {
      const queue = this.queues.get(stream);
      if (!queue || queue.length === 0) {
        this.queues.delete(stream);
        return;
      }
      const jobs = queue.splice(0, batchCommandsMax);
      try {
        const untouched = await this.handle(decider, stream, jobs);
        if (untouched.length > 0) queue.unshift(...untouched);
      } catch (error) {
        for (const job of jobs) job.reject(error);
      }
    }
  }

  /** Decides and stores, again and again until nobody was in between. @returns the jobs that did not fit */
  private async handle(decider: AnyDecider, stream: string, jobs: readonly Job[]): Promise<Job[]> {
    const until = performance.now() + this.contentionMs;
    const isFirst = jobs.every(({ context }) => context.isFirst);
    const stored =
      this.cache.get(stream) ?? (isFirst ? emptyStream(decider) : await this.load(decider, stream));
    for (let attempt = 0; ; attempt++) {
      await this.lookBack(stream, stored, jobs);
      const batch = decideBatch(decider, stored, jobs, this.codec);
      const appended = await this.write(decider, stream, stored, batch);
      if (appended) {
        store(stored, batch, appended);
        if (appended.position > this.newest) this.newest = appended.position;
        if (batch.events.length > 0) this.onAppended(stream, appended.position);
        this.keep(decider, stream, stored);
        for (const decision of batch.decisions) this.settle(decider, stream, stored, decision);
        this.snapshots.offer(decider, stream, stored);
        return batch.untouched;
      }
      if (performance.now() >= until)
        throw new Problem("too_much_contention", `${stream} is changed by many at once; try again`);
      if (attempt > 0)
        await sleep(Math.random() * Math.min(conflictPauseMs * 2 ** attempt, conflictPauseMsMax));
    }
  }

  /**
   * Stores a batch, or confirms one that stores nothing.
   * @returns undefined when the stream has moved on: what is stored of it is caught up, to be decided on again
   */
  private async write(
    decider: AnyDecider,
    stream: string,
    stored: StoredStream,
    batch: Batch,
  ): Promise<AppendResult | undefined> {
    try {
      if (batch.events.length > 0) {
        if (this.refused) throw this.refused;
        return await this.append(stream, stored, batch);
      }
      const asOf = Math.max(...batch.decisions.map(({ job }) => job.asOf));
      if (this.isConfirmed(stored, asOf)) return stored;
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
      await this.reader.catchUp(decider, stream, stored);
      // A conflict with a write that is not to be read yet: the next try meets it again.
      return undefined;
    }
    return (await this.reader.catchUp(decider, stream, stored)) === 0 ? stored : undefined;
  }

  private isConfirmed({ confirmedAt }: StoredStream, asOf: number): boolean {
    return confirmedAt >= asOf || (this.events.soleWriter && confirmedAt > neverConfirmed);
  }

  /** An append whose outcome is unknown is sent again, byte for byte, until it is known. */
  private async append(stream: string, stored: StoredStream, batch: Batch): Promise<AppendResult> {
    // It may have landed when it was sent first, and others may have gone on since.
    const sentAt = performance.now();
    const until = sentAt + this.settleMs;
    for (let attempt = 0; ; attempt++) {
      try {
        const appended = await this.events.append(stream, stored.revision, batch.events);
        // Revisions are consecutive, positions are not: only the last one of an append is told.
        if (appended.revision !== batch.revision)
          throw new Error(`${stream}: appended up to ${appended.revision}, decided up to ${batch.revision}`);
        stored.confirmedAt = sentAt;
        return appended;
      } catch (error) {
        const unsettled =
          error instanceof OutcomeUnknown || (attempt > 0 && error instanceof StoreUnavailable);
        if (!unsettled) throw error;
        if (performance.now() >= until) {
          this.cache.delete(stream);
          throw new OutcomeUnknown(`whether ${stream} was written is not known yet`, { cause: error });
        }
        await sleep(Math.min(settlePauseMs * 2 ** attempt, settlePauseMsMax) * (0.5 + Math.random()));
      }
    }
  }

  /** Keyed commands whose effect may lie further back than the stream remembers are looked for there. */
  private async lookBack(stream: string, stored: StoredStream, jobs: readonly Job[]): Promise<void> {
    for (const job of jobs) {
      const { since, commandId } = job.context;
      if (since === undefined || since + 1 >= stored.rememberedFrom || stored.commands.has(commandId))
        continue;
      const ids = new Set([commandId]);
      const found = await this.reader.find(stream, ids, since + 1, stored.rememberedFrom - 1);
      if (found) job.found = found;
      // What was looked through needs no second look.
      else job.context = { ...job.context, since: stored.rememberedFrom - 1 };
    }
  }

  private settle(
    decider: AnyDecider,
    stream: string,
    stored: StoredStream,
    decision: Batch["decisions"][number],
  ): void {
    const { job } = decision;
    switch (decision.kind) {
      case "refused":
        job.reject(decision.error);
        return;
      case "done": {
        const { revision, changed, result } = decision;
        const position = stored.commands.get(job.context.commandId)?.position ?? stored.position;
        job.resolve({ revision, position, repeated: false, changed, result });
        return;
      }
      case "repeated": {
        const { revision, outcome = stored, state } = decision;
        const { position } = outcome;
        const answer = (then: unknown) => {
          const result = job.respond(then as never, revision);
          job.resolve({ revision, position, repeated: true, changed: false, result });
        };
        // As it was then: from the log, while the stream's queue goes on.
        const then = state ?? this.reader.stateAt(decider, stream, revision);
        Promise.resolve(then).then(answer).catch(job.reject);
      }
    }
  }

  private keep(decider: AnyDecider, stream: string, stored: StoredStream): void {
    const size =
      cachedStateOverheadBytes +
      stored.commands.size * rememberedCommandBytes +
      (decider.weigh?.(stored.state) ?? 0);
    // A value that is set again keeps the size that it had: it has grown since.
    this.cache.delete(stream);
    this.cache.set(stream, stored, { size: Math.min(Math.ceil(size), cachedStateBytesMax) });
  }

  private async load(decider: AnyDecider, stream: string): Promise<StoredStream> {
    const snapshot = await this.snapshots.load(decider, stream);
    // A snapshot that the log does not confirm (a restored backup) is thrown away.
    const confirmed = snapshot && (await this.reader.isAt(stream, snapshot.revision, snapshot.lastEventId));
    const stored = confirmed ? snapshot : emptyStream(decider);
    await this.reader.catchUp(decider, stream, stored);
    this.keep(decider, stream, stored);
    return stored;
  }
}
