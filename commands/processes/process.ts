import type { CommandsOf, Decider, EventMap } from "../../src/engine/decider.ts";
import type { CommandContext, Outcome } from "../../src/engine/write/engine.ts";
import { deriveId, newId } from "../../src/values/ids.ts";
import { Problem, type ProblemCode } from "../../src/values/problem.ts";
import type { Shop } from "./shop.ts";

/**
 * On whose behalf a process runs, and by which clock (an import lives in the past). `commandId` is that of the
 * request: the step that decides has it, what follows from it names it as its cause.
 */
export type ProcessContext = Omit<CommandContext, "now"> & { clock: () => number };

/** For a process that nobody has asked for: a timer's, or a gateway's. */
export function systemContext(clock: () => number, actor: string): ProcessContext {
  return { clock, actor, commandId: newId(), correlationId: newId() };
}

/**
 * A process is a function over several streams that may run again from the top, at any time and in several
 * places at once. Its steps are commands, idempotent by their deciders; this is how it sends them.
 */
export interface Process {
  readonly shop: Shop;
  /** For a process that this one starts: caused by the same request, without its condition. */
  readonly context: ProcessContext;
  /** Epoch milliseconds. */
  now(): number;
  /** The step that decides: the request's own command, with its condition. */
  decide: Step;
  /** A step that is needed once: the process, the stream and the names are its id, whoever runs it. */
  once: NamedStep;
  /** A step that may be needed again, because what it did may have run out meanwhile. */
  again: Step;
}

/** Executes a command of a decider, on behalf of whoever it was made for. */
export type Step = <
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
  respond?: (state: State, revision: number) => R,
) => Promise<Outcome<R>>;

type NamedStep = <
  State,
  E extends EventMap,
  D extends Decider<State, E>,
  N extends keyof CommandsOf<D> & string,
  R = void,
>(
  names: readonly (string | number)[],
  decider: D & { initial: () => State },
  id: string,
  name: N,
  command: CommandsOf<D>[N],
  respond?: (state: State, revision: number) => R,
) => Promise<Outcome<R>>;

/** @param id of the process: its steps derive theirs from it */
export function processOf(shop: Shop, id: string, context: ProcessContext): Process {
  const { expectedRevision: _, since: __, ...unconditional } = context;
  const { clock, causationId = context.commandId, ...who } = unconditional;
  const step = (commandId: string): CommandContext => ({ ...who, causationId, commandId, now: clock() });
  return {
    shop,
    context: { ...unconditional, causationId },
    now: clock,
    decide: (decider, stream, name, command, respond) => {
      const { clock: ___, ...own } = context;
      return shop.engine.execute(decider, stream, name, command, { ...own, now: clock() }, respond);
    },
    once: (names, decider, stream, name, command, respond) =>
      shop.engine.execute(decider, stream, name, command, step(stepId(id, ...names)), respond),
    again: (decider, stream, name, command, respond) =>
      shop.engine.execute(decider, stream, name, command, step(newId()), respond),
  };
}

/** The command id of a step that `once` sends. */
export function stepId(processId: string, ...names: (string | number)[]): string {
  return deriveId("step", processId, ...names);
}

/** Problems that say something about the moment, and nothing about what was asked for. */
const passing: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  "too_much_contention",
  "unavailable",
  "internal_error",
]);

/** Whether an error is a decision, rather than trouble on the way to one. */
export function isRefusal(error: unknown): error is Problem {
  return error instanceof Problem && !passing.has(error.code);
}
