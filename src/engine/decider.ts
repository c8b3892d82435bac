import type { z } from "zod";

/**
 * One event type: its schema at the newest version, and how older versions become it.
 * `upcast[n]` turns data of version n into version n + 1.
 */
export interface EventDefinition<S extends z.ZodType = z.ZodType> {
  schema: S;
  version: number;
  upcast: Readonly<Record<number, (data: unknown) => unknown>>;
}

export type EventMap = Readonly<Record<string, EventDefinition>>;

/** The union of the events of a map, as deciders return them and projections receive them. */
export type EventOf<E extends EventMap> = {
  [K in keyof E & string]: { readonly type: K; readonly data: z.output<E[K]["schema"]> };
}[keyof E & string];

export type DataOf<E extends EventMap, K extends keyof E> = z.output<E[K]["schema"]>;

/**
 * Declares an event type.
 * @param schema of the newest version
 * @param upcasts one function per version step, oldest first; the version is their number plus one
 */
export function event<S extends z.ZodType>(
  schema: S,
  ...upcasts: ((data: unknown) => unknown)[]
): EventDefinition<S> {
  return {
    schema,
    version: upcasts.length + 1,
    upcast: Object.fromEntries(upcasts.map((step, index) => [index + 1, step])),
  };
}

export interface DecideContext {
  /** Epoch milliseconds, never before the stream's last event. */
  now: number;
}

export interface EvolveContext {
  /** Epoch milliseconds at which the event was decided. */
  time: number;
}

// biome-ignore lint/suspicious/noExplicitAny: a command's type is inferred from its own decide function
type AnyCommand = any;

export type DecideMap<State, Event> = Record<
  string,
  (state: State, command: AnyCommand, context: DecideContext) => Event[]
>;

/**
 * How states of this decider are kept between starts. A state is cut into parts, so that none is larger than
 * a cache takes and making one never holds up the thread for long.
 */
export interface SnapshotFormat<State> {
  /** Raised with every change of the fold, of its helpers or of the parts: a snapshot of another is not read. */
  version: number;
  /** Plain values, as the structured clone algorithm takes them. */
  parts: (state: State) => Iterable<unknown>;
  /** @throws when the parts are not such a state */
  restore: (parts: Iterable<unknown>) => State;
}

/**
 * A write model. Pure: no clock, no I/O, no randomness; neither `evolve` nor `decide` changes a state. What is
 * stored stays apart from what is being decided on it, so a conflict costs only what is new, and a state that
 * was handed out stays what it was. Large collections are persistent maps (src/values/ordered-map.ts).
 *
 * Deciding a command again that has already taken effect returns no events.
 */
export interface Decider<
  State,
  E extends EventMap,
  D extends DecideMap<State, EventOf<E>> = DecideMap<State, EventOf<E>>,
> {
  category: string;
  events: E;
  initial: () => State;
  evolve: { [K in keyof E & string]: (state: State, data: DataOf<E, K>, context: EvolveContext) => State };
  decide: D;
  /** Approximate bytes that a cached state holds. */
  weigh?: (state: State) => number;
  /** For streams that grow long; left out, they are folded from their first event. */
  snapshot?: SnapshotFormat<State>;
}

/** Declares a write model; the types of states, events and commands are inferred. */
export function decider<State, E extends EventMap, D extends DecideMap<State, EventOf<E>>>(
  definition: Decider<State, E, D>,
): Decider<State, E, D> {
  if (definition.category.includes("-"))
    throw new Error(`category ${definition.category} must not hold a dash`);
  return definition;
}

export type CommandsOf<D> = D extends { decide: infer M }
  ? {
      [K in keyof M & string]: M[K] extends (state: never, command: infer C, ...rest: never[]) => unknown
        ? C
        : never;
    }
  : never;

export function streamName(category: string, id: string): string {
  return `${category}-${id}`;
}

/** The category of a stream: what is before the first dash of its name. */
export function streamCategory(stream: string): string {
  return stream.slice(0, stream.indexOf("-"));
}

/** The id part of a stream name: what follows its first dash. */
export function streamId(stream: string): string {
  return stream.slice(stream.indexOf("-") + 1);
}
