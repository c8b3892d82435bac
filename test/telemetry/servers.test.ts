import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  type BackendsConfig,
  openHot,
  openLog,
  openNews,
  openViews,
  type StoreObserver,
} from "../../src/stores/backends.ts";
import { noStream } from "../../src/stores/event-store/event-store.ts";
import { newId } from "../../src/values/ids.ts";
import { event, startDouble } from "../stores/eventstoredb/support.ts";
import { onRedis } from "../stores/redis/here.ts";
import { mongoForTests } from "../support/mongodb.ts";
import { at } from "../support/positions.ts";

/** What an observer is told, of a store on a server. */
function notes() {
  const told = {
    called: [] as string[],
    asked: [] as string[],
    retried: [] as string[],
    pools: 0,
    clocks: [] as number[],
  };
  const observer: StoreObserver = {
    called: (store, operation, _, outcome) => told.called.push(`${store} ${operation} ${outcome}`),
    asked: (store, operation) => told.asked.push(`${store} ${operation}`),
    retried: (store, operation) => told.retried.push(`${store} ${operation}`),
    pooled: (store, { max, inUse }) => {
      expect(store).toBe("views");
      expect(inUse).toBeLessThanOrEqual(max);
      told.pools++;
    },
    replicated: () => {},
    clocked: (_, secondsAhead) => told.clocks.push(secondsAhead),
  };
  return { told, observer };
}

const nowhere: BackendsConfig = { dataDir: "/nowhere" };

test("each call to EventStoreDB is told once, and each that is made again", async () => {
  const double = await startDouble();
  const { told, observer } = notes();
  const place = { ...nowhere, eventStoreDbUrl: double.url };
  const { events } = await openLog(place, "commands", observer);
  onTestFinished(() => events.close());
  await events.append("a-1", noStream, [event()]);
  // The first one is looked at for the server's clock.
  await vi.waitFor(() => expect(told.clocks).toHaveLength(1));
  double.readFaults.push({ kind: "unavailable" });
  await events.readStream("a-1", { maxCount: 9 });
  expect(told.called).toEqual(["events append ok", "events readStream ok"]);
  expect(told.asked).toEqual(["events append", "events readStream"]);
  expect(told.retried).toEqual(["events readStream"]);
});

const mongo = await mongoForTests();
describe("read models in MongoDB", () => {
  if ("reason" in mongo) return test.skip(mongo.reason, () => {});
  test("tell of each call to the server once, and of the pool that it takes a connection from", async () => {
    const { told, observer } = notes();
    const url = new URL(mongo.url);
    url.pathname = mongo.database();
    const place = { ...nowhere, mongoDbUrl: url.href };
    const { views } = await openViews(place, newId(), "projections", observer);
    onTestFinished(() => views.close());
    const model = await views.open({ name: "things", version: 1, columns: {}, indexes: [] });
    const [called, asked, pools] = [told.called.length, told.asked.length, told.pools];
    await model.save([{ key: "a", position: at(1), json: "1", columns: {}, isNew: true }], {
      checkpoint: at(1),
    });
    await model.get("a");
    expect(told.called.slice(called)).toEqual(["views save ok", "views checkpoint ok", "views get ok"]);
    expect(told.asked.slice(asked)).toEqual(["views save", "views get"]);
    expect(told.pools).toBeGreaterThan(pools);
    // They share a machine.
    expect(told.clocks.length).toBeGreaterThan(0);
    for (const secondsAhead of told.clocks) expect(Math.abs(secondsAhead)).toBeLessThan(2);
  });
});

onRedis("what is told of the hot store", (urlOf) => {
  test("is each call to Redis, and each piece of news", async () => {
    const { told, observer } = notes();
    const place = { ...nowhere, redisUrl: urlOf() };
    const logId = newId();
    const hot = await openHot(place, logId, observer);
    const news = await openNews(place, logId, "test", observer);
    onTestFinished(async () => {
      await hot.close();
      await news.close();
    });
    await expect
      .poll(() =>
        hot.set("key", "value", 1_000).then(
          () => "set",
          () => "away",
        ),
      )
      .toBe("set");
    told.called.length = 0;
    await hot.get("key");
    await hot.get("none");
    expect(told.called).toEqual(["hot get hit", "hot get miss"]);
    await expect
      .poll(() => {
        news.publish("one");
        return told.called;
      })
      .toContain("hot publish done");
  });
});
