import { afterEach } from "vitest";
import type { EventToAppend } from "../../../src/stores/event-store/event-store.ts";
import {
  type EventStoreDb,
  type EventStoreDbOptions,
  openEventStoreDb,
} from "../../../src/stores/event-store/eventstoredb/store.ts";
import { newId } from "../../../src/values/ids.ts";
import { type DoubleOptions, EventStoreDouble } from "./double/server.ts";

const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

/** Closed after the test. */
export async function startDouble(options: DoubleOptions = {}): Promise<EventStoreDouble> {
  const double = await EventStoreDouble.start(options);
  opened.push(double);
  return double;
}

/** For tests that wait for it to give up: short, and long enough for a busy machine. */
export const impatient = { connectMs: 1_000, appendMs: 800, readMs: 2_000 };

/** Closed after the test. */
export async function open(options: EventStoreDbOptions): Promise<EventStoreDb> {
  const store = await openEventStoreDb(options);
  opened.push(store);
  return store;
}

export function event(data: unknown = { n: 1 }, type = "Noted"): EventToAppend {
  const metadata = { time: 1_700_000_000_000, commandId: "c", correlationId: "r", actor: "test" };
  return { id: newId(), type, data: JSON.stringify(data), metadata };
}

export const numbered = (count: number) => Array.from({ length: count }, (_, n) => event({ n }));

/** What a promise is rejected with. */
export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "it did not fail",
    (error: unknown) => error,
  );
}

export async function until(isSo: () => boolean, patienceMs = 5_000): Promise<void> {
  for (const end = Date.now() + patienceMs; !isSo(); ) {
    if (Date.now() > end) throw new Error(`it did not come true within ${patienceMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
