import { type LogState, logEvents, logState, logStateId } from "../../commands/log/log-state.ts";
import { createCodec } from "../engine/codec.ts";
import { Engine } from "../engine/write/engine.ts";
import type { EventStore } from "../stores/event-store/event-store.ts";
import { newId } from "../values/ids.ts";
import { Problem } from "../values/problem.ts";
import { Refused } from "./session.ts";

/** For the log's own stream, and no other. */
export function engineOn(events: EventStore): Engine {
  return new Engine({ events, codec: createCodec(logEvents) });
}

export function stateOf(engine: Engine): Promise<LogState> {
  return engine.read(logState, logStateId, (state) => state);
}

/**
 * Says whose turn it is to write a log.
 * @returns whether that is new
 * @throws Refused
 */
export async function asLog<N extends keyof typeof logState.decide>(
  engine: Engine,
  name: N,
  command: Parameters<(typeof logState.decide)[N]>[1],
): Promise<boolean> {
  const context = { commandId: newId(), now: Date.now(), actor: "system:copy", correlationId: newId() };
  try {
    const { changed } = await engine.execute(logState, logStateId, name, command as never, context);
    return changed;
  } catch (error) {
    if (error instanceof Problem) throw new Refused(error.message, { cause: error });
    throw error;
  }
}
