import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { Problem } from "../values/problem.ts";
import type { WebhookEvent } from "./gateway.ts";

const webhookToleranceSeconds = 300;
const name = z.string().min(1).max(200);
const reason = z.string().max(500).optional();
const of = { id: name, paymentId: name };

/** What the sandbox sends. Amounts are minor units. */
export const sandboxEventSchema = z.discriminatedUnion("type", [
  z.strictObject({ ...of, type: z.literal("payment.authorized"), reference: name.optional() }),
  z.strictObject({ ...of, type: z.literal("payment.failed"), reason }),
  z.strictObject({ ...of, type: z.literal("refund.succeeded"), refundId: name }),
  z.strictObject({ ...of, type: z.literal("refund.failed"), refundId: name, reason }),
  z.strictObject({
    ...of,
    type: z.literal("dispute.opened"),
    disputeId: name,
    amount: z.int().min(1),
    reason,
  }),
  z.strictObject({ ...of, type: z.literal("dispute.won"), disputeId: name }),
  z.strictObject({ ...of, type: z.literal("dispute.lost"), disputeId: name }),
]);
export type SandboxEvent = z.output<typeof sandboxEventSchema>;

/**
 * @param referenceOf an authorization of a payment
 * @throws Problem unauthorized when it is not signed or too old; malformed_request, validation_failed
 */
export function readSandboxWebhook(
  body: string,
  signature: string | undefined,
  { secret, now, referenceOf }: { secret: string; now: number; referenceOf: (paymentId: string) => string },
): WebhookEvent {
  verifySignature(body, signature, secret, now);
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw new Problem("malformed_request", "the webhook is not JSON");
  }
  const parsed = sandboxEventSchema.safeParse(json);
  if (!parsed.success)
    throw new Problem("validation_failed", "the webhook is not one the sandbox sends", {
      errors: parsed.error.issues.map(({ path, message }) => ({ path: path.join("."), message })),
    });
  const { id, paymentId } = parsed.data;
  return { id, paymentId, outcome: outcomeOf(parsed.data, referenceOf) };
}

function outcomeOf(event: SandboxEvent, referenceOf: (paymentId: string) => string): WebhookEvent["outcome"] {
  switch (event.type) {
    case "payment.authorized":
      return { status: "authorized", reference: event.reference ?? referenceOf(event.paymentId) };
    case "payment.failed":
      return { status: "failed", reason: event.reason ?? "the action failed" };
    case "refund.succeeded":
      return { status: "refund_succeeded", refundId: event.refundId, reference: event.id };
    case "refund.failed":
      return {
        status: "refund_failed",
        refundId: event.refundId,
        reason: event.reason ?? "the bank refused",
      };
    case "dispute.opened": {
      const { disputeId, amount, reason = "not recognised" } = event;
      return { status: "dispute_opened", disputeId, amount, reason };
    }
    case "dispute.won":
      return { status: "dispute_ended", disputeId: event.disputeId, won: true };
    case "dispute.lost":
      return { status: "dispute_ended", disputeId: event.disputeId, won: false };
  }
}

/** @returns the header that `readWebhook` accepts, for tests and for trying webhooks by hand */
export function signWebhook(body: string, secret: string, epochSeconds: number): string {
  const signature = createHmac("sha256", secret).update(`${epochSeconds}.${body}`).digest("hex");
  return `t=${epochSeconds},v1=${signature}`;
}

function verifySignature(body: string, header: string | undefined, secret: string, now: number): void {
  const seconds = /^t=(\d{1,12}),v1=[0-9a-f]{64}$/.exec(header ?? "")?.[1];
  if (seconds === undefined) throw new Problem("unauthorized", "the webhook is not signed");
  const expected = Buffer.from(signWebhook(body, secret, Number(seconds)));
  const given = Buffer.from(header ?? "");
  if (expected.length !== given.length || !timingSafeEqual(expected, given))
    throw new Problem("unauthorized", "the webhook's signature is wrong");
  if (Math.abs(now / 1000 - Number(seconds)) > webhookToleranceSeconds)
    throw new Problem("unauthorized", `the webhook is more than ${webhookToleranceSeconds} s old`);
}
