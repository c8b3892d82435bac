import type { MongoClient } from "mongodb";

/**
 * Compares this process's clock with the primary's at each heartbeat, as it was when the answer was sent: what the
 * answer took to arrive is in the difference.
 * @param observe told seconds that the primary's clock is ahead of ours; below 0 it is behind
 */
export function watchClock(client: MongoClient, observe: (secondsAhead: number) => void): void {
  client.on("serverHeartbeatSucceeded", ({ reply }) => {
    const localTime: unknown = reply.localTime;
    if (reply.isWritablePrimary !== true || !(localTime instanceof Date)) return;
    observe((localTime.getTime() - Date.now()) / 1_000);
  });
}
