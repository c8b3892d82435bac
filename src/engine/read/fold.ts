import {
  type EventStore,
  latest,
  logStart,
  type Position,
  type RecordedEvent,
} from "../../stores/event-store/event-store.ts";
import type {
  DocumentChange,
  ParkedDocument,
  SavedCheckpoint,
  SaveOptions,
  ViewModel,
} from "../../stores/view-store/view-store.ts";
import type { Codec } from "../codec.ts";
import type { AnyProjection, Handler, ProjectedEvent } from "../projection.ts";
import { Documents, type Entry } from "./documents.ts";
import { DecodedEvent } from "./events.ts";
import { Parking } from "./parking.ts";

/** JSON text of the documents kept between batches of a live model; beyond, they are loaded when needed. */
const keptCharactersMax = 4 * 1024 * 1024;
/** As above, within a batch: beyond, what has changed is stored before the batch goes on. */
const heldCharactersMax = 16 * 1024 * 1024;
/** An unchanged checkpoint is written after so many events of the log, so that a restart rescans little. */
const checkpointEveryEvents = 20_000;
const replayedEventsMax = 1_000;
/** After so many poison events every document is watched: each one that is met anew costs a fresh start. */
const suspectsMax = 8;

/** A fold left a document half changed: it starts again from what is stored, and looks out for this key. */
class Suspected extends Error {}

/** An event, as far as its id is asked for: a store may have to look it up. */
type Identified = Pick<DecodedEvent, "eventId">;

type AnyHandler = Handler<unknown, unknown>;
type Keys = string | readonly string[];

/** What came of a parked document that was tried again, or went on without an event. */
export interface Unparked {
  /**
   * Documents that it leads to, or that its event names, and that had gone on meanwhile: they lack what had waited,
   * until a rebuild folds all of it in the order of the log.
   */
  outdated: number;
}

/** An event with the documents it names. */
interface Aimed {
  event: DecodedEvent;
  handler: AnyHandler;
  keys: Keys;
}

/** Events as folds take them. */
export function projectable(events: readonly RecordedEvent[], codec: Codec): DecodedEvent[] {
  return events.map((recorded) => new DecodedEvent(recorded, codec));
}

export interface FoldOptions {
  projection: AnyProjection;
  model: ViewModel;
  codec: Codec;
  /** The model is new: nothing needs to be loaded, and nothing is stored until `spill` or `flush`. */
  inMemory?: boolean;
  /**
   * Others may write the model at the same time: nothing is kept between pages, for a document kept here and one that
   * another has taken further do not fit together.
   */
  isShared?: boolean;
  /** Told which documents were stored or deleted, once they are. */
  onStored?: ((keys: readonly string[]) => void) | undefined;
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
  private readonly onStored: FoldOptions["onStored"];
  private documents: Documents;
  private readonly parking: Parking;
  private readonly isShared: boolean;
  private readonly suspects = new Set<string>();
  private reached: Position = logStart;
  /** The event that stands there, where it was seen. */
  private reachedEvent: Identified | undefined;
  private stored: Position = logStart;
  private storedEvent: Identified | undefined;
  /** Of the log, since the checkpoint was stored. */
  private eventsSince = 0;
  /** The only key that is looked at while its events are applied again. */
  private only: string | undefined;
  /** Documents that have gone on without what is applied again. */
  private readonly outdated = new Set<string>();

  private constructor(options: FoldOptions, saved: SavedCheckpoint, parked: readonly ParkedDocument[]) {
    const { projection, model } = options;
    this.projection = projection;
    this.types = Object.keys(projection.on);
    this.model = model;
    this.codec = options.codec;
    this.onStored = options.onStored;
    this.isShared = options.isShared ?? false;
    this.documents = new Documents(projection, model, options.inMemory ?? false);
    this.parking = new Parking(projection.name, parked);
    this.goOnFrom(saved);
  }

  static async open(options: FoldOptions): Promise<Fold> {
    const { model } = options;
    return new Fold(options, await model.savedCheckpoint(), await model.parked());
  }

  private goOnFrom({ position, eventId }: SavedCheckpoint): void {
    this.reached = position;
    this.stored = position;
    this.reachedEvent = eventId === undefined ? undefined : { eventId };
    this.storedEvent = this.reachedEvent;
    this.eventsSince = 0;
  }

  static isRestart(error: unknown): boolean {
    return error instanceof Suspected;
  }

  /** Everything up to here has been applied, if not stored yet. */
  get checkpoint(): Position {
    return this.reached;
  }

  /** Types of events that are asked for their metadata. */
  get typesWithMetadata(): readonly string[] {
    return this.projection.readsMetadata ? this.types : [];
  }

  get parkedDocuments(): ParkedDocument[] {
    return this.parking.list();
  }

  get parkedCount(): number {
    return this.parking.size;
  }

  /** Of the model that it writes. */
  get generation(): number {
    return this.model.generation;
  }

  /** Documents in memory. */
  get size(): number {
    return this.documents.size;
  }

  /** About how much JSON the documents in memory are, as they were stored, loaded or measured last. */
  get heldCharacters(): number {
    return this.documents.heldCharacters;
  }

  /** For who applies page after page without storing them: the next page goes by how much is held. */
  measure(): void {
    this.documents.measure();
  }

  /**
   * Applies and stores what of the events is new to this model.
   * @param scannedEvents how many events of the log were looked at for these
   * @returns the documents that were parked
   */
  async project(
    events: readonly DecodedEvent[],
    scannedTo: Position,
    scannedEvents = events.length,
  ): Promise<ParkedDocument[]> {
    for (;;) {
      try {
        await this.apply(events, scannedTo, scannedEvents);
        await this.flush();
        return this.parking.takeFresh();
      } catch (error) {
        this.discard();
        if (!(error instanceof Suspected)) throw error;
      }
    }
  }

  /**
   * Applies events in memory; `flush` stores them. Where they lead to more documents than memory is for,
   * what has changed is stored on the way.
   * @throws Suspected (see `isRestart`) when the caller has to start again from `checkpoint`
   */
  async apply(
    events: readonly DecodedEvent[],
    scannedTo: Position,
    scannedEvents = events.length,
  ): Promise<void> {
    const aimed = this.aimsOf(events);
    if (!this.documents.isWhole) await this.loadAhead(aimed);
    for (const [at, { event, handler, keys }] of aimed.entries()) {
      const waits = this.applyOne(event, handler, keys);
      if (waits) await waits;
      if (this.documents.isWhole || this.documents.heldCharacters <= heldCharactersMax) continue;
      if (this.only !== undefined) continue;
      this.reach(event.position, event);
      await this.store();
      this.documents.forget();
      await this.loadAhead(aimed.slice(at + 1));
    }
    this.eventsSince += scannedEvents;
    this.reach(scannedTo, events.at(-1));
  }

  private reach(position: Position, last: DecodedEvent | undefined): void {
    if (position <= this.reached) return;
    this.reached = position;
    this.reachedEvent = last?.position === position ? last : undefined;
  }

  private aimsOf(events: readonly DecodedEvent[]): Aimed[] {
    const aimed: Aimed[] = [];
    for (const event of events) {
      const handler = this.handlerOf(event);
      const keys = handler && this.keysOf(event, handler);
      if (handler && keys !== undefined) aimed.push({ event, handler, keys });
    }
    return aimed;
  }

  /**
   * Goes on from one of the keys. Only a document that is not in memory is worth a turn of the event loop.
   * @returns what ends when it was applied; undefined when it is
   */
  private applyOne(
    event: DecodedEvent,
    handler: AnyHandler,
    keys: Keys,
    from = 0,
  ): Promise<void> | undefined {
    // Nothing is allocated for an event that names one document, as nearly all do.
    const count = typeof keys === "string" ? 1 : keys.length;
    for (let index = from; index < count; index++) {
      const key = typeof keys === "string" ? keys : (keys[index] as string);
      if (this.isLeftAlone(key, handler)) continue;
      const entry = this.documents.find(key);
      if (!entry) return this.documents.loaded(key).then(() => this.applyOne(event, handler, keys, index));
      const hasGoneOn = entry.position >= event.position;
      const followers = this.change(entry, key, event, handler);
      // What could not be read, nobody has had.
      if (hasGoneOn && this.isForUnreadable) this.outdated.add(key);
      if (followers === undefined) continue;
      const isNew = !hasGoneOn || this.isForUnreadable;
      const waits = this.applyToFollowers(followers, event, handler, entry, isNew);
      if (waits) return waits.then(() => this.applyOne(event, handler, keys, index + 1));
    }
    return undefined;
  }

  /** One event is applied again, which is parked under its own position. */
  private get isForUnreadable(): boolean {
    return this.only?.startsWith("#") ?? false;
  }

  /** As `applyOne`, from one of the followers. */
  private applyToFollowers(
    keys: readonly string[],
    event: DecodedEvent,
    handler: AnyHandler,
    origin: Entry,
    isNew: boolean,
    from = 0,
  ): Promise<void> | undefined {
    const { changeFollower } = handler;
    if (!changeFollower) return undefined;
    for (let index = from; index < keys.length; index++) {
      const key = keys[index] as string;
      const follower = this.documents.find(key);
      if (!follower)
        return this.documents
          .loaded(key)
          .then(() => this.applyToFollowers(keys, event, handler, origin, isNew, index));
      if (isNew && this.only !== undefined && follower.position >= event.position) this.outdated.add(key);
      this.documents.led(key, follower);
      this.change(follower, key, event, {
        keys: () => key,
        change: (doc, event, key) => changeFollower(doc, event, key, origin.doc),
      });
    }
    return undefined;
  }

  /** While one document is looked at again, others only matter when it may follow from them. */
  private isLeftAlone(key: string, { follow }: AnyHandler): boolean {
    if (this.only === undefined || this.only === key || this.isForUnreadable) return false;
    return follow === undefined;
  }

  /** @returns undefined for an event that this model does not handle, or has applied */
  private handlerOf({ type, position }: ProjectedEvent): AnyHandler | undefined {
    return position > this.reached ? (this.projection.on[type] as AnyHandler | undefined) : undefined;
  }

  /** @returns undefined for an event that cannot even be read: it is parked under its own position */
  private keysOf(event: ProjectedEvent, handler: AnyHandler): Keys | undefined {
    try {
      return handler.keys(event);
    } catch (error) {
      const key = `#${event.position}`;
      if (this.only === undefined || this.only === key) this.park(key, event, error);
      return undefined;
    }
  }

  /** @returns the keys that follow; undefined when the key is parked, so that nothing may follow from it */
  private change(
    entry: Entry,
    key: string,
    event: ProjectedEvent,
    handler: AnyHandler,
  ): readonly string[] | undefined {
    const parked = this.parking.get(key);
    if (parked) {
      const behind = event.position > parked.position;
      if (behind && (this.only === undefined || this.only === key)) this.parking.wait(key);
      return undefined;
    }
    const { doc: before, position } = entry;
    const applied = position >= event.position;
    const suspect = this.suspects.has(key) || this.suspects.size >= suspectsMax;
    try {
      if (!applied) entry.doc = handler.change(suspect ? structuredClone(before) : before, event, key);
      const followers = handler.follow?.(entry.doc, event, key) ?? [];
      if (applied) return followers;
      entry.position = event.position;
      this.documents.changed(key, entry);
      return followers;
    } catch (error) {
      if (!suspect) {
        this.suspects.add(key);
        throw new Suspected(key, { cause: error });
      }
      entry.doc = before;
      this.park(key, event, error);
      return undefined;
    }
  }

  private park(key: string, { position, type: eventType }: ProjectedEvent, error: unknown): void {
    this.parking.park({ key, position, eventType, readAfter: this.reached }, error);
  }

  /** Loads at once what the events will probably touch, as far as memory is for it. */
  private async loadAhead(aimed: readonly Aimed[]): Promise<void> {
    const wanted = ({ handler, keys }: Aimed) =>
      (typeof keys === "string" ? [keys] : keys).filter((key) => !this.isLeftAlone(key, handler));
    await this.documents.loadAhead(aimed.flatMap(wanted));
    const followers = aimed
      .filter(({ handler }) => handler.follow !== undefined)
      .flatMap((aim) => wanted(aim).flatMap((key) => this.followersAhead(aim.event, aim.handler, key)));
    if (followers.length > 0) await this.documents.loadAhead(followers);
  }

  private followersAhead(event: ProjectedEvent, { follow }: AnyHandler, key: string): readonly string[] {
    try {
      return follow?.(this.documents.peek(key), event, key) ?? [];
    } catch {
      // It fails again, or not, when it is the event's turn.
      return [];
    }
  }

  /** Stores what has changed, and the checkpoint when it is due. */
  async flush(): Promise<void> {
    await this.store(this.eventsSince >= checkpointEveryEvents);
    this.suspects.clear();
    if (this.documents.isWhole) return;
    if (this.isShared || this.documents.heldCharacters > keptCharactersMax) this.documents.forget();
  }

  /** As `flush`, and the checkpoint in any case. */
  async flushAll(): Promise<void> {
    await this.store(this.stored < this.reached);
  }

  private get checkpointStored(): SaveOptions {
    return { checkpoint: this.stored, eventId: this.storedEvent?.eventId };
  }

  /** In parts that a save can take; the checkpoint comes with the last. */
  private async store(evenUnchanged = false): Promise<void> {
    let last: DocumentChange[] | undefined;
    const overtaken: string[] = [];
    const changed: string[] = [];
    for (const part of this.documents.changes()) {
      if (this.onStored) for (const { key } of part) changed.push(key);
      if (last) overtaken.push(...(await this.model.save(last, this.checkpointStored)));
      last = part;
    }
    const parked = this.parking.changes(this.reached);
    if (last === undefined && parked.length === 0 && !evenUnchanged) return;
    const checkpoint = { checkpoint: this.reached, eventId: this.reachedEvent?.eventId };
    const more = await this.model.save(last ?? [], { ...checkpoint, parked });
    this.documents.stored();
    this.documents.forgetOvertaken([...overtaken, ...more]);
    this.parking.keep();
    this.stored = this.reached;
    this.storedEvent = this.reachedEvent;
    this.eventsSince = 0;
    if (changed.length > 0) this.onStored?.(changed);
  }

  /**
   * Stores all of a new model and empties the memory; from now on documents are loaded when needed. In the
   * order of keys, and in parts. When it fails the generation is lost.
   */
  async spill(): Promise<void> {
    for (const part of this.documents.drain()) await this.model.save(part, this.checkpointStored);
    await this.flushAll();
  }

  /** Forgets what is not stored and continues from there. */
  discard(): void {
    this.documents.forget();
    this.parking.restore();
    this.reached = this.stored;
    this.reachedEvent = this.storedEvent;
    this.eventsSince = 0;
  }

  /** Continues on another generation, which must be at this fold's checkpoint or behind it. */
  async switchTo(model: ViewModel): Promise<void> {
    const saved = await model.savedCheckpoint();
    const parked = await model.parked();
    this.model = model;
    this.documents = new Documents(this.projection, model, false);
    this.parking.reset(parked);
    this.goOnFrom(saved);
  }

  /**
   * Tries a parked document again, or goes on without the event that failed: its events from that one on are
   * applied again. When that fails half way the document stays parked with all that waits behind it.
   * @returns undefined when the key is not parked
   * @throws what the stores throw
   */
  async unpark(key: string, how: "retry" | "skip", events: EventStore): Promise<Unparked | undefined> {
    await this.flushAll();
    const parked = this.parking.get(key);
    if (!parked) return undefined;
    const upTo = this.reached;
    for (;;) {
      try {
        this.documents.forget();
        await this.reapply(parked, how, events, upTo);
        await this.store(true);
        this.suspects.clear();
        return { outdated: this.outdated.size };
      } catch (error) {
        this.discard();
        if (!(error instanceof Suspected)) throw error;
      } finally {
        this.only = undefined;
      }
    }
  }

  private async reapply(
    { key, position, readAfter }: Readonly<ParkedDocument>,
    how: "retry" | "skip",
    events: EventStore,
    upTo: Position,
  ): Promise<void> {
    this.parking.delete(key);
    this.suspects.add(key);
    this.only = key;
    this.outdated.clear();
    // An event that could not be read stands for itself: nothing waits behind it.
    const unreadable = this.isForUnreadable;
    if (unreadable && how === "skip") return;
    if (how === "skip") {
      const entry = await this.documents.loaded(key);
      entry.position = latest(entry.position, position);
      this.documents.changed(key, entry);
    }
    const upToEvent = this.reachedEvent;
    this.reached = readAfter;
    const end = unreadable ? position : upTo;
    while (this.reached < end) {
      const bounds = { after: this.reached, upTo: end, types: this.types, maxCount: replayedEventsMax };
      const page = await events.readAll(bounds);
      if (page.scannedTo <= this.reached) break;
      const within = unreadable ? page.events.filter((each) => each.position === position) : page.events;
      await this.apply(projectable(within, this.codec), page.scannedTo, page.scannedEvents);
      this.documents.forgetUnchanged();
    }
    this.reached = upTo;
    this.reachedEvent = upToEvent;
  }
}
