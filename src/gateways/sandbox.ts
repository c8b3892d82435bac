import { setTimeout as sleep } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import { atMost } from "../values/at-most.ts";
import { deriveId } from "../values/ids.ts";
import {
  type AuthorizationResult,
  GatewayOutcomeUnknown,
  type MoneyRequest,
  type MoneyResult,
  type PaymentGateway,
  type PaymentRequest,
} from "./gateway.ts";
import { readSandboxWebhook, signWebhook } from "./sandbox-webhooks.ts";

const paymentsRememberedMax = 100_000;
const slowAnswerMs = 2_000;
const finalMs = 60_000;

export interface SandboxGatewayOptions {
  /** Signs webhooks: `Webhook-Signature: t=<epoch seconds>,v1=<hex HMAC-SHA256 of "t.body">`. */
  webhookSecret: string;
}

/** Authorizations that fare in a way of their own later: their tokens are `tok_` and these, their references tell. */
const fates = [
  /** Can be captured once: what that leaves is lost. */
  "single_capture",
  "capture_refused",
  /** The first capture is refused, another one goes through. */
  "capture_refused_once",
  /** It has run out when it is captured. */
  "expired",
  /** The gateway has captured it by itself: it cannot be given back, but refunded. */
  "captured",
  "refund_refused",
  /** Refunds are on their way until a webhook tells what has become of them. */
  "refund_pending",
] as const;
type Fate = (typeof fates)[number];
const isFate = (name: string): name is Fate => (fates as readonly string[]).includes(name);

/**
 * A gateway that moves no money. The token decides what happens: `tok_ok` (or none) authorizes,
 * `tok_declined` is declined, `tok_error_once` breaks off once with an unknown outcome and turns out to have
 * authorized, `tok_slow` answers after two seconds, `tok_action` needs an action and a webhook. What happens later
 * to an authorization is told by tokens that are named after its fate.
 */
export function createSandboxGateway({ webhookSecret }: SandboxGatewayOptions): PaymentGateway {
  const seen = new LRUCache<string, AuthorizationResult>(atMost(paymentsRememberedMax));
  /** Captures that were refused, by the authorization's reference. */
  const refusedOnce = new LRUCache<string, string>(atMost(paymentsRememberedMax));

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

  function capture({ idempotencyKey, reference }: MoneyRequest): MoneyResult {
    const fate = fateOf(reference);
    if (fate === "capture_refused") return { status: "refused", reason: "the bank refused the capture" };
    if (fate === "expired") return { status: "refused", reason: "the authorization has expired" };
    if (fate === "capture_refused_once") {
      const refused = refusedOnce.get(reference) ?? idempotencyKey;
      refusedOnce.set(reference, refused);
      if (refused === idempotencyKey) return { status: "refused", reason: "the bank refused the capture" };
    }
    return { status: "done", reference: referenceOf("cap", idempotencyKey) };
  }

  function refund({ idempotencyKey, reference }: MoneyRequest): MoneyResult {
    const fate = fateOf(reference);
    if (fate === "refund_refused") return { status: "refused", reason: "the card's bank refused the refund" };
    if (fate === "refund_pending") return { status: "pending" };
    return { status: "done", reference: referenceOf("re", idempotencyKey) };
  }

  return {
    name: "sandbox",
    finalMs,
    authorize,
    lookup: async (idempotencyKey) => seen.get(idempotencyKey),
    capture: async (request) => capture(request),
    void: async ({ idempotencyKey, reference }) =>
      fateOf(reference) === "captured"
        ? { status: "refused", reason: "it was captured", isCaptured: true }
        : { status: "done", reference: referenceOf("void", idempotencyKey) },
    refund: async (request) => refund(request),
    sign: (body, now) => signWebhook(body, webhookSecret, Math.floor(now / 1_000)),
    readWebhook: (body, signature, now) =>
      readSandboxWebhook(body, signature, {
        secret: webhookSecret,
        now,
        referenceOf: (paymentId) => referenceOf("auth", paymentId),
      }),
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
  }
  const fate = token.slice("tok_".length);
  if (!token.startsWith("tok_") || !isFate(fate))
    return { status: "declined", reason: `the sandbox does not know the token ${JSON.stringify(token)}` };
  const authorized = {
    status: "authorized" as const,
    reference: referenceOf(`auth_${fate}`, idempotencyKey),
  };
  return fate === "single_capture" ? { ...authorized, singleCapture: true } : authorized;
}

function referenceOf(prefix: string, idempotencyKey: string): string {
  return `${prefix}_${deriveId("sandbox", idempotencyKey).replaceAll("-", "").slice(0, 24)}`;
}

function fateOf(reference: string): Fate | undefined {
  const fate = /^auth_([a-z_]+)_[0-9a-f]{24}$/.exec(reference)?.[1] ?? "";
  return isFate(fate) ? fate : undefined;
}
