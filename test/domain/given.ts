import { expect } from "vitest";
import { createCodec } from "../../src/engine/codec.ts";
import type {
  CommandsOf,
  DecideContext,
  DecideMap,
  Decider,
  EventMap,
  EventOf,
} from "../../src/engine/decider.ts";
import { isSortedMap, OrderedMap } from "../../src/values/ordered-map.ts";
import { Problem, type ProblemCode } from "../../src/values/problem.ts";

/** An event of the past, decided at `at` (epoch milliseconds; 0 when left out). */
type Past<E extends EventMap> = EventOf<E> & { readonly at?: number };

/** A state as plain values: what is asked of it must leave it as it was. */
export function snapshotOf(value: unknown): unknown {
  if (value instanceof OrderedMap || value instanceof Map) return [...value].map(snapshotOf);
  if (isSortedMap(value)) return [...value.entries()].map(snapshotOf);
  if (value instanceof Set) return [...value];
  if (Array.isArray(value)) return value.map(snapshotOf);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, snapshotOf(each)]));
}

/**
 * Plain objects and arrays can then not be written to, by nobody and at no depth; writing throws. Collections
 * cannot be frozen, and are compared.
 */
function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  if (!isPlain) return value;
  Object.freeze(value);
  for (const each of Object.values(value)) frozen(each);
  return value;
}

const pastCheckedMax = 100;

interface Then<Event> {
  then(events: readonly Event[]): void;
  /** @param extras members that the problem has, among others */
  refused(code: ProblemCode, extras?: Readonly<Record<string, unknown>>): void;
}

/**
 * `given(decider, events).when(name, command, { now }).then(events)` or `.refused(code)`. All events pass
 * their schemas, and neither a fold nor a decision may change the state that it is given.
 */
export function given<State, E extends EventMap, D extends DecideMap<State, EventOf<E>>>(
  decider: Decider<State, E, D>,
  past: readonly NoInfer<Past<E>>[],
) {
  const codec = createCodec(decider.events);
  const encode = ({ type, data }: EventOf<E>) => ({ type, data: codec.encode(type, data).data });
  const evolve = (state: State, event: Past<E>) => {
    // A long past is checked by the random histories.
    const before = past.length <= pastCheckedMax ? snapshotOf(state) : undefined;
    const data = frozen(encode(event).data);
    const next = frozen(decider.evolve[event.type](state, data as never, { time: event.at ?? 0 }));
    if (before !== undefined)
      expect(snapshotOf(state), `${event.type} must not change the state before it`).toEqual(before);
    return next;
  };
  const stateNow = () => past.reduce(evolve, frozen(decider.initial()));

  return {
    /** The state after these events. */
    state: stateNow,
    when<N extends keyof CommandsOf<Decider<State, E, D>> & string>(
      name: N,
      command: CommandsOf<Decider<State, E, D>>[N],
      context: Partial<DecideContext> = {},
    ): Then<EventOf<E>> {
      const decide = () => {
        const state = stateNow();
        try {
          return decider.decide[name]?.(state, command, { now: 0, ...context });
        } finally {
          // A persistent map notes in its nodes that a copy shares them: what they hold is compared.
          const [after, before] = [snapshotOf(state), snapshotOf(stateNow())];
          expect(after, `${name} must not change the state it decides on`).toEqual(before);
        }
      };
      return {
        // biome-ignore lint/suspicious/noThenProperty: given, when, then; what when() returns is never awaited
        then(events) {
          expect(decide()?.map(encode)).toEqual(events);
        },
        refused(code, extras = {}) {
          const refusal = thrownBy(decide);
          expect(refusal).toBeInstanceOf(Problem);
          expect(refusal).toMatchObject({ code, extras });
        },
      };
    },
  };
}

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
