import { describe, expect, test } from "vitest";
import { apiKeys, apiKeysMax, goodRotations } from "../../commands/apikey/apikey.ts";
import type { Permission } from "../../commands/apikey/permissions.ts";
import { given } from "./given.ts";

const day = 86_400_000;
const at = (ms: number) => new Date(ms).toISOString();
const created = (keyId: string) => ({
  type: "ApiKeyCreated" as const,
  data: { keyId, name: "n", scopes: ["stock"] as Permission[], expiresAt: at(90 * day) },
});
const revoked = { type: "ApiKeyRevoked", data: { keyId: "a" } } as const;
const create = { keyId: "a", name: "n", scopes: ["stock", "stock"] as Permission[], days: 90 };

describe("a key", () => {
  test("may do what its maker may, each once", () => {
    given(apiKeys, [])
      .when("Create", { ...create, maker: ["admin", "stock"] })
      .then([created("a")]);
    given(apiKeys, [])
      .when("Create", { ...create, maker: ["admin"] })
      .refused("forbidden");
    given(apiKeys, [created("a")])
      .when("Create", { ...create, maker: ["stock"] })
      .then([]);
  });

  test("is one of so many", () => {
    const all = Array.from({ length: apiKeysMax }, (_, n) => created(`k${n}`));
    given(apiKeys, all)
      .when("Create", { ...create, maker: ["stock"] })
      .refused("limit_reached");
  });

  test("is rotated by whoever may do what it may, and not once it is revoked", () => {
    const rotate = { keyId: "a", days: 30, overlapMs: day };
    given(apiKeys, [created("a")])
      .when("Rotate", { ...rotate, maker: ["stock"] }, { now: day })
      .then([
        { type: "ApiKeyRotated", data: { keyId: "a", expiresAt: at(31 * day), overlapUntil: at(2 * day) } },
      ]);
    given(apiKeys, [created("a")])
      .when("Rotate", { ...rotate, maker: ["admin"] })
      .refused("forbidden");
    given(apiKeys, [created("a"), revoked])
      .when("Rotate", { ...rotate, maker: ["stock"] })
      .refused("illegal_transition");
    given(apiKeys, [])
      .when("Rotate", { ...rotate, maker: ["stock"] })
      .refused("not_found");
  });

  test("is revoked once", () => {
    given(apiKeys, [created("a")])
      .when("Revoke", { keyId: "a" })
      .then([revoked]);
    given(apiKeys, [created("a"), revoked])
      .when("Revoke", { keyId: "a" })
      .then([]);
    given(apiKeys, []).when("Revoke", { keyId: "a" }).refused("not_found");
  });

  test("is good by its last secret, and for a while by the one before", () => {
    const key = {
      ...{ keyId: "a", name: "n", scopes: [], createdAt: 0, expiresAt: 100 },
      ...{ lifeMs: 100, rotation: 2, overlapUntil: 50 },
    };
    expect(goodRotations(key, 49)).toEqual([2, 1]);
    expect(goodRotations(key, 50)).toEqual([2]);
    expect(goodRotations(key, 100)).toEqual([]);
    expect(goodRotations({ ...key, revokedAt: 1 }, 49)).toEqual([]);
  });
});
