import { z } from "zod";
import { decider, event } from "../../src/engine/decider.ts";
import { Problem } from "../../src/values/problem.ts";

export const answerEvents = {
  /** The answer to a request with an idempotency key. It holds no personal data: it lives as long as the log. */
  AnswerStored: event(
    z.object({
      fingerprint: z.string(),
      status: z.int(),
      headers: z.record(z.string(), z.string()),
      body: z.string(),
    }),
  ),
};

export interface StoredAnswer {
  fingerprint: string;
  status: number;
  headers: Record<string, string>;
  body: string;
}

export type Answer = { stored: false } | ({ stored: true } & StoredAnswer);

/** What was answered to one idempotency key of one client. */
export const answer = decider({
  category: "answer",
  events: answerEvents,
  initial: (): Answer => ({ stored: false }),
  evolve: {
    AnswerStored: (_, data): Answer => ({ stored: true, ...data }),
  },
  decide: {
    /** The first answer stays. */
    Store: (state, command: StoredAnswer) => {
      if (!state.stored) return [{ type: "AnswerStored", data: command }];
      requireSameRequest(state, command.fingerprint);
      return [];
    },
  },
  weigh: (state) => (state.stored ? state.body.length : 0),
});

/** @throws Problem idempotency_key_reused */
export function requireSameRequest({ fingerprint }: StoredAnswer, ofThisRequest: string): void {
  if (fingerprint !== ofThisRequest)
    throw new Problem("idempotency_key_reused", "this idempotency key was used for another request");
}
