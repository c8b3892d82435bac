import { z } from "zod";
import { decider, event } from "../../src/engine/decider.ts";
import { Problem } from "../../src/values/problem.ts";

export const logEvents = {
  /** The log is being filled with the events of another one, whose id is `from`. Nobody else may write it. */
  LogFilling: event(z.strictObject({ from: z.string() })),
  /** It holds all of them. */
  LogFilled: event(z.strictObject({})),
  /** The shop goes on elsewhere: `to` names the place for people, `logId` the log there. */
  LogMoved: event(z.strictObject({ to: z.string(), logId: z.string() })),
  /** An operator wants the shop to go on here after all. */
  LogReopened: event(z.strictObject({})),
};

/** Whose turn it is to write a log. */
export type LogState =
  | { is: "open" }
  | { is: "filling"; from: string }
  | { is: "moved"; to: string; logId: string };

/** The one stream of it on each log. It is the log's own: no copy and no restore carries it to another log. */
export const logStateId = "state";
export const logStateStream = `log-${logStateId}`;

/** Whether the shop may write its log, for all processes that work on it (DISTRIBUTED.md, 20). */
export const logState = decider({
  category: "log",
  events: logEvents,
  initial: (): LogState => ({ is: "open" }),
  evolve: {
    LogFilling: (_, { from }): LogState => ({ is: "filling", from }),
    LogFilled: (): LogState => ({ is: "open" }),
    LogMoved: (_, { to, logId }): LogState => ({ is: "moved", to, logId }),
    LogReopened: (): LogState => ({ is: "open" }),
  },
  decide: {
    /** A log that the shop has left may be filled again: that is the way back. */
    Fill: (state: LogState, { from }: { from: string }) => {
      if (state.is === "filling" && state.from === from) return [];
      if (state.is === "filling")
        throw new Problem("illegal_transition", `it is being filled from the log ${state.from}`);
      return [{ type: "LogFilling" as const, data: { from } }];
    },

    Finish: (state: LogState, _: Record<never, never>) =>
      state.is === "filling" ? [{ type: "LogFilled" as const, data: {} }] : [],

    Move: (state: LogState, { to, logId }: { to: string; logId: string }) => {
      if (state.is === "moved" && state.logId === logId) return [];
      const refusal = refusalOf(state);
      if (refusal) throw refusal;
      return [{ type: "LogMoved" as const, data: { to, logId } }];
    },

    Reopen: (state: LogState, _: Record<never, never>) =>
      state.is === "open" ? [] : [{ type: "LogReopened" as const, data: {} }],
  },
});

/** What commands are answered while the log is not the shop's to write. */
export function refusalOf(state: LogState): Problem | undefined {
  switch (state.is) {
    case "open":
      return undefined;
    case "filling":
      return new Problem("unavailable", "this shop is being copied here and is not whole yet");
    case "moved":
      return new Problem("unavailable", `this shop has moved to ${state.to}`);
  }
}
