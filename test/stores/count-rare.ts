import { parentPort, workerData } from "node:worker_threads";
import { openEmbeddedEventStore } from "../../src/stores/event-store/embedded/log.ts";
import { logStart, type Position } from "../../src/stores/event-store/event-store.ts";

/**
 * Reads the log of another thread's writer over and over, filtered, while it grows: behind what a page calls
 * scanned there must never turn up an event that it did not show. Told the total, it answers `{ missed }`.
 */
const { directory } = workerData as { directory: string };
const store = openEmbeddedEventStore({ directory, readOnly: true });
const options = { after: logStart, types: ["Rare"], maxCount: 100_000 };
const claims: { scannedTo: Position; shown: number }[] = [];
let total = -1;
parentPort?.once("message", (count: number) => {
  total = count;
});

while (total < 0) {
  const { events, scannedTo } = await store.readAll(options);
  claims.push({ scannedTo, shown: events.length });
  await new Promise((resolve) => setImmediate(resolve));
}
const { events } = await store.readAll(options);
const missed = claims.filter(
  ({ scannedTo, shown }) => events.filter(({ position }) => position <= scannedTo).length !== shown,
).length;
parentPort?.postMessage({ missed });
await store.close();
