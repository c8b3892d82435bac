import { z } from "zod";
import { event } from "../../src/engine/decider.ts";

/** An event of the log: by its stream, for positions are another's once a shop has moved to another log. */
const placeSchema = z.object({ stream: z.string(), revision: z.int().min(0) });
export type Place = z.output<typeof placeSchema>;

const topics = z.array(z.string()).min(1);

export const subscriptionEvents = {
  /** From here on the log: what came before is only sent by a replay. */
  SubscriptionCreated: event(z.object({ url: z.string(), topics, description: z.string().optional() })),
  /** Only what has changed; `null` where it was cleared. */
  SubscriptionChanged: event(
    z.object({ url: z.string().optional(), topics: topics.optional(), description: z.string().nullish() }),
  ),
  SubscriptionEnabled: event(z.object({})),
  /** With a reason its deliveries were given up; else staff has turned it off. */
  SubscriptionDisabled: event(z.object({ reason: z.string().optional() })),
  SubscriptionSecretRotated: event(z.object({})),
  /** `from` is the first event that is sent again; without it the log's first. */
  ReplayRequested: event(
    z.object({ from: placeSchema.optional(), notBefore: z.string().optional(), topics: topics.optional() }),
  ),
  /**
   * Up to here all was delivered that it asks for; once for many deliveries. `run` counts replays: what was reached
   * before one says nothing after it. `over`: what was to be sent again was.
   */
  DeliveriesReached: event(
    z.object({ run: z.int().min(0), at: placeSchema, over: z.literal(true).optional() }),
  ),
  DeliveriesFailing: event(z.object({ since: z.string(), reason: z.string() })),
  SubscriptionDeleted: event(z.object({})),
};
