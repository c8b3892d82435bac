import { z } from "zod";
import { decider, event } from "../../src/engine/decider.ts";

export const answerEvents = {
  /** Version 0.1 kept the whole answer to a keyed request. Nothing writes it any more. */
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
  /** Epoch milliseconds. */
  storedAt: number;
}

/** What version 0.1 answered to one idempotency key of one client: it is answered again as long as keys live. */
export const storedAnswer = decider({
  category: "answer",
  events: answerEvents,
  initial: (): { stored?: StoredAnswer } => ({}),
  evolve: {
    AnswerStored: (_, data, { time }): { stored?: StoredAnswer } => ({ stored: { ...data, storedAt: time } }),
  },
  decide: {},
  weigh: ({ stored }) => (stored ? stored.body.length : 0),
});
