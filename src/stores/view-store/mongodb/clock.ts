import type { MongoClient } from "mongodb";
import { clockDifference } from "../../../values/clock.ts";

/**
 * Compares this process's clock with the primary's, asked for its time after each of its heartbeats. What a heartbeat
 * itself tells may be long past when a busy process hears of it.
 * @param observe told seconds that the primary's clock is ahead of ours, at least; below 0 it is behind
 */
export function watchClock(client: MongoClient, observe: (secondsAhead: number) => void): void {
  const ask = async () => {
    const askedAt = Date.now();
    const { localTime } = await client.db("admin").command({ hello: 1 }, { readPreference: "primary" });
    if (localTime instanceof Date) observe(clockDifference(askedAt, localTime.getTime()) / 1_000);
  };
  client.on("serverHeartbeatSucceeded", ({ reply }) => {
    // Without an answer, the next heartbeat asks again.
    if (reply.isWritablePrimary === true) ask().catch(() => {});
  });
}
