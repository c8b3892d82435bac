import { describe, expect, test } from "vitest";
import { InvalidRedisUrl, parseRedisUrl } from "../../../src/stores/hot-store/redis/url.ts";

describe("the URL of a Redis", () => {
  test("names one server, its database and who one is there", () => {
    expect(parseRedisUrl("redis://cache")).toEqual({
      kind: "single",
      hosts: [{ host: "cache", port: 6379 }],
      tls: false,
      database: 0,
    });
    expect(parseRedisUrl("rediss://shop:s%40fe@[::1]:7000/3")).toEqual({
      kind: "single",
      hosts: [{ host: "::1", port: 7000 }],
      tls: true,
      database: 3,
      username: "shop",
      password: "s@fe",
    });
    expect(parseRedisUrl("redis://:only@cache/")).toMatchObject({ password: "only", database: 0 });
    expect(parseRedisUrl("redis://:only@cache/")).not.toHaveProperty("username");
  });

  test("names the sentinels, their primary and how they want to be asked", () => {
    const url = "redis+sentinel://:pw@a:26379,b,c:1/shop/2?sentinelUsername=s&sentinelPassword=p%20w";
    expect(parseRedisUrl(url)).toEqual({
      kind: "sentinel",
      hosts: [
        { host: "a", port: 26379 },
        { host: "b", port: 26379 },
        { host: "c", port: 1 },
      ],
      tls: false,
      password: "pw",
      primary: "shop",
      database: 2,
      sentinelUsername: "s",
      sentinelPassword: "p w",
    });
    expect(parseRedisUrl("rediss+sentinel://a/shop")).toMatchObject({ tls: true, database: 0 });
  });

  test("names some nodes of a cluster", () => {
    expect(parseRedisUrl("redis+cluster://a:7000,b:7001")).toMatchObject({
      kind: "cluster",
      hosts: [
        { host: "a", port: 7000 },
        { host: "b", port: 7001 },
      ],
    });
  });

  test.each([
    "http://cache",
    "cache:6379",
    "redis://",
    "redis://a,b",
    "redis://a:0",
    "redis://a:70000",
    "redis://a/name",
    "redis://a/0/1",
    "redis://a?db=3",
    "redis://secret@a",
    "redis://:sec%ret@a",
    "redis+proxy://a",
    "redis+sentinel://a,b",
    "redis+sentinel://a/shop?user=x",
    "redis+cluster://a/1",
    "redis+cluster://a?sentinelPassword=x",
  ])("%s is refused", (url) => {
    expect(() => parseRedisUrl(url)).toThrow(InvalidRedisUrl);
  });

  test("is never told when it is refused, for it may hold a password", () => {
    const refusal = (url: string) => {
      try {
        parseRedisUrl(url);
      } catch (error) {
        return `${error}`;
      }
      return "not refused";
    };
    expect(refusal("redis://user:hunter2@a:99999/x")).toMatch(/not understood/);
    expect(refusal("redis://user:hunter2@a:99999/x")).not.toContain("hunter2");
    expect(refusal("ftp://user:hunter2@a")).not.toContain("hunter2");
  });
});
