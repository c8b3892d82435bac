import { z } from "zod";
import { type DataOf, decider, type EventOf, event } from "../../src/engine/decider.ts";
import { OrderedMap } from "../../src/values/ordered-map.ts";
import { illegalTransition, notFound, Problem } from "../../src/values/problem.ts";
import { type Permission, permissionNames } from "./permissions.ts";

/** The one stream of all keys of a shop: what a key may do is decided at one revision, and listed without a read model. */
export const apiKeysId = "all";
/** Revoked ones included: they stay, for events name them. */
export const apiKeysMax = 1_000;
export const keyDaysMax = 400;
export const keyDaysDefault = 90;
/** How long the secret before the last one is good. */
export const overlapMsMax = 7 * 86_400_000;

const scopes = z.array(z.enum(permissionNames)).min(1);

export const apiKeyEvents = {
  /** Its secret is derived from a key of the vault, its id and how often it was rotated: the log holds none of it. */
  ApiKeyCreated: event(z.object({ keyId: z.string(), name: z.string(), scopes, expiresAt: z.string() })),
  /** The secret before is good until `overlapUntil`. */
  ApiKeyRotated: event(z.object({ keyId: z.string(), expiresAt: z.string(), overlapUntil: z.string() })),
  ApiKeyRevoked: event(z.object({ keyId: z.string() })),
};

type ApiKeyEvent = EventOf<typeof apiKeyEvents>;
type Data<K extends keyof typeof apiKeyEvents> = DataOf<typeof apiKeyEvents, K>;

/** Times are epoch milliseconds. */
export interface ApiKey {
  readonly keyId: string;
  readonly name: string;
  readonly scopes: readonly Permission[];
  readonly createdAt: number;
  readonly expiresAt: number;
  /** How long it was to live when it was made, or rotated last. */
  readonly lifeMs: number;
  /** How often its secret was made anew. */
  readonly rotation: number;
  /** Until when the secret before the last one is good. */
  readonly overlapUntil: number;
  readonly revokedAt?: number;
}

export type ApiKeys = OrderedMap<ApiKey>;

const changed = (state: ApiKeys, keyId: string, change: (key: ApiKey) => ApiKey): ApiKeys => {
  const key = state.get(keyId);
  if (!key) throw new Error(`there is no key ${keyId}`);
  return state.with(keyId, change(key));
};

export const apiKeys = decider({
  category: "apikey",
  events: apiKeyEvents,
  initial: (): ApiKeys => OrderedMap.of(),
  evolve: {
    ApiKeyCreated: (state: ApiKeys, { keyId, name, scopes, expiresAt }, { time }): ApiKeys =>
      state.with(keyId, {
        ...{ keyId, name, scopes, createdAt: time, expiresAt: Date.parse(expiresAt) },
        lifeMs: Date.parse(expiresAt) - time,
        ...{ rotation: 0, overlapUntil: 0 },
      }),
    ApiKeyRotated: (state: ApiKeys, { keyId, expiresAt, overlapUntil }, { time }): ApiKeys =>
      changed(state, keyId, (key) => ({
        ...key,
        lifeMs: Date.parse(expiresAt) - time,
        rotation: key.rotation + 1,
        expiresAt: Date.parse(expiresAt),
        overlapUntil: Date.parse(overlapUntil),
      })),
    ApiKeyRevoked: (state: ApiKeys, { keyId }, { time }): ApiKeys =>
      changed(state, keyId, (key) => ({ ...key, revokedAt: time })),
  },
  decide: {
    /** @param maker what whoever makes it may do themselves. @throws Problem forbidden for more than that; limit_reached */
    Create: (state: ApiKeys, { maker, days, ...key }: Create, { now }): ApiKeyEvent[] => {
      if (state.has(key.keyId)) return [];
      requireHeld(maker, key.scopes);
      if (state.size >= apiKeysMax)
        throw new Problem("limit_reached", `there are at most ${apiKeysMax} keys`);
      const data = { ...key, scopes: [...new Set(key.scopes)], expiresAt: timeAfter(now, days * dayMs) };
      return [{ type: "ApiKeyCreated", data }];
    },

    /** @param days left out, it lives as long as it was to live before */
    Rotate: (state: ApiKeys, { keyId, maker, days, overlapMs }: Rotate, { now }): ApiKeyEvent[] => {
      const key = live(state, keyId);
      requireHeld(maker, key.scopes);
      const lifeMs = days === undefined ? key.lifeMs : days * dayMs;
      const data = {
        keyId,
        expiresAt: timeAfter(now, lifeMs),
        overlapUntil: timeAfter(now, overlapMs),
      };
      return [{ type: "ApiKeyRotated", data }];
    },

    Revoke: (state: ApiKeys, { keyId }: Data<"ApiKeyRevoked">): ApiKeyEvent[] => {
      const key = state.get(keyId);
      if (!key) throw notFound("API key", keyId);
      return key.revokedAt === undefined ? [{ type: "ApiKeyRevoked", data: { keyId } }] : [];
    },
  },
  weigh: (state: ApiKeys) => 500 + state.size * 500,
});

const dayMs = 86_400_000;

interface Create {
  keyId: string;
  name: string;
  scopes: readonly Permission[];
  days: number;
  maker: readonly Permission[];
}

interface Rotate {
  keyId: string;
  days?: number | undefined;
  overlapMs: number;
  maker: readonly Permission[];
}

/** @returns how often the secret that is shown was made, if it is good now */
export function goodRotations(
  { rotation, overlapUntil, expiresAt, revokedAt }: ApiKey,
  now: number,
): number[] {
  if (revokedAt !== undefined || now >= expiresAt) return [];
  return now < overlapUntil && rotation > 0 ? [rotation, rotation - 1] : [rotation];
}

function live(state: ApiKeys, keyId: string): ApiKey {
  const key = state.get(keyId);
  if (!key) throw notFound("API key", keyId);
  if (key.revokedAt !== undefined) throw illegalTransition("the key is revoked");
  return key;
}

/** @throws Problem forbidden */
function requireHeld(maker: readonly Permission[], wanted: readonly Permission[]): void {
  const more = wanted.filter((permission) => !maker.includes(permission));
  if (more.length > 0)
    throw new Problem("forbidden", `nobody gives what they do not have: ${more.join(", ")}`);
}

function timeAfter(now: number, ms: number): string {
  return new Date(now + ms).toISOString();
}
