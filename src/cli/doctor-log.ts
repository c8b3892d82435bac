import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { type ShopEvents, shopEvents } from "../../commands/events.ts";
import { createCodec } from "../engine/codec.ts";
import type { DataOf } from "../engine/decider.ts";
import type { OpenLog } from "../stores/backends.ts";
import { logFileIn } from "../stores/event-store/embedded/format.ts";
import { type EventStore, logStart } from "../stores/event-store/event-store.ts";
import { counted } from "./output.ts";
import type { Progress } from "./progress.ts";

const pageEvents = 2_000;

export interface CheckedLog {
  logId: string;
  /** Of its file; null for a log on a server. */
  bytes: number | null;
  events: number;
  /** How many of each type. */
  types: Record<string, number>;
}

/**
 * Reads a log from end to end, and its file where it has one.
 * @param problem told of each thing that is wrong
 * @param keyIds is filled with those that its customers are sealed with
 */
export async function checkLog(
  { events, embedded }: OpenLog,
  dataDir: string,
  problem: (message: string) => void,
  progress: Progress,
  keyIds: string[],
): Promise<CheckedLog> {
  if (embedded) {
    progress.step("Checking the file");
    try {
      for (const damage of embedded.check()) problem(damage);
    } catch (error) {
      problem(`the file cannot be checked: ${String(error)}`);
    }
  }
  progress.step("Reading every event");
  const types: Record<string, number> = {};
  try {
    await readEveryEvent(events, types, problem, progress, keyIds);
  } catch (error) {
    problem(`reading the log failed: ${String(error)}`);
  }
  const count = Object.values(types).reduce((sum, each) => sum + each, 0);
  return { logId: events.logId, bytes: embedded ? await bytesOf(dataDir) : null, events: count, types };
}

async function readEveryEvent(
  events: EventStore,
  types: Record<string, number>,
  problem: (message: string) => void,
  progress: Progress,
  keyIds: string[],
): Promise<void> {
  const codec = createCodec(shopEvents);
  const head = await events.head();
  let after = logStart;
  let read = 0;
  const undecodable = new Map<string, { count: number; first: string }>();
  // What a running shop appends meanwhile is another day's work.
  while (after < head) {
    const page = await events.readAll({ after, upTo: head, maxCount: pageEvents, withMetadata: true });
    if (page.scannedTo <= after) break;
    after = page.scannedTo;
    for (const event of page.events) {
      types[event.type] = (types[event.type] ?? 0) + 1;
      try {
        const data = codec.decode(event);
        if (event.type === "CustomerRegistered") keyIds.push((data as CustomerRegistered).keyId);
        // Read here only to see whether it can be.
        void event.metadata;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const first = `event ${event.revision} of ${event.stream}: ${reason}`;
        const known = undecodable.get(event.type) ?? { count: 0, first };
        undecodable.set(event.type, { ...known, count: known.count + 1 });
      }
    }
    read += page.scannedEvents;
    progress.at(events.progressOf(after, head), () => counted(read, "event"));
    // The loop reads without ever waiting: this lets the progress be drawn.
    await new Promise(setImmediate);
  }
  for (const [type, { count, first }] of undecodable)
    problem(`${counted(count, `${type} event`)} cannot be decoded; the first is ${first}`);
}

type CustomerRegistered = DataOf<ShopEvents, "CustomerRegistered">;

/** With what is in the write-ahead log and not in the file yet. */
async function bytesOf(path: string): Promise<number> {
  const files = [logFileIn(path), `${logFileIn(path)}-wal`].filter((file) => existsSync(file));
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
