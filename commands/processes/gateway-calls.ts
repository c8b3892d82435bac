import { setTimeout as sleep } from "node:timers/promises";
import {
  type AuthorizationResult,
  GatewayOutcomeUnknown,
  type MoneyResult,
  type PaymentRequest,
} from "../../src/gateways/gateway.ts";
import type { Shop } from "./shop.ts";

const gatewayTriesMax = 4;
const gatewayPauseMs = 100;

/** Unknown is not refused: what a gateway has not answered is asked for again, later. */
export type Answered<T> = T | undefined;

/**
 * Authorizes, or learns what became of an earlier call with this key. An unknown outcome is asked for, never
 * assumed. The whole takes at most `gatewayTimeoutMs`.
 */
export function askAuthorization(
  shop: Shop,
  request: PaymentRequest,
): Promise<Answered<AuthorizationResult>> {
  const { gateway } = shop;
  return persistently(shop, async (attempt) => {
    const earlier = attempt > 0 ? await gateway.lookup(request.idempotencyKey) : undefined;
    return earlier ?? gateway.authorize(request);
  });
}

/** What became of an authorization; null when the gateway says that it knows of none. */
export function lookUp(shop: Shop, key: string): Promise<Answered<AuthorizationResult | null>> {
  return persistently(shop, async () => (await shop.gateway.lookup(key)) ?? null);
}

/** Money moves once per key, so asking again until there is an answer is safe. */
export function moveMoney(shop: Shop, call: () => Promise<MoneyResult>): Promise<Answered<MoneyResult>> {
  return persistently(shop, call);
}

/** A few tries within one bound; @returns undefined when there is no answer by then */
async function persistently<T>(
  { settings }: Shop,
  call: (attempt: number) => Promise<T>,
): Promise<Answered<T>> {
  const until = performance.now() + settings.gatewayTimeoutMs;
  for (let attempt = 0; attempt < gatewayTriesMax; attempt++) {
    if (attempt > 0) await sleep(gatewayPauseMs * 2 ** attempt * (0.5 + Math.random()));
    const leftMs = until - performance.now();
    if (leftMs <= 0) return undefined;
    try {
      return await within(leftMs, call(attempt));
    } catch (error) {
      if (!(error instanceof GatewayOutcomeUnknown)) throw error;
    }
  }
  return undefined;
}

async function within<T>(timeoutMs: number, call: Promise<T>): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => timeout.reject(new GatewayOutcomeUnknown(`no answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    return await Promise.race([call, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
