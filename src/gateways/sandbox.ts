import { createHmac, timingSafeEqual } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import { deriveId } from "../values/ids.ts";
import { Problem } from "../values/problem.ts";
import {
  type AuthorizationResult,
  GatewayOutcomeUnknown,
  type PaymentGateway,
  type PaymentRequest,
  type WebhookEvent,
} from "./gateway.ts";

const paymentsRememberedMax = 100_000;
const slowAnswerMs = 2_000;
const finalMs = 60_000;
const webhookToleranceSeconds = 300;

export interface SandboxGatewayOptions {
  /** Signs webhooks: `Webhook-Signature: t=<epoch seconds>,v1=<hex HMAC-SHA256 of "t.body">`. */
  webhookSecret: string;
}

/**
 * A gateway that moves no money. The token decides what happens: `tok_ok` (or none) authorizes,
 * `tok_declined` is declined, `tok_error_once` breaks off once with an unknown outcome and turns out to have
 * authorized, `tok_slow` answers after two seconds, `tok_action` needs an action and a webhook.
 */
export function createSandboxGateway({ webhookSecret }: SandboxGatewayOptions): PaymentGateway {
  const seen = new LRUCache<string, AuthorizationResult>({ max: paymentsRememberedMax });

  async function authorize(request: PaymentRequest): Promise<AuthorizationResult> {
    const { idempotencyKey, token = "tok_ok" } = request;
    const known = seen.get(idempotencyKey);
    if (known) return known;
    const result = resultOf(request, token);
    if (token === "tok_slow") await sleep(slowAnswerMs);
    seen.set(idempotencyKey, result);
    if (token === "tok_error_once") throw new GatewayOutcomeUnknown("the connection broke off");
    return result;
  }

  return {
    name: "sandbox",
    finalMs,
    authorize,
    lookup: async (idempotencyKey) => seen.get(idempotencyKey),
    capture: async ({ idempotencyKey }) => ({
      status: "done",
      reference: referenceOf("cap", idempotencyKey),
    }),
    void: async ({ idempotencyKey }) => ({ status: "done", reference: referenceOf("void", idempotencyKey) }),
    refund: async ({ idempotencyKey }) => ({ status: "done", reference: referenceOf("re", idempotencyKey) }),
    readWebhook: (body, signature, now) => {
      verifySignature(body, signature, webhookSecret, now);
      return parseWebhook(body);
    },
  };
}

function resultOf({ idempotencyKey, paymentId }: PaymentRequest, token: string): AuthorizationResult {
  switch (token) {
    case "tok_ok":
    case "tok_slow":
    case "tok_error_once":
      return { status: "authorized", reference: referenceOf("auth", idempotencyKey) };
    case "tok_declined":
      return { status: "declined", reason: "the card was declined" };
    case "tok_action":
      return { status: "action_required", actionUrl: `https://sandbox.invalid/action/${paymentId}` };
    default:
      return { status: "declined", reason: `the sandbox does not know the token ${JSON.stringify(token)}` };
  }
}

function referenceOf(prefix: string, idempotencyKey: string): string {
  return `${prefix}_${deriveId("sandbox", idempotencyKey).replaceAll("-", "").slice(0, 24)}`;
}

const webhookSchema = z.strictObject({
  id: z.string().min(1).max(200),
  type: z.enum(["payment.authorized", "payment.failed"]),
  paymentId: z.string().min(1).max(200),
  reference: z.string().min(1).max(200).optional(),
  reason: z.string().max(500).optional(),
});

function parseWebhook(body: string): WebhookEvent {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw new Problem("malformed_request", "the webhook is not JSON");
  }
  const parsed = webhookSchema.safeParse(json);
  if (!parsed.success)
    throw new Problem("validation_failed", "the webhook is not one the sandbox sends", {
      errors: parsed.error.issues.map(({ path, message }) => ({ path: path.join("."), message })),
    });
  const { id, type, paymentId, reference, reason } = parsed.data;
  if (type === "payment.failed")
    return { id, paymentId, outcome: { status: "failed", reason: reason ?? "the action failed" } };
  return {
    id,
    paymentId,
    outcome: { status: "authorized", reference: reference ?? referenceOf("auth", paymentId) },
  };
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
