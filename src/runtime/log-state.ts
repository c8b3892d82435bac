import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { logState, logStateId, refusalOf } from "../../commands/log/log-state.ts";
import type { Engine } from "../engine/write/engine.ts";
import type { EventStore } from "../stores/event-store/event-store.ts";

/** How long after an event has closed a log, or opened it again, every process knows; and a read besides. */
const lookEveryMs = 1_000;

/**
 * Refuses commands while the log says that it is not the shop's to write (DISTRIBUTED.md, 20). Where other processes
 * may say so, the log is looked at every second: a subscription that hangs would not tell.
 *
 * @returns ends the watch
 */
export async function obeyLogState(parts: {
  engine: Engine;
  events: EventStore;
  log: Logger;
}): Promise<() => Promise<void>> {
  await look(parts);
  if (parts.events.soleWriter) return async () => {};
  const over = new AbortController();
  const watched = watch(parts, over.signal);
  return async () => {
    over.abort();
    await watched;
  };
}

async function watch(parts: Parameters<typeof obeyLogState>[0], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(lookEveryMs, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) return;
    // While the log is away it cannot be written either.
    await look(parts).catch((error: unknown) => parts.log.debug({ err: error }, "the log is away"));
  }
}

async function look({ engine, log }: Parameters<typeof obeyLogState>[0]): Promise<void> {
  const refusal = await engine.read(logState, logStateId, refusalOf);
  if (refusal?.message === engine.refusal?.message) return;
  if (refusal) log.warn(`${refusal.message}: commands are refused, and nothing that is due is done`);
  else log.warn("commands are taken again");
  engine.refuse(refusal);
}
