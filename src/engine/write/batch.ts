import {
  appendBytesMax,
  type EventMetadata,
  type EventToAppend,
  type Position,
} from "../../stores/event-store/event-store.ts";
import { eventId } from "../../values/ids.ts";
import { Problem } from "../../values/problem.ts";
import type { Codec } from "../codec.ts";
import type { EventOf } from "../decider.ts";
import { type AnyDecider, evolved, type Remembered, remember, type StoredStream } from "./stream.ts";

const batchEventsMax = 2_000;
/** UTF-8 bytes that a store keeps beside the data and metadata of an event: its id and names. */
const eventOverheadBytes = 200;

export interface CommandContext {
  /** The same id is the same command: doing it again changes nothing and gives the same outcome. */
  commandId: string;
  /** Epoch milliseconds that the decision is made with; the stream's last event, where that is later. */
  now: number;
  actor: string;
  correlationId: string;
  causationId?: string;
  ip?: string;
  userAgent?: string;
  /** The trace that the command is part of; its events carry it on. */
  traceparent?: string;
  /** The command is refused with `revision_mismatch` when the stream is elsewhere. */
  expectedRevision?: number;
  /**
   * The stream's revision when the command's key was taken: if the command has had its effect, that is behind
   * it, and is found however long ago it was.
   */
  since?: number;
  /**
   * When what asked for this came in, by the monotonic clock. A state that was the stream's then, or later, is as good
   * as one that is looked for now: so a request confirms each stream once, however many steps it takes.
   */
  asOf?: number;
  /**
   * Nobody is likely to have written to the stream: its command is decided without a look at it. Where somebody has, the
   * append conflicts, and what appends nothing is confirmed, so it costs time to be wrong here, and nothing else.
   */
  isFirst?: boolean;
}

export interface Job {
  name: string;
  command: unknown;
  context: CommandContext;
  /** A state that was the stream's then, or later, will do. */
  asOf: number;
  respond: (state: never, revision: number) => unknown;
  resolve: (outcome: Outcome<unknown>) => void;
  reject: (error: unknown) => void;
  /** What a look further back than the stream remembers has found. */
  found?: Remembered;
}

export interface Outcome<R> {
  /** Of the stream after the command; `noStream` when it does not exist. */
  revision: number;
  /** Where the command's last event stands; for a command that changed nothing, the stream's last event. */
  position: Position;
  /** The command had taken effect before; the result is as it was then. */
  repeated: boolean;
  changed: boolean;
  result: R;
}

/** The name of a job that only looks, and its context: it decides nothing, so nothing is remembered. */
export const onlyRead = "";
export const readContext: CommandContext = { commandId: "", now: 0, actor: "system", correlationId: "" };

interface DecidedEvent {
  type: string;
  data: unknown;
  json: string;
  schemaVersion: number | undefined;
}

/** What has been decided for one job. `revision` is the stream's after it. */
type Decision =
  | { kind: "refused"; job: Job; error: unknown }
  | { kind: "done"; job: Job; revision: number; changed: boolean; result: unknown }
  /** Had its effect before: in the log, at this revision and position, or earlier in this batch. */
  | { kind: "repeated"; job: Job; outcome: Remembered | undefined; revision: number; state: unknown };

/** Commands of one stream, decided one after the other on what is stored; nothing of it is stored yet. */
export interface Batch {
  decisions: Decision[];
  events: EventToAppend[];
  /** The stream as it is if the events are stored. */
  state: unknown;
  revision: number;
  time: number;
  /** Commands with events in this batch, and the stream after each. */
  commands: Map<string, { revision: number; state: unknown }>;
  /** Jobs that did not fit into this append. */
  untouched: Job[];
}

/**
 * Decides jobs in order, bounded in events and bytes. What is stored of the stream is not changed, and a
 * refusal leaves the state as it was for the next job.
 */
export function decideBatch(
  decider: AnyDecider,
  stored: StoredStream,
  jobs: readonly Job[],
  codec: Codec,
): Batch {
  const { state, revision, time } = stored;
  const batch: Batch = {
    decisions: [],
    events: [],
    state,
    revision,
    time,
    commands: new Map(),
    untouched: [],
  };
  let bytes = 0;
  for (const [index, job] of jobs.entries()) {
    const { commandId } = job.context;
    const repeated = repetition(stored, batch.commands, job);
    if (repeated) {
      batch.decisions.push(repeated);
      continue;
    }
    try {
      const now = Math.max(job.context.now, batch.time);
      const decided = decideOne(decider, batch, job, now, codec);
      const metadata = metadataOf(job.context, now);
      const events = stamped(decided, metadata);
      const size = events.reduce((sum, { bytes }) => sum + bytes, 0);
      if (size > appendBytesMax || events.length > batchEventsMax) throw tooLarge(job, events.length, size);
      if (batch.events.length + events.length > batchEventsMax || bytes + size > appendBytesMax) {
        batch.untouched = jobs.slice(index);
        break;
      }
      // Folded before anything is kept: a fold that fails leaves the batch as it was.
      let next = batch.state;
      for (const { type, data } of decided) next = evolved(decider, next, type, data, now);
      bytes += size;
      batch.state = next;
      batch.revision += events.length;
      if (events.length > 0) {
        batch.time = now;
        batch.commands.set(commandId, { revision: batch.revision, state: next });
        for (const { event } of events) batch.events.push(event);
      }
      batch.decisions.push(answered(job, batch, events.length > 0));
    } catch (error) {
      batch.decisions.push({ kind: "refused", job, error });
    }
  }
  return batch;
}

function answered(job: Job, { state, revision }: Batch, changed: boolean): Decision {
  try {
    return { kind: "done", job, revision, changed, result: job.respond(state as never, revision) };
  } catch (error) {
    // Only the answer failed: what the command did stands.
    return { kind: "refused", job, error };
  }
}

function repetition(
  stored: StoredStream,
  inBatch: ReadonlyMap<string, { revision: number; state: unknown }>,
  job: Job,
): Decision | undefined {
  if (job.name === onlyRead) return undefined;
  const { commandId } = job.context;
  const earlier = inBatch.get(commandId);
  if (earlier) return { kind: "repeated", job, outcome: undefined, ...earlier };
  const outcome = stored.commands.get(commandId) ?? job.found;
  if (!outcome) return undefined;
  const state = outcome.revision === stored.revision ? stored.state : undefined;
  return { kind: "repeated", job, outcome, revision: outcome.revision, state };
}

function decideOne(
  decider: AnyDecider,
  { state, revision }: Batch,
  job: Job,
  now: number,
  codec: Codec,
): DecidedEvent[] {
  const { expectedRevision } = job.context;
  if (expectedRevision !== undefined && expectedRevision !== revision)
    throw new Problem("revision_mismatch", `expected revision ${expectedRevision}, it is at ${revision}`, {
      revision,
    });
  if (job.name === onlyRead) return [];
  const decide = decider.decide[job.name];
  if (!decide) throw new Error(`${decider.category} has no command ${job.name}`);
  const decided: EventOf<EventMapOf>[] = decide(state, job.command, { now });
  return decided.map(({ type, data }) => {
    const encoded = codec.encode(type, data);
    return { type, data: encoded.data, json: encoded.json, schemaVersion: encoded.schemaVersion };
  });
}

type EventMapOf = AnyDecider["events"];

function stamped(decided: readonly DecidedEvent[], metadata: EventMetadata) {
  const text = JSON.stringify(metadata);
  const metadataBytes = Buffer.byteLength(text) + eventOverheadBytes;
  return decided.map(({ type, json, schemaVersion }, index) => {
    const id = eventId(metadata.commandId, index, type, json, text);
    const own = schemaVersion === undefined ? metadata : { ...metadata, schemaVersion };
    const event: EventToAppend = { id, type, data: json, metadata: own };
    return { event, bytes: Buffer.byteLength(json) + metadataBytes };
  });
}

function tooLarge({ name }: Job, events: number, bytes: number): Problem {
  return new Problem("payload_too_large", `${name} would write ${events} events of ${bytes} bytes at once`);
}

function metadataOf(context: CommandContext, time: number): EventMetadata {
  const { commandId, correlationId, actor, causationId, ip, userAgent, traceparent } = context;
  return {
    time,
    commandId,
    correlationId,
    actor,
    ...(causationId !== undefined && { causationId }),
    ...(ip !== undefined && { ip }),
    ...(userAgent !== undefined && { userAgent }),
    ...(traceparent !== undefined && { traceparent }),
  };
}

/** Makes what a batch has decided what is stored, once its events are, and remembers its commands. */
export function store(stored: StoredStream, batch: Batch, appended: { position: Position }): void {
  if (batch.events.length === 0) return;
  stored.state = batch.state;
  stored.revision = batch.revision;
  stored.position = appended.position;
  stored.time = batch.time;
  stored.lastEventId = batch.events.at(-1)?.id ?? "";
  const { position } = appended;
  const { time } = batch;
  for (const [commandId, { revision }] of batch.commands)
    remember(stored, commandId, { revision, position, time });
}
