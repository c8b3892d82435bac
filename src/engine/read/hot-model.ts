import { LRUCache } from "lru-cache";
import {
  type EventStore,
  logStart,
  type Position,
  type RecordedEvent,
} from "../../stores/event-store/event-store.ts";
import type { HotStore } from "../../stores/hot-store/hot-store.ts";
import type { ViewModel } from "../../stores/view-store/view-store.ts";
import { newId } from "../../values/ids.ts";
import type { Codec } from "../codec.ts";
import { streamId, streamName } from "../decider.ts";
import type { AnyProjection, Handler, ProjectedEvent } from "../projection.ts";

const documentTtlMs = 60 * 60 * 1000;
const tailPageEvents = 200;
/** Documents that could not be dropped; when there are more, everything that is kept is left behind. */
const distrustedMax = 50_000;
/** Keys that were written lately, so that a document read meanwhile is not kept in its old form. */
const recentWritesMax = 50_000;

type AnyHandler = Handler<unknown, unknown>;

export interface HotModelOptions {
  projection: AnyProjection;
  /** Documents of this projection are folds of one stream each: `<category>-<key>`. */
  category: string;
  events: EventStore;
  hot: HotStore;
  codec: Codec;
  view: () => Promise<ViewModel>;
  /** Keys of the documents that hold the rest of a large one. */
  partsOf?: (doc: unknown, key: string) => readonly string[];
  /** What readers see; left out, what the projection presents, or else the document. */
  present?: (doc: unknown, key: string, parts: readonly unknown[]) => unknown;
}

interface Part {
  doc: unknown;
  position: Position;
}

/** A document, and the ones that hold the rest of it. */
interface Folded extends Part {
  parts: Map<string, Part>;
}

/**
 * Documents of a read model as of now, not as of the projector: what the model has stored, and what the
 * document's stream has had since. Kept in the hot store until an event of the stream drops them; a hot
 * store that has lost everything is filled again by reading.
 */
export class HotModel {
  readonly category: string;
  private readonly options: HotModelOptions;
  /** What the hot store has of these may be old: a drop of them failed, or is still under way. */
  private readonly distrusted = new Set<string>();
  /** Part of the keys in the hot store: what was kept under another one is never read again. */
  private epoch = "";
  private readonly written = new LRUCache<string, Position>({ max: recentWritesMax });

  constructor(options: HotModelOptions) {
    this.options = options;
    this.category = options.category;
  }

  /** @returns JSON text as readers see it; undefined when there is no such document */
  async get(key: string): Promise<string | undefined> {
    const { hot, projection, present = projection.present } = this.options;
    const trusted = !this.distrusted.has(key) || (await this.drop(key));
    const cacheKey = this.cacheKey(key);
    const cached = trusted ? await hot.get(cacheKey).catch(() => undefined) : undefined;
    // While it was fetched an event may have come.
    if (cached !== undefined && !this.distrusted.has(key)) return cached;
    const { doc, parts, position } = await this.fold(key);
    if (doc === undefined) return undefined;
    const json = JSON.stringify(
      present?.(
        doc,
        key,
        Array.from(parts.values(), ({ doc }) => doc),
      ) ?? doc,
    );
    const writtenAt = this.written.get(key);
    const current = writtenAt === undefined || writtenAt <= position;
    if (current && !this.distrusted.has(key)) await this.keep(key, json);
    return json;
  }

  /** Whether it was kept is not known when the store refuses: then it is not to be trusted later. */
  private async keep(key: string, json: string): Promise<void> {
    const before = this.written.get(key);
    const cacheKey = this.cacheKey(key);
    try {
      await this.options.hot.set(cacheKey, json, documentTtlMs);
    } catch {
      this.distrust(key);
    }
    if (this.written.get(key) !== before) this.distrust(key);
  }

  private distrust(key: string): void {
    if (this.distrusted.size >= distrustedMax) {
      this.distrusted.clear();
      this.epoch = newId();
    }
    this.distrusted.add(key);
  }

  /** @returns whether the hot store has nothing old of this document any more */
  private async drop(key: string): Promise<boolean> {
    const writtenAt = this.written.get(key);
    try {
      await this.options.hot.delete(this.cacheKey(key));
    } catch {
      this.distrust(key);
      return false;
    }
    // A later event's drop is still under way.
    if (this.written.get(key) !== writtenAt) return false;
    this.distrusted.delete(key);
    return true;
  }

  /** An event of the document's stream is on the log. Never fails: a document that cannot be dropped is read. */
  async invalidate(event: RecordedEvent): Promise<void> {
    const key = streamId(event.stream);
    this.written.set(key, event.position);
    this.distrust(key);
    await this.drop(key);
  }

  private cacheKey(key: string): string {
    const { name, version } = this.options.projection;
    return `${name}:${version}:${this.epoch}${key}`;
  }

  private async fold(key: string): Promise<Folded> {
    const { projection, codec } = this.options;
    const folded = await this.stored(key);
    for (const event of await this.tail(key, folded.position)) {
      folded.position = event.position;
      const handler = projection.on[event.type] as AnyHandler | undefined;
      if (!handler) continue;
      const { position, stream, revision, type, time } = event;
      const decoded = { position, stream, id: key, revision, type, time, data: codec.decode(event) };
      folded.doc = handler.change(folded.doc, decoded, key);
      for (const part of handler.follow?.(folded.doc, decoded, key) ?? [])
        applyToPart(folded, part, decoded, handler);
    }
    return folded;
  }

  private async stored(key: string): Promise<Folded> {
    const { view, partsOf } = this.options;
    const model = await view();
    const stored = (await model.load([key])).documents.get(key);
    const doc: unknown = stored && JSON.parse(stored.json);
    const keys = doc === undefined ? [] : (partsOf?.(doc, key) ?? []);
    const loaded = keys.length > 0 ? [...(await model.load(keys)).documents] : [];
    const parts = loaded.map(
      ([part, { json, position }]) => [part, { doc: JSON.parse(json), position }] as const,
    );
    return { doc, position: stored?.position ?? logStart, parts: new Map(parts) };
  }

  /** The stream's events behind a position, oldest first. */
  private async tail(key: string, after: Position): Promise<RecordedEvent[]> {
    const stream = streamName(this.category, key);
    const newestFirst: RecordedEvent[] = [];
    let from: number | undefined;
    for (;;) {
      const { events, isEnd } = await this.options.events.readStream(stream, {
        backwards: true,
        maxCount: tailPageEvents,
        ...(from !== undefined && { from }),
      });
      for (const event of events) {
        if (event.position <= after) return newestFirst.reverse();
        newestFirst.push(event);
      }
      const last = events.at(-1);
      if (!last || isEnd) return newestFirst.reverse();
      from = last.revision - 1;
    }
  }
}

/** A part may have been stored ahead of what leads to it. */
function applyToPart(
  folded: Folded,
  key: string,
  event: ProjectedEvent,
  { changeFollower }: AnyHandler,
): void {
  const { doc, position } = folded.parts.get(key) ?? { doc: undefined, position: logStart };
  if (position >= event.position) return;
  const changed = changeFollower?.(doc, event, key, folded.doc);
  folded.parts.set(key, { doc: changed, position: event.position });
}
