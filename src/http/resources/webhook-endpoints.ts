import { z } from "zod";
import type { Endpoint } from "../../../commands/subscription/state.ts";
import { isoTime } from "../../values/clock.ts";
import { pageOf } from "./lists.ts";

export const webhookEndpoint = z
  .strictObject({
    id: z.string(),
    url: z.string(),
    topics: z.array(z.string()),
    description: z.string().optional(),
    /** `failing`: what it does not take is sent again, later and later; `disabled`: it is sent nothing. */
    status: z.enum(["enabled", "failing", "disabled"]),
    /** Why its deliveries fail, or were given up, and since when they fail. */
    reason: z.string().optional(),
    failingSince: z.string().optional(),
    /** A replay is under way. */
    replaying: z.boolean(),
    secretRotatedAt: z.string().optional(),
    createdAt: z.string(),
    updatedAt: z.string(),
  })
  .meta({ id: "WebhookEndpoint" });

/** With the secret that its messages are signed with, which is shown this once. */
export const webhookEndpointWithSecret = webhookEndpoint
  .extend({ secret: z.string() })
  .meta({ id: "WebhookEndpointWithSecret" });

export const webhookEndpointList = pageOf(webhookEndpoint).meta({ id: "WebhookEndpointList" });

export const webhookEndpointDeleted = z
  .strictObject({ id: z.string(), deleted: z.literal(true) })
  .meta({ id: "WebhookEndpointDeleted" });

export const webhookTestAnswer = z
  .strictObject({
    /** Of the message that was sent. */
    messageId: z.string(),
    delivered: z.boolean(),
    /** What the receiver has answered, where it did. */
    status: z.int().optional(),
    reason: z.string().optional(),
  })
  .meta({ id: "WebhookTest" });

export function endpointView(id: string, endpoint: Endpoint): z.output<typeof webhookEndpoint> {
  const { url, topics, description, enabled, failing, gaveUp, rotatedAt, replay } = endpoint;
  const reason = enabled ? failing?.reason : gaveUp;
  return {
    id,
    url,
    topics: [...topics],
    ...(description !== undefined && { description }),
    status: !enabled ? "disabled" : failing ? "failing" : "enabled",
    ...(reason !== undefined && { reason }),
    ...(failing && { failingSince: isoTime(failing.since) }),
    replaying: replay !== undefined,
    ...(rotatedAt !== undefined && { secretRotatedAt: isoTime(rotatedAt) }),
    createdAt: isoTime(endpoint.createdAt),
    updatedAt: isoTime(endpoint.updatedAt),
  };
}
