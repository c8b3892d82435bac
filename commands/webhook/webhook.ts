import { z } from "zod";
import { decider, type EventOf, event } from "../../src/engine/decider.ts";
import { Problem } from "../../src/values/problem.ts";

const outcomeSchema = z.discriminatedUnion("status", [
  z.object({ status: z.literal("authorized"), reference: z.string() }),
  z.object({ status: z.literal("failed"), reason: z.string() }),
  z.object({ status: z.literal("refund_succeeded"), refundId: z.string(), reference: z.string() }),
  z.object({ status: z.literal("refund_failed"), refundId: z.string(), reason: z.string() }),
  z.object({
    status: z.literal("dispute_opened"),
    disputeId: z.string(),
    amount: z.int().min(1),
    reason: z.string(),
  }),
  z.object({ status: z.literal("dispute_ended"), disputeId: z.string(), won: z.boolean() }),
]);

export const webhookEvents = {
  /** A gateway has told something: kept first, done then. */
  WebhookReceived: event(z.object({ gateway: z.string(), paymentId: z.string(), outcome: outcomeSchema })),
  WebhookHandled: event(z.object({ how: z.enum(["done", "given_up"]) })),
};

type WebhookEvent = EventOf<typeof webhookEvents>;

export interface ReceivedWebhook {
  phase: "received" | "handled";
  gateway: string;
  paymentId: string;
  outcome: z.output<typeof outcomeSchema>;
  /** Epoch milliseconds. */
  receivedAt: number;
}

export type Webhook = { phase: "absent" } | ReceivedWebhook;

/** One event of a gateway, by the gateway's name and its id there: however often it comes, it is kept once. */
export const webhook = decider({
  category: "webhook",
  events: webhookEvents,
  initial: (): Webhook => ({ phase: "absent" }),
  evolve: {
    WebhookReceived: (_, data, { time }): Webhook => ({ phase: "received", ...data, receivedAt: time }),
    WebhookHandled: (state): Webhook => (state.phase === "absent" ? state : { ...state, phase: "handled" }),
  },
  decide: {
    Receive: (state: Webhook, command: Omit<ReceivedWebhook, "phase" | "receivedAt">): WebhookEvent[] => {
      if (state.phase === "absent") return [{ type: "WebhookReceived", data: command }];
      if (state.paymentId !== command.paymentId)
        throw new Problem("already_exists", "this event of the gateway was about another payment");
      return [];
    },
    Finish: (state: Webhook, { how }: { how: "done" | "given_up" }): WebhookEvent[] =>
      state.phase === "received" ? [{ type: "WebhookHandled", data: { how } }] : [],
  },
});

export function webhookId(gateway: string, eventId: string): string {
  return `${gateway}-${eventId}`;
}
