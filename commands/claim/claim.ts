import { z } from "zod";
import { decider, type EventOf, event } from "../../src/engine/decider.ts";
import { illegalTransition, Problem } from "../../src/values/problem.ts";

const holderCharactersMax = 200;

const holderSchema = z.strictObject({
  holder: z.string().min(1).max(holderCharactersMax),
  /** How the value was first written, where it is known by another form. */
  spelling: z.string().min(1).max(holderCharactersMax).optional(),
});

export const claimEvents = {
  Claimed: event(holderSchema),
  ClaimReleased: event(holderSchema),
};

export type ClaimEvent = EventOf<typeof claimEvents>;

/** What must be unique over all streams. No kind holds a dash, so kind and value cannot be confused. */
export type ClaimKind = "slug" | "sku" | "orderNumber" | "email" | "activeCart";

/** Who holds a value; `since` in epoch milliseconds. */
export type ClaimState =
  | { held: false }
  | { held: true; holder: string; since: number; spelling?: string | undefined };

interface Claim {
  holder: string;
  spelling?: string;
}

interface TakeOver {
  from: string;
  holder: string;
  spelling?: string;
}

interface Release {
  holder: string;
}

/**
 * One value, one holder: a stream per value gives what no read model can promise.
 *
 * - Claim: `already_exists` with `holder` and `since` when another holds it.
 * - TakeOver: only from the holder that was named, else `already_exists`, or `illegal_transition` when
 *   nobody holds it. A holder that takes over from itself renews its claim.
 * - Release: does nothing unless the holder is the one that was named.
 */
export const claim = decider({
  category: "claim",
  events: claimEvents,
  initial: (): ClaimState => ({ held: false }),
  evolve: {
    Claimed: (_, { holder, spelling }, { time }): ClaimState => ({
      held: true,
      holder,
      since: time,
      spelling,
    }),
    ClaimReleased: (): ClaimState => ({ held: false }),
  },
  decide: {
    Claim: (state: ClaimState, { holder, spelling }: Claim): ClaimEvent[] => {
      if (!state.held) return [{ type: "Claimed", data: holding({ holder, spelling }) }];
      if (state.holder === holder) return [];
      throw heldBy(state);
    },
    TakeOver: (state: ClaimState, { from, holder, spelling }: TakeOver): ClaimEvent[] => {
      if (!state.held) throw illegalTransition(`${from} no longer holds this claim`);
      if (state.holder === from) return [{ type: "Claimed", data: holding({ holder, spelling }) }];
      if (state.holder === holder) return [];
      throw heldBy(state);
    },
    Release: (state: ClaimState, { holder }: Release): ClaimEvent[] =>
      state.held && state.holder === holder ? [{ type: "ClaimReleased", data: holding(state) }] : [],
  },
});

function holding({ holder, spelling }: { holder: string; spelling?: string | undefined }) {
  return { holder, ...(spelling !== undefined && { spelling }) };
}

/** The stream id of a claim. Values are compared as they are: case and Unicode form count. */
export function claimId(kind: ClaimKind, value: string): string {
  return `${kind}-${value}`;
}

function heldBy({ holder, since }: ClaimState & { held: true }): Problem {
  return new Problem("already_exists", `it is held by ${holder}`, { holder, since });
}
