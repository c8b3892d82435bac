import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import {
  type EventStore,
  latest,
  logStart,
  type Position,
  type RecordedEvent,
  StoreUnavailable,
} from "../../stores/event-store/event-store.ts";
import type { DatedValue, HotStore, KeptValue } from "../../stores/hot-store/hot-store.ts";
import type { ViewModel } from "../../stores/view-store/view-store.ts";
import { atMost } from "../../values/at-most.ts";
import { newId } from "../../values/ids.ts";
import { Problem } from "../../values/problem.ts";
import type { Codec } from "../codec.ts";
import { streamName } from "../decider.ts";
import type { AnyProjection, Handler, ProjectedEvent } from "../projection.ts";
import { DecodedEvent } from "./events.ts";

/** Where what is kept is current until it is dropped. */
const documentTtlMs = 60 * 60 * 1000;
/** Where it may be stale; marks live as long, which is longer than anybody fills in what was read before. */
const sharedTtlMs = 60_000;
/** What a store holds that others write, too, is not used when it is older. */
const sharedAgeMsMax = 1_000;
const tailPageEvents = 200;
/** Documents that could not be marked; when there are more, everything that is kept is left behind. */
const unmarkedMax = 50_000;
/** What is appended to one stream within it is one call to a store on a server. */
const markPauseMs = 10;
/** Keys that were written lately, so that a document read meanwhile is not kept or used in its old form. */
const recentWritesMax = 50_000;

type AnyHandler = Handler<unknown, unknown>;

export interface HotModelOptions {
  projection: AnyProjection;
  /** Documents of this projection are folds of one stream each: `<category>-<key>`. */
  category: string;
  events: Pick<EventStore, "readStream" | "soleWriter">;
  hot: HotStore;
  codec: Pick<Codec, "decode">;
  view: () => Promise<Pick<ViewModel, "load">>;
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

/** What a reader asks for, and what is known of the log when it does. */
export interface AsOf {
  /** The answer is made of at least this. */
  asked: Position;
  /** The log has come this far: what is read from it now is as of here, or later. */
  now: Position;
  /** The read model has stored everything up to here. */
  stored: Position;
}

export interface HotDocument {
  /** JSON text as readers see it; undefined when there is no such document. */
  json: string | undefined;
  /** No event up to here is missing. */
  asOf: Position;
}

/**
 * Documents of a read model as of now, not as of the projector: what the model has stored, and what the
 * document's stream has had since. Kept in the hot store until whoever appends to the stream marks them as old; a hot
 * store that has lost everything is filled again by reading.
 *
 * Where other processes write the log or the hot store, an event may not have been heard of yet, and a store may
 * fall back to what it held a moment ago: there a document is used only while it is younger than a second, and
 * as of what is asked for (DISTRIBUTED.md, 18).
 */
export class HotModel {
  readonly category: string;
  private readonly options: HotModelOptions;
  /** All that changes a document is heard of here, and what the hot store has been told it does not forget. */
  private readonly isAlone: boolean;
  /** Events that the hot store may not know of: marking them failed, or is still under way. */
  private readonly unmarked = new Map<string, Position>();
  private readonly toMark = new Map<string, Position>();
  private marking: Promise<void> | undefined;
  /** Part of the keys in the hot store: what was kept under another one is never read again. */
  private epoch = "";
  private readonly written = new LRUCache<string, Position>(atMost(recentWritesMax));

  constructor(options: HotModelOptions) {
    this.options = options;
    this.category = options.category;
    this.isAlone = options.events.soleWriter && !options.hot.isShared;
  }

  async get(key: string, asOf: AsOf): Promise<HotDocument> {
    const { hot, projection, present = projection.present } = this.options;
    const now = latest(asOf.asked, asOf.now);
    const kept = await hot.getDated(this.cacheKey(key)).catch(() => undefined);
    if (kept && this.isCurrent(key, kept, asOf.asked))
      return { json: kept.value, asOf: this.isAlone ? now : kept.asOf };
    const { doc, parts, position, isOfThen = false } = await this.foldOrStored(key, asOf);
    const madeOf = isOfThen ? asOf.stored : now;
    if (doc === undefined) return { json: undefined, asOf: madeOf };
    const partDocs = Array.from(parts.values(), ({ doc }) => doc);
    const json = JSON.stringify(present?.(doc, key, partDocs) ?? doc);
    // While it was read an event may have come.
    if (!isOfThen && position >= this.newestOf(key))
      await this.keep(key, { value: json, position, asOf: now });
    return { json, asOf: madeOf };
  }

  /** As of now; while the log is away as of what is stored, for who asks for no more and has written nothing since. */
  private async foldOrStored(key: string, asOf: AsOf): Promise<Folded & { isOfThen?: true }> {
    try {
      return await this.fold(key);
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || asOf.stored < asOf.asked) throw error;
      const stored = await this.stored(key);
      if (stored.position < this.newestOf(key)) throw error;
      return { ...stored, isOfThen: true };
    }
  }

  private isCurrent(key: string, kept: KeptValue, asked: Position): boolean {
    if (kept.position < this.newestOf(key)) return false;
    return this.isAlone || (kept.ageMs < sharedAgeMsMax && kept.asOf >= asked);
  }

  /** As far as it is remembered here. */
  private newestOf(key: string): Position {
    return latest(this.written.get(key) ?? logStart, this.unmarked.get(key) ?? logStart);
  }

  /** It does no harm to keep what is old by then: it does not take the place of a mark or a newer one. */
  private async keep(key: string, value: DatedValue): Promise<void> {
    await this.tell(key, value.position, (cacheKey, ttlMs) =>
      this.options.hot.setDated(cacheKey, value, ttlMs),
    );
  }

  /**
   * This process has appended to the document's stream. Known here at once; the hot store is told of it with all that
   * changes in the same moment.
   * @returns when that is done. Never fails: a document that cannot be marked is read
   */
  async invalidate(key: string, position: Position): Promise<void> {
    if (position <= this.newestOf(key)) return;
    this.written.set(key, position);
    this.distrust(key, position);
    this.toMark.set(key, position);
    this.marking ??= this.markAll();
    await this.marking;
  }

  private async markAll(): Promise<void> {
    await (this.options.hot.isShared ? sleep(markPauseMs, undefined, { ref: false }) : nextTurn());
    const marks = [...this.toMark];
    this.toMark.clear();
    this.marking = undefined;
    const mark = ([key, position]: readonly [string, Position]) =>
      this.tell(key, position, (cacheKey, ttlMs) => this.options.hot.markDated(cacheKey, position, ttlMs));
    await Promise.all(marks.map(mark));
  }

  private distrust(key: string, position: Position): void {
    if (this.unmarked.size >= unmarkedMax) {
      this.unmarked.clear();
      this.epoch = newId();
    }
    this.unmarked.set(key, position);
  }

  /** Once the hot store has taken a position, or holds a later one, it has nothing that is older. */
  private async tell(
    key: string,
    position: Position,
    call: (cacheKey: string, ttlMs: number) => Promise<unknown>,
  ): Promise<void> {
    try {
      await call(this.cacheKey(key), this.isAlone ? documentTtlMs : sharedTtlMs);
    } catch {
      return;
    }
    if ((this.unmarked.get(key) ?? logStart) <= position) this.unmarked.delete(key);
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
      const decoded = new DecodedEvent(event, codec);
      // What cannot be decoded fails as such.
      void decoded.data;
      try {
        folded.doc = handler.change(folded.doc, decoded, key);
        for (const part of handler.follow?.(folded.doc, decoded, key) ?? [])
          applyToPart(folded, part, decoded, handler);
      } catch {
        // What the projector parks, and tells the reason of. Without it the document would be old.
        throw new Problem("unavailable", `${event.stream} has an event that could not be applied`);
      }
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
