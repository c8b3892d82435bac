import type { EventStore, Position, RecordedEvent } from "../../stores/event-store/event-store.ts";
import type { DocumentChange, ParkedDocument, ViewModel } from "../../stores/view-store/view-store.ts";
import type { Codec } from "../codec.ts";
import { streamId } from "../decider.ts";
import type { AnyProjection, Handler, ProjectedEvent } from "../projection.ts";

const loadKeysMax = 10_000;
/** JSON text of the documents kept between batches of a live model; beyond, they are loaded when needed. */
const keptCharactersMax = 8 * 1024 * 1024;
const spilledDocumentsMax = 5_000;
const entryOverheadCharacters = 200;
/** An unchanged checkpoint is written after this many log positions, so that a restart rescans little. */
const checkpointEveryPositions = 20_000;
const parkedDocumentsMax = 10_000;

interface Entry {
  doc: unknown;
  position: Position;
  dirty: boolean;
  /** Of its JSON, as last stored or loaded. */
  characters: number;
  /** Changed because another document led to it: stored before the ones that lead. */
  follower: boolean;
}

/** A fold left a document half changed: it starts again from what is stored, and looks out for this key. */
class Suspected extends Error {}

type AnyHandler = Handler<unknown, unknown>;

/** A recorded event for all folds together: its data is decoded once, by the first that looks at it. */
export class DecodedEvent implements ProjectedEvent {
  readonly position: Position;
  readonly stream: string;
  readonly id: string;
  readonly revision: number;
  readonly type: string;
  readonly time: number;
  private readonly recorded: RecordedEvent;
  private readonly codec: Codec;
  private decoded: unknown;

  constructor(recorded: RecordedEvent, codec: Codec) {
    this.position = recorded.position;
    this.stream = recorded.stream;
    this.id = streamId(recorded.stream);
    this.revision = recorded.revision;
    this.type = recorded.type;
    this.time = recorded.time;
    this.recorded = recorded;
    this.codec = codec;
  }

  /** @throws UndecodableEvent */
  get data(): unknown {
    this.decoded ??= this.codec.decode(this.recorded);
    return this.decoded;
  }
}

/** Events as folds take them. */
export function projectable(events: readonly RecordedEvent[], codec: Codec): DecodedEvent[] {
  return events.map((recorded) => new DecodedEvent(recorded, codec));
}

export interface FoldOptions {
  projection: AnyProjection;
  model: ViewModel;
  codec: Codec;
  /**
   * The model is new and everything fits in memory: nothing needs to be loaded, and nothing is stored until
   * `flush`.
   */
  inMemory?: boolean;
}

/**
 * Applies events to the documents of one model. Each document changes only over a lower position, so an
 * event may come twice. A document whose event cannot be applied is parked with what follows for it.
 */
export class Fold {
  readonly projection: AnyProjection;
  readonly types: readonly string[];
  private model: ViewModel;
  private readonly codec: Codec;
  private inMemory: boolean;
  private readonly entries = new Map<string, Entry>();
  private readonly suspects = new Set<string>();
  private parked = new Map<string, ParkedDocument>();
  private parkedChanged = false;
  private reached: Position;
  private stored: Position;

  private constructor(options: FoldOptions, checkpoint: Position, parked: readonly ParkedDocument[]) {
    this.projection = options.projection;
    this.types = Object.keys(options.projection.on);
    this.model = options.model;
    this.codec = options.codec;
    this.inMemory = options.inMemory ?? false;
    this.reached = checkpoint;
    this.stored = checkpoint;
    this.setParked(parked);
  }

  static async open(options: FoldOptions): Promise<Fold> {
    const { model } = options;
    return new Fold(options, await model.checkpoint(), await model.parked());
  }

  /** Everything up to here has been applied, if not stored yet. */
  get checkpoint(): Position {
    return this.reached;
  }

  get parkedDocuments(): ParkedDocument[] {
    return [...this.parked.values()];
  }

  /** Documents in memory. */
  get size(): number {
    return this.entries.size;
  }

  /** Applies and stores what of the events is new to this model. */
  async project(events: readonly DecodedEvent[], scannedTo: Position): Promise<void> {
    for (;;) {
      try {
        await this.apply(events, scannedTo);
        return await this.flush();
      } catch (error) {
        this.discard();
        if (!(error instanceof Suspected)) throw error;
      }
    }
  }

  /**
   * Applies events in memory; `flush` stores them.
   * @throws Suspected (see `isRestart`) when the caller has to start again from `checkpoint`
   */
  async apply(events: readonly DecodedEvent[], scannedTo: Position): Promise<void> {
    if (!this.inMemory) await this.prefetch(events);
    for (const event of events) {
      const handler = this.handlerOf(event);
      const keys = handler && this.keysOf(event, handler);
      if (!keys) continue;
      // Nothing is allocated for an event that names one document, as nearly all do.
      const count = typeof keys === "string" ? 1 : keys.length;
      for (let index = 0; index < count; index++) {
        const key = typeof keys === "string" ? keys : (keys[index] as string);
        // Only a document that is not in memory is worth a turn of the event loop.
        const entry = this.entries.get(key) ?? this.absent(key) ?? (await this.loaded(key));
        if (!this.changeOne(entry, key, event, handler.change)) continue;
        if (!handler.follow || !handler.changeFollower) continue;
        const { changeFollower } = handler;
        for (const followerKey of handler.follow(entry.doc, event, key)) {
          const follower =
            this.entries.get(followerKey) ?? this.absent(followerKey) ?? (await this.loaded(followerKey));
          follower.follower = true;
          this.changeOne(follower, followerKey, event, (doc, event, followerKey) =>
            changeFollower(doc, event, followerKey, entry.doc),
          );
        }
      }
    }
    this.reached = Math.max(this.reached, scannedTo);
  }

  /** @returns undefined for an event that this model does not handle, or has applied */
  private handlerOf({ type, position }: ProjectedEvent): AnyHandler | undefined {
    return position > this.reached ? (this.projection.on[type] as AnyHandler | undefined) : undefined;
  }

  static isRestart(error: unknown): boolean {
    return error instanceof Suspected;
  }

  /** @returns undefined for an event that cannot even be read: it is parked under its own position */
  private keysOf(event: ProjectedEvent, handler: AnyHandler): string | readonly string[] | undefined {
    try {
      return handler.keys(event);
    } catch (error) {
      this.park(`#${event.position}`, event, error);
      return undefined;
    }
  }

  /** @returns false when the key is parked, so that nothing may follow from it */
  private changeOne(entry: Entry, key: string, event: ProjectedEvent, change: AnyHandler["change"]): boolean {
    const parked = this.parked.get(key);
    if (parked) {
      if (event.position > parked.position) {
        parked.waiting++;
        this.parkedChanged = true;
      }
      return false;
    }
    if (entry.position >= event.position) return true;
    const suspect = this.suspects.has(key);
    const doc = suspect ? structuredClone(entry.doc) : entry.doc;
    try {
      entry.doc = change(doc, event, key);
    } catch (error) {
      if (!suspect) {
        this.suspects.add(key);
        throw new Suspected(key, { cause: error });
      }
      this.park(key, event, error);
      return false;
    }
    entry.position = event.position;
    entry.dirty = true;
    return true;
  }

  private park(key: string, event: ProjectedEvent, error: unknown): void {
    if (this.parked.size >= parkedDocumentsMax)
      throw new Error(`${this.projection.name}: ${parkedDocumentsMax} documents are parked already`, {
        cause: error,
      });
    const reason = error instanceof Error ? error.message : String(error);
    const { position, type: eventType } = event;
    this.parked.set(key, { key, position, eventType, reason, waiting: 0 });
    this.parkedChanged = true;
  }

  /** Loads at once what the events will probably touch. */
  private async prefetch(events: readonly ProjectedEvent[]): Promise<void> {
    const named: [ProjectedEvent, AnyHandler, readonly string[]][] = [];
    for (const event of events) {
      const handler = this.handlerOf(event);
      const keys = handler && this.keysOf(event, handler);
      if (keys) named.push([event, handler, typeof keys === "string" ? [keys] : keys]);
    }
    await this.load(named.flatMap(([, , keys]) => keys));
    const followers = named.flatMap(([event, handler, keys]) =>
      keys.flatMap((key) => handler.follow?.(this.entries.get(key)?.doc, event, key) ?? []),
    );
    await this.load(followers);
  }

  private async load(keys: readonly string[]): Promise<void> {
    const missing = [...new Set(keys)].filter((key) => !this.entries.has(key));
    for (let from = 0; from < missing.length; from += loadKeysMax) {
      const chunk = missing.slice(from, from + loadKeysMax);
      const found = await this.model.load(chunk);
      for (const key of chunk) {
        const stored = found.get(key);
        this.entries.set(key, {
          doc: stored && JSON.parse(stored.json),
          position: stored?.position ?? -1,
          dirty: false,
          characters: stored?.json.length ?? 0,
          follower: false,
        });
      }
    }
  }

  /** In a new model that is all in memory, what is not there does not exist. */
  private absent(key: string): Entry | undefined {
    if (!this.inMemory) return undefined;
    const entry = { doc: undefined, position: -1, dirty: false, characters: 0, follower: false };
    this.entries.set(key, entry);
    return entry;
  }

  private async loaded(key: string): Promise<Entry> {
    await this.load([key]);
    return this.entries.get(key) as Entry;
  }

  /** Stores what has changed, followers first, and then the checkpoint. */
  async flush(): Promise<void> {
    const followers: DocumentChange[] = [];
    const origins: DocumentChange[] = [];
    for (const [key, entry] of this.entries) {
      if (entry.dirty) (entry.follower ? followers : origins).push(this.changeOf(key, entry));
    }
    const changes = followers.length > 0 ? [...followers, ...origins] : origins;
    const due = this.reached - this.stored >= checkpointEveryPositions;
    if (changes.length > 0 || this.parkedChanged || due) {
      await this.saveCheckpoint(changes);
    }
    if (this.inMemory) return;
    let kept = 0;
    for (const entry of this.entries.values()) {
      entry.dirty = false;
      entry.follower = false;
      kept += entryOverheadCharacters + entry.characters;
    }
    if (kept > keptCharactersMax) this.entries.clear();
  }

  /**
   * Stores all of a new model and empties the memory; from now on documents are loaded when needed. In the
   * order of keys, as they are compared and read later, and in parts: their JSON at once would be a second
   * copy of everything.
   */
  async spill(): Promise<void> {
    const dirty = [...this.entries].filter(([, { dirty }]) => dirty);
    dirty.sort(([a], [b]) => (a < b ? -1 : 1));
    for (let from = 0; from < dirty.length; from += spilledDocumentsMax) {
      const part = dirty.slice(from, from + spilledDocumentsMax);
      const changes = part.map(([key, entry]) => this.changeOf(key, entry));
      await this.model.save(changes, { checkpoint: this.stored });
      for (const [, entry] of part) entry.dirty = false;
    }
    this.inMemory = false;
    await this.flush();
    if (this.stored < this.reached) await this.saveCheckpoint([]);
    this.entries.clear();
  }

  private async saveCheckpoint(changes: readonly DocumentChange[]): Promise<void> {
    await this.model.save(changes, {
      checkpoint: this.reached,
      ...(this.parkedChanged && { parked: this.parkedDocuments }),
    });
    this.stored = this.reached;
    this.parkedChanged = false;
  }

  private changeOf(key: string, entry: Entry): DocumentChange {
    const { doc, position } = entry;
    const { columnsOf, listsOf, textOf, present } = this.projection;
    if (doc === undefined) return { key, position, json: undefined, columns: {} };
    const presented = present?.(doc, key);
    const json = JSON.stringify(doc);
    entry.characters = json.length;
    return {
      key,
      position,
      json,
      columns: columnsOf(doc, key),
      ...(presented !== undefined && { presented: JSON.stringify(presented) }),
      ...(listsOf && { lists: listsOf(doc) }),
      ...(textOf && { text: textOf(doc) }),
    };
  }

  /** Forgets what is not stored and continues from there. */
  discard(): void {
    this.entries.clear();
    this.reached = this.stored;
  }

  /** Continues on another generation, which must be at this fold's checkpoint or behind it. */
  async switchTo(model: ViewModel): Promise<void> {
    this.model = model;
    this.entries.clear();
    this.reached = await model.checkpoint();
    this.stored = this.reached;
    this.setParked(await model.parked());
  }

  private setParked(parked: readonly ParkedDocument[]): void {
    this.parked = new Map(parked.map((document) => [document.key, { ...document }]));
    this.parkedChanged = false;
  }

  /**
   * Tries parked documents again, or goes on without the event that failed. Everything from that event on is
   * applied again; documents that are further already ignore it.
   * @returns false when the key is not parked
   */
  async unpark(key: string, how: "retry" | "skip", events: EventStore): Promise<boolean> {
    await this.flush();
    const parked = this.parked.get(key);
    if (!parked) return false;
    this.parked.delete(key);
    this.parkedChanged = true;
    this.entries.delete(key);
    if (how === "skip") {
      const entry = await this.loaded(key);
      entry.position = parked.position;
      entry.dirty = entry.doc !== undefined;
    }
    const until = this.reached;
    this.reached = parked.position - 1;
    this.suspects.add(key);
    while (this.reached < until) {
      const page = await events.readAll({ after: this.reached, types: this.types, maxCount: 1_000 });
      if (page.scannedTo <= this.reached) break;
      const upTo = Math.min(page.scannedTo, until);
      const within = page.events.filter(({ position }) => position <= until);
      await this.apply(projectable(within, this.codec), upTo);
    }
    this.reached = until;
    await this.flush();
    return true;
  }
}
