import { setTimeout as sleep } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import {
  type AppendResult,
  type EventMetadata,
  type EventStore,
  type EventToAppend,
  latest,
  logStart,
  noStream,
  type Position,
  RevisionConflict,
  StoreUnavailable,
} from "../../stores/event-store/event-store.ts";
import { deriveId } from "../../values/ids.ts";
import { Problem } from "../../values/problem.ts";
import type { Codec } from "../codec.ts";
import { type CommandsOf, type Decider, type EventMap, type EventOf, streamName } from "../decider.ts";
import { noSnapshots, type SnapshotCache } from "./snapshots.ts";

const batchCommandsMax = 1_000;
const batchEventsMax = 2_000;
const batchBytesMax = 900 * 1024;
const queuedCommandsPerStreamMax = 20_000;
const conflictRetriesMax = 10;
const conflictPauseMs = 5;
const readPageEvents = 1_000;
/** Commands whose outcome a stream's state remembers; beyond, deciders are idempotent by themselves. */
const rememberedCommandsMax = 64;
const snapshotEveryEvents = 1_000;
const cachedStatesBytesMax = 64 * 1024 * 1024;
/** Measured on states of an import: what V8 takes for a cached stream, and for a remembered command. */
const cachedStateOverheadBytes = 1_000;
const rememberedCommandBytes = 250;

export interface CommandContext {
  /** The same id is the same command: doing it again changes nothing and gives the same outcome. */
  commandId: string;
  /** Epoch milliseconds that the decision is made with. */
  now: number;
  actor: string;
  correlationId: string;
  causationId?: string;
  ip?: string;
  userAgent?: string;
  /** The command is refused with `revision_mismatch` when the stream is elsewhere. */
  expectedRevision?: number;
}

export interface Outcome<R> {
  /** Of the stream after the command; `noStream` when it does not exist. */
  revision: number;
  /** Where the command's last event stands; for a command that changed nothing, the stream's last event. */
  position: Position;
  /** The command had taken effect before. */
  repeated: boolean;
  changed: boolean;
  result: R;
}

// biome-ignore lint/suspicious/noExplicitAny: a stream's queue holds commands of one decider, whatever its types
type AnyDecider = Decider<any, EventMap>;

interface Remembered {
  revision: number;
  position: Position;
}

interface CachedStream {
  state: unknown;
  revision: number;
  position: Position;
  commands: Map<string, Remembered>;
  snapshotRevision: number;
  lastEventId: string;
}

interface Job {
  name: string;
  command: unknown;
  context: CommandContext;
  respond: (state: never, revision: number) => unknown;
  resolve: (outcome: Outcome<unknown>) => void;
  reject: (error: unknown) => void;
}

interface DecidedEvent {
  type: string;
  data: unknown;
  json: string;
  version: { schemaVersion?: number };
}

/** The command of a job that only looks, and its context: it decides nothing, so nothing is remembered. */
const onlyRead = "";
const readContext: CommandContext = { commandId: "", now: 0, actor: "system", correlationId: "" };

type Decision =
  | { job: Job; error: unknown }
  | { job: Job; outcome: Remembered; changed: boolean; repeated: boolean; result: unknown };

export interface EngineOptions {
  events: EventStore;
  codec: Codec;
  snapshots?: SnapshotCache;
}

/**
 * Handles commands: decides on cached state, appends at its revision, one write and no read. Commands for
 * one stream wait in one queue; all that wait are decided one after the other and go out in one append.
 */
export class Engine {
  private readonly events: EventStore;
  private readonly codec: Codec;
  private readonly snapshots: SnapshotCache;
  private readonly queues = new Map<string, Job[]>();
  private readonly cache: LRUCache<string, CachedStream>;
  private newest: Position = logStart;

  constructor({ events, codec, snapshots = noSnapshots }: EngineOptions) {
    this.events = events;
    this.codec = codec;
    this.snapshots = snapshots;
    this.cache = new LRUCache({ maxSize: cachedStatesBytesMax });
  }

  /**
   * Decides one command on one stream and stores its events.
   *
   * @param respond what the caller wants of the state right after this command; it must not keep the state
   * @throws Problem the decider's refusal, `revision_mismatch`, or `too_much_contention`
   * @throws StoreUnavailable when the store is away or the stream's queue is full; the command can be repeated
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
    respond?: (state: State) => R,
  ): Promise<Outcome<R>> {
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
   * @param select must not keep the state
   */
  async read<State, E extends EventMap, D extends Decider<State, E>, R>(
    decider: D & { initial: () => State },
    id: string,
    select: (state: State, revision: number) => R,
  ): Promise<R> {
    const stream = streamName(decider.category, id);
    // With no command under way, what is cached is what is stored.
    const cached = this.queues.has(stream) ? undefined : this.cache.get(stream);
    if (cached) return select(cached.state as State, cached.revision);
    const outcome = await this.enqueue<R>(
      decider as AnyDecider,
      stream,
      onlyRead,
      undefined,
      readContext,
      select as Job["respond"],
    );
    return outcome.result;
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
      const job: Job = { name, command, context, respond, resolve: resolve as Job["resolve"], reject };
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
      const batch = queue.splice(0, batchCommandsMax);
      try {
        const untouched = await this.handle(decider, stream, batch);
        if (untouched.length > 0) queue.unshift(...untouched);
      } catch (error) {
        this.cache.delete(stream);
        for (const job of batch) job.reject(error);
      }
    }
  }

  /** @returns the jobs that did not fit into this append */
  private async handle(decider: AnyDecider, stream: string, batch: Job[]): Promise<Job[]> {
    for (let attempt = 0; ; attempt++) {
      const current = this.cache.get(stream) ?? (await this.load(decider, stream));
      const before = current.revision;
      const { decisions, outcomes, events, untouched } = this.decideBatch(decider, current, batch);
      try {
        const appended = events.length > 0 ? await this.events.append(stream, before, events) : current;
        for (const outcome of outcomes) outcome.position = appended.position;
        this.settle(decider, stream, current, decisions, appended, before);
        return untouched;
      } catch (error) {
        // The state has run ahead of the log: what was decided on it never happened.
        this.cache.delete(stream);
        if (!(error instanceof RevisionConflict)) throw error;
        if (attempt >= conflictRetriesMax)
          throw new Problem("too_much_contention", `${stream} is changed by many at once; try again`);
        await sleep(Math.random() * conflictPauseMs * 2 ** Math.min(attempt, 6));
      }
    }
  }

  private decideBatch(decider: AnyDecider, current: CachedStream, batch: Job[]) {
    const decisions: Decision[] = [];
    const outcomes: Remembered[] = [];
    const events: EventToAppend[] = [];
    let bytes = 0;
    let taken = 0;
    for (const job of batch) {
      const repeated = current.commands.get(job.context.commandId);
      let decided: DecidedEvent[] = [];
      try {
        if (repeated === undefined) decided = this.decideOne(decider, current, job);
      } catch (error) {
        // A refusal leaves the state as it was: nothing has evolved yet.
        decisions.push({ job, error });
        taken++;
        continue;
      }
      for (const { json } of decided) bytes += json.length;
      const full = events.length + decided.length > batchEventsMax || bytes > batchBytesMax;
      if (full && events.length > 0) break;
      const metadata = metadataOf(job.context);
      for (const [index, event] of decided.entries()) {
        const id = deriveId(job.context.commandId, index);
        this.evolve(decider, current, event.type, event.data, metadata, id);
        const { schemaVersion } = event.version;
        const stamped = schemaVersion === undefined ? metadata : { ...metadata, schemaVersion };
        events.push({ id, type: event.type, data: event.json, metadata: stamped });
      }
      taken++;
      // Where it stands is told when it is stored; until then it is known, should it come twice in this batch.
      const outcome = repeated ?? { revision: current.revision, position: current.position };
      const changed = decided.length > 0;
      if (changed) {
        remember(current.commands, job.context.commandId, outcome);
        outcomes.push(outcome);
      }
      try {
        const result = job.respond(current.state as never, current.revision);
        decisions.push({ job, outcome, changed, repeated: repeated !== undefined, result });
      } catch (error) {
        // Only the answer failed: what the command did stands.
        decisions.push({ job, error });
      }
    }
    return { decisions, outcomes, events, untouched: batch.slice(taken) };
  }

  private decideOne(decider: AnyDecider, current: CachedStream, job: Job): DecidedEvent[] {
    const { expectedRevision, now } = job.context;
    if (expectedRevision !== undefined && expectedRevision !== current.revision)
      throw new Problem(
        "revision_mismatch",
        `expected revision ${expectedRevision}, it is at ${current.revision}`,
        { revision: current.revision },
      );
    if (job.name === onlyRead) return [];
    const decide = decider.decide[job.name];
    if (!decide) throw new Error(`${decider.category} has no command ${job.name}`);
    const decided: EventOf<EventMap>[] = decide(current.state, job.command, { now });
    return decided.map(({ type, data }) => {
      const encoded = this.codec.encode(type, data);
      const version = encoded.schemaVersion === undefined ? {} : { schemaVersion: encoded.schemaVersion };
      return { type, data: encoded.data, json: encoded.json, version };
    });
  }

  private evolve(
    decider: AnyDecider,
    current: CachedStream,
    type: string,
    data: unknown,
    metadata: EventMetadata,
    eventId: string,
  ): void {
    const step = decider.evolve[type];
    if (!step) throw new Error(`${decider.category} does not know the event ${type}`);
    current.state = step(current.state, data, { time: metadata.time });
    current.revision++;
    current.lastEventId = eventId;
  }

  private settle(
    decider: AnyDecider,
    stream: string,
    current: CachedStream,
    decisions: Decision[],
    appended: AppendResult,
    before: number,
  ): void {
    // Revisions are consecutive, positions are not: only the last one of an append is told.
    if (appended.revision !== current.revision)
      throw new Error(`${stream}: appended up to ${appended.revision}, decided up to ${current.revision}`);
    current.position = appended.position;
    if (current.revision > before) this.newest = latest(this.newest, appended.position);
    this.keep(decider, stream, current);
    for (const decision of decisions) {
      if ("error" in decision) {
        decision.job.reject(decision.error);
        continue;
      }
      const { job, outcome, changed, repeated, result } = decision;
      const position = changed || repeated ? outcome.position : appended.position;
      job.resolve({ revision: outcome.revision, position, repeated, changed, result });
    }
    if (current.revision > before) this.snapshot(decider, stream, current);
  }

  private keep(decider: AnyDecider, stream: string, current: CachedStream): void {
    const size =
      cachedStateOverheadBytes +
      current.commands.size * rememberedCommandBytes +
      (decider.weigh?.(current.state) ?? 0);
    this.cache.set(stream, current, { size });
  }

  private snapshot(decider: AnyDecider, stream: string, current: CachedStream): void {
    if (current.revision - current.snapshotRevision < snapshotEveryEvents) return;
    current.snapshotRevision = current.revision;
    const { state, revision, position, commands, lastEventId } = current;
    this.snapshots.save(decider, stream, { state, revision, position, commands, lastEventId });
  }

  private async load(decider: AnyDecider, stream: string): Promise<CachedStream> {
    const snapshot = await this.snapshots.load(decider, stream);
    if (snapshot) {
      const from = { ...snapshot, snapshotRevision: snapshot.revision } as CachedStream;
      // A snapshot that the log does not confirm (a restored backup) is thrown away.
      if (await this.foldStream(decider, stream, from, snapshot.lastEventId)) return from;
    }
    const fresh: CachedStream = {
      state: decider.initial(),
      revision: noStream,
      position: logStart,
      commands: new Map(),
      snapshotRevision: noStream,
      lastEventId: "",
    };
    await this.foldStream(decider, stream, fresh);
    return fresh;
  }

  /** @returns false when the event at the state's revision is not `confirmedBy` */
  private async foldStream(
    decider: AnyDecider,
    stream: string,
    current: CachedStream,
    confirmedBy?: string,
  ): Promise<boolean> {
    let from = confirmedBy === undefined ? current.revision + 1 : current.revision;
    for (;;) {
      const page = await this.events.readStream(stream, { from, maxCount: readPageEvents });
      const { events } = page;
      const first = events[0];
      const fresh = from > current.revision ? events : events.slice(1);
      if (from <= current.revision && first?.id !== confirmedBy) return false;
      for (const event of fresh) {
        const data = this.codec.decode(event);
        this.evolve(decider, current, event.type, data, event.metadata, event.id);
        current.position = event.position;
        const { revision, position } = event;
        remember(current.commands, event.metadata.commandId, { revision, position });
      }
      if (page.isEnd) {
        this.keep(decider, stream, current);
        return true;
      }
      from = current.revision + 1;
    }
  }
}

function metadataOf(context: CommandContext): EventMetadata {
  const { now, commandId, correlationId, actor, causationId, ip, userAgent } = context;
  return {
    time: now,
    commandId,
    correlationId,
    actor,
    ...(causationId !== undefined && { causationId }),
    ...(ip !== undefined && { ip }),
    ...(userAgent !== undefined && { userAgent }),
  };
}

function remember(commands: Map<string, Remembered>, commandId: string, outcome: Remembered): void {
  commands.delete(commandId);
  commands.set(commandId, outcome);
  if (commands.size <= rememberedCommandsMax) return;
  const oldest = commands.keys().next();
  if (!oldest.done) commands.delete(oldest.value);
}
