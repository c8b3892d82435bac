import { z } from "zod";
import { decider, type EventOf, event } from "../../src/engine/decider.ts";
import { Problem } from "../../src/values/problem.ts";

export const keyEvents = {
  /**
   * A client's idempotency key is taken for one request, before that has any effect: `fingerprint` is of its
   * method, path and body, `stream` where its effect will be, `revision` where that stream stood then.
   */
  KeyTaken: event(z.object({ fingerprint: z.string(), stream: z.string(), revision: z.int().min(-1) })),
  /** Its request succeeded without any effect: nothing else says so. `revision` is where the stream stood then. */
  KeyDone: event(z.object({ revision: z.int().min(-1) })),
};

type KeyEvent = EventOf<typeof keyEvents>;

/** `uses` counts the requests that the key was taken for, one after the other had expired. */
export interface KeyState {
  uses: number;
  fingerprint: string;
  stream: string;
  revision: number;
  /** Epoch milliseconds. */
  takenAt: number;
  /** Where the stream stood when its request had succeeded without an effect. */
  done?: number;
}

interface Take {
  fingerprint: string;
  /** What the same request was known by before. */
  formerly?: string;
  stream: string;
  revision: number;
  lifeMs: number;
  /** Only if nobody has ever had it: what it is taken for was made for its first use. */
  isFirst?: true;
}

/** One key of one client. Its stream says who was first, on whatever stream the effect lands. */
export const key = decider({
  category: "key",
  events: keyEvents,
  initial: (): KeyState => ({ uses: 0, fingerprint: "", stream: "", revision: -1, takenAt: 0 }),
  evolve: {
    KeyTaken: ({ uses }, data, { time }): KeyState => ({ ...data, uses: uses + 1, takenAt: time }),
    KeyDone: (state, { revision }): KeyState => ({ ...state, done: revision }),
  },
  decide: {
    Take: (state: KeyState, { lifeMs, isFirst, formerly, ...taken }: Take, { now }): KeyEvent[] => {
      if (isFirst && state.uses > 0 && !isLive(state, lifeMs, now)) return [];
      if (!isLive(state, lifeMs, now)) return [{ type: "KeyTaken", data: taken }];
      requireSameRequest(state, taken.fingerprint, formerly);
      return [];
    },

    Finish: (state: KeyState, { revision }: { revision: number }): KeyEvent[] =>
      state.uses > 0 && state.done === undefined ? [{ type: "KeyDone", data: { revision } }] : [],
  },
});

/** Whether the key still stands for the request that took it. */
export function isLive({ uses, takenAt }: KeyState, lifeMs: number, now: number): boolean {
  return uses > 0 && now < takenAt + lifeMs;
}

/** @throws Problem idempotency_key_reused */
export function requireSameRequest(
  of: { fingerprint: string },
  ...fingerprints: readonly (string | undefined)[]
): void {
  if (!fingerprints.includes(of.fingerprint))
    throw new Problem("idempotency_key_reused", "this idempotency key was used for another request");
}
