import type { Runtime } from "../../runtime/runtime.ts";
import type { Position } from "../../stores/event-store/event-store.ts";

export interface ModelLag {
  name: string;
  position: Position;
  head: Position;
  /** Events of the log that it has not looked at yet; null where the log cannot count them. */
  lagEvents: number | null;
  /** Since the oldest event that is not applied yet was decided. */
  lagMs: number;
  /** Since the model has been seen behind without moving; 0 while it moves. */
  stalledMs: number;
}

/** How far each read model is behind the log. */
export type LagWatch = () => Promise<ModelLag[]>;

export function createLagWatch({ models, events, clock }: Runtime): LagWatch {
  /** Where each model that is behind was seen first. An import's events are old, so their age proves nothing. */
  const seen = new Map<string, { position: Position; at: number }>();

  function stalledMs(name: string, position: Position, head: Position): number {
    const now = performance.now();
    const before = seen.get(name);
    if (position >= head) seen.delete(name);
    else if (before?.position !== position) seen.set(name, { position, at: now });
    else return Math.round(now - before.at);
    return 0;
  }

  return async () => {
    const head = await events.head();
    const ages = new Map<Position, Promise<number>>();
    const ageBehind = async (position: Position): Promise<number> => {
      const { events: next } = await events.readAll({ after: position, maxCount: 1 });
      return Math.max(0, clock() - (next[0]?.time ?? clock()));
    };
    const lagOf = async (name: string): Promise<ModelLag> => {
      const { position } = models.progress(name);
      const stalled = stalledMs(name, position, head);
      if (position >= head) return { name, position, head, lagEvents: 0, lagMs: 0, stalledMs: stalled };
      const age = ages.get(position) ?? ageBehind(position);
      ages.set(position, age);
      const lagEvents = (await events.countBetween(position, head)) ?? null;
      return { name, position, head, lagEvents, lagMs: await age, stalledMs: stalled };
    };
    return Promise.all(models.names.map(lagOf));
  };
}
