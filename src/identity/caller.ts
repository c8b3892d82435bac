import type { Step } from "../../commands/processes/process.ts";
import type { CommandContext, Engine } from "../engine/write/engine.ts";
import { newId } from "../values/ids.ts";

/** On whose behalf, and from where, something is done to an account. */
export type Who = Omit<CommandContext, "commandId" | "now">;

/** Who has asked, and how what they have asked for is done. */
export interface Caller {
  /** Epoch milliseconds. */
  now(): number;
  execute: Step;
}

export function callerOf(engine: Engine, who: Who, clock: () => number): Caller {
  return {
    now: clock,
    execute: (decider, id, name, command, respond) =>
      engine.execute(decider, id, name, command, { ...who, commandId: newId(), now: clock() }, respond),
  };
}
