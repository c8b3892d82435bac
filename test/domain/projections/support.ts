import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { type ShopEvents, shopEvents } from "../../../commands/events.ts";
import type { JsonText, TextPage } from "../../../projections/page.ts";
import { createCodec } from "../../../src/engine/codec.ts";
import { type EventOf, streamId } from "../../../src/engine/decider.ts";
import type { AnyProjection, Handler, ProjectedEvent } from "../../../src/engine/projection.ts";
import { Fold, projectable } from "../../../src/engine/read/fold.ts";
import {
  type EventMetadata,
  logStart,
  type Position,
  type RecordedEvent,
} from "../../../src/stores/event-store/event-store.ts";
import { openEmbeddedViewStore } from "../../../src/stores/view-store/embedded/store.ts";
import type { ViewModel } from "../../../src/stores/view-store/view-store.ts";

export type ShopEvent = EventOf<ShopEvents>;
export type ShopData<T extends ShopEvent["type"]> = Extract<ShopEvent, { type: T }>["data"];

const codec = createCodec(shopEvents);

/** A log that grows event by event, as the store would have recorded it. */
export class Log {
  readonly events: RecordedEvent[] = [];
  private readonly revisions = new Map<string, number>();

  /** @param at ISO time, or epoch milliseconds */
  add<T extends ShopEvent["type"]>(
    stream: string,
    at: string | number,
    type: T,
    data: ShopData<T>,
    by: Partial<EventMetadata> = {},
  ): this {
    const revision = (this.revisions.get(stream) ?? -1) + 1;
    this.revisions.set(stream, revision);
    const position = this.events.length * 3 + 1;
    const time = typeof at === "number" ? at : Date.parse(at);
    const metadata = { time, commandId: "c", correlationId: "c", actor: "test", ...by };
    const json = codec.encode(type, data).json;
    this.events.push({
      position: String(position).padStart(16, "0"),
      stream,
      revision,
      id: `e${position}`,
      type,
      time,
      data: JSON.parse(json),
      metadata,
    });
    return this;
  }

  addAll(stream: string, at: string | number, events: readonly ShopEvent[]): this {
    for (const { type, data } of events) this.add(stream, at, type, data as never);
    return this;
  }
}

type AnyHandler = Handler<unknown, unknown>;

interface Held {
  doc: unknown;
  position: Position;
}

/**
 * Documents of a log, folded as the engine does, in memory: by key, followers right after their origin, each event to
 * each document at most once.
 */
export class Documents {
  private readonly held = new Map<string, Held>();
  private readonly projection: AnyProjection;
  private readonly stored: boolean;

  /** @param stored whether every document goes through JSON after every event, as if it had been stored */
  constructor(projection: AnyProjection, stored = false) {
    this.projection = projection;
    this.stored = stored;
  }

  add(recorded: RecordedEvent): void {
    const handler = this.projection.on[recorded.type] as AnyHandler | undefined;
    if (!handler) return;
    const event = { ...recorded, id: streamId(recorded.stream) };
    for (const key of [handler.keys(event)].flat()) {
      const origin = this.apply(key, event, handler.change);
      const { follow, changeFollower } = handler;
      if (!follow || !changeFollower) continue;
      for (const follower of follow(origin, event, key))
        this.apply(follower, event, (doc, event, key) => changeFollower(doc, event, key, origin));
    }
  }

  get(key: string): unknown {
    return this.held.get(key)?.doc;
  }

  all(): Map<string, unknown> {
    const present = [...this.held].filter(([, { doc }]) => doc !== undefined);
    return new Map(present.map(([key, { doc }]) => [key, doc]));
  }

  private apply(key: string, event: ProjectedEvent, change: AnyHandler["change"]): unknown {
    const entry = this.held.get(key) ?? { doc: undefined, position: logStart };
    this.held.set(key, entry);
    if (entry.position >= event.position) return entry.doc;
    const doc = change(entry.doc, event, key);
    entry.doc = this.stored && doc !== undefined ? JSON.parse(JSON.stringify(doc)) : doc;
    entry.position = event.position;
    return entry.doc;
  }
}

export function documentsOf(
  projection: AnyProjection,
  { events }: Log,
  stored = false,
): Map<string, unknown> {
  const documents = new Documents(projection, stored);
  for (const event of events) documents.add(event);
  return documents.all();
}

/**
 * A model in the embedded store, projected by the engine live, a few events at a time; rebuilt in memory
 * beside it, and both must be the same byte for byte. Gone after the test.
 */
export async function project(projection: AnyProjection, log: Log): Promise<ViewModel> {
  const directory = mkdtempSync(join(tmpdir(), "cartwright-projections-"));
  const store = openEmbeddedViewStore({ directory, logId: "log" });
  onTestFinished(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });
  const model = await store.open(projection);
  const live = await Fold.open({ projection, model, codec });
  const asRecorded = JSON.stringify(log.events);
  const head = log.events.at(-1)?.position ?? logStart;
  for (let from = 0; from < log.events.length; from += 3) {
    const page = log.events.slice(from, from + 3);
    await live.project(projectable(page, codec), page.at(-1)?.position ?? head);
  }
  expect(live.parkedDocuments).toEqual([]);

  const next = await store.createGeneration(projection);
  const rebuild = await Fold.open({ projection, model: next, codec, inMemory: true });
  await rebuild.apply(projectable(log.events, codec), head);
  await rebuild.spill();
  // Folds share the events: what one would change of them, another would see.
  expect(JSON.stringify(log.events)).toBe(asRecorded);
  expect(await next.scan(undefined, 10_000)).toEqual(await model.scan(undefined, 10_000));
  await store.drop(next);
  return model;
}

/** A page of JSON texts with its items parsed. */
export function parsed<T, P extends TextPage<T>>({ texts, ...page }: P & { texts: JsonText<T>[] }) {
  return { ...page, items: texts.map((text) => JSON.parse(text) as T) };
}
