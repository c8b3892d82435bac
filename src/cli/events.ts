import type { Command } from "commander";
import type { EventStore, RecordedEvent } from "../stores/event-store/event-store.ts";
import { isoTime } from "../values/clock.ts";
import { write, writeJson } from "./output.ts";
import { commandConfig, jsonOption, Refused, wholeNumber, withLog } from "./session.ts";

const pageEvents = 500;

interface EventsOptions {
  from: number;
  limit?: number;
  json?: boolean;
}

export function addEvents(program: Command): void {
  program
    .command("events")
    .argument("<stream>", "a stream, such as order-<id>")
    .description("print the events of a stream with their metadata, oldest first")
    .option("--from <revision>", "the first revision to print", wholeNumber(0), 0)
    .option("--limit <count>", "how many events to print at most", wholeNumber(1))
    .option(...jsonOption)
    .action(printEvents);
}

async function printEvents(stream: string, { from, limit, json }: EventsOptions): Promise<void> {
  await withLog(commandConfig(), async ({ events }) => {
    const newest = await events.readStream(stream, { backwards: true, maxCount: 1 });
    if (newest.events.length === 0) throw new Refused(`there is no stream ${stream}`);
    const pages = pagesOf(events, stream, from, limit ?? Number.POSITIVE_INFINITY);
    if (!json) {
      for await (const page of pages) await write(page.map(asText).join(""));
      return;
    }
    let separator = "\n";
    await writeJson(`{"stream":${JSON.stringify(stream)},"events":[`);
    for await (const page of pages) {
      await writeJson(separator + page.map((event) => JSON.stringify(plain(event))).join(",\n"));
      separator = ",\n";
    }
    await writeJson("\n]}\n");
  });
}

async function* pagesOf(log: EventStore, stream: string, from: number, limit: number) {
  let next = from;
  let left = limit;
  while (left > 0) {
    const page = await log.readStream(stream, { from: next, maxCount: Math.min(left, pageEvents) });
    const last = page.events.at(-1);
    if (!last) return;
    yield page.events;
    if (page.isEnd) return;
    left -= page.events.length;
    next = last.revision + 1;
  }
}

function plain({ position, revision, id, type, time, data, metadata }: RecordedEvent) {
  return { position, revision, id, type, time: isoTime(time), data, metadata };
}

function asText({ position, revision, id, type, time, data, metadata }: RecordedEvent): string {
  const { time: _, ...rest } = metadata;
  return `${revision}  ${isoTime(time)}  ${type}
    id        ${id}
    position  ${position}
    data      ${JSON.stringify(data)}
    metadata  ${JSON.stringify(rest)}
`;
}
