import { logStart, type Position } from "../../stores/event-store/event-store.ts";
import type { DocumentChange, ViewModel } from "../../stores/view-store/view-store.ts";
import type { AnyProjection } from "../projection.ts";

const loadKeysMax = 10_000;
/** JSON text loaded ahead for one page of events; what is beyond is loaded when its event comes. */
const loadedAheadBytesMax = 8 * 1024 * 1024;
/** What one save holds. */
const savedDocumentsMax = 5_000;
const savedCharactersMax = 4 * 1024 * 1024;
/** Of a document in memory, besides its JSON. */
const entryOverheadCharacters = 200;
/**
 * By how much documents have grown in memory is known from samples: the first few, and then one in so many, measured
 * anew after each page that has changed them.
 */
const sampledFirst = 64;
const sampledEvery = 64;
/** Odd and near 2^32 over the golden ratio: multiples of it, modulo 2^32, are spread evenly. */
const scatter = 2_654_435_761;

/** Which sample a document is part of. */
type Sample = "none" | "first" | "rest";

/** A document in memory. */
export interface Entry {
  doc: unknown;
  position: Position;
  dirty: boolean;
  /** Of its JSON, as last stored or loaded. */
  characters: number;
  /** Beyond those, as last measured; 0 where it is no sample. */
  grown: number;
  /** Changed because another document led to it: stored before the ones that lead. */
  follower: boolean;
  /** Something is stored of it, if only that it was deleted. */
  isStored: boolean;
  sample: Sample;
}

/** The documents of one model that are in memory, bounded by whoever looks at `heldCharacters`. */
export class Documents {
  private readonly projection: AnyProjection;
  private readonly model: ViewModel;
  private whole: boolean;
  private readonly entries = new Map<string, Entry>();
  /** What was changed or led to since it was stored, while the model is not whole: a page costs what it changes. */
  private readonly touched = new Map<string, Entry>();
  private readonly samplesChanged = new Set<Entry>();
  private added = 0;
  private loadedCharacters = 0;
  /** How many samples there are, and how much they have grown in all. */
  private readonly first = { count: 0, grown: 0 };
  private readonly rest = { count: 0, grown: 0 };

  /** @param whole the model is new: what is not in memory does not exist */
  constructor(projection: AnyProjection, model: ViewModel, whole: boolean) {
    this.projection = projection;
    this.model = model;
    this.whole = whole;
  }

  get isWhole(): boolean {
    return this.whole;
  }

  get size(): number {
    return this.entries.size;
  }

  /** Of JSON, with an allowance for each document; an estimate of what they have grown by since they were stored. */
  get heldCharacters(): number {
    const { first, rest } = this;
    const growth = rest.count > 0 ? rest.grown / rest.count : 0;
    const grown = first.grown + (this.entries.size - first.count) * growth;
    return this.entries.size * entryOverheadCharacters + this.loadedCharacters + grown;
  }

  /** @returns undefined for a document that has to be loaded first */
  find(key: string): Entry | undefined {
    const entry = this.entries.get(key);
    if (entry || !this.whole) return entry;
    return this.add(key, { doc: undefined, position: logStart, isStored: false }, 0);
  }

  /** The document as it is in memory, whether it is one or not. */
  peek(key: string): unknown {
    return this.entries.get(key)?.doc;
  }

  async loaded(key: string): Promise<Entry> {
    await this.loadAhead([key]);
    return this.entries.get(key) as Entry;
  }

  /** Loads what is not here yet, in the order given, until it is enough for once. */
  async loadAhead(keys: readonly string[]): Promise<void> {
    const missing = [...new Set(keys)].filter((key) => !this.entries.has(key));
    let bytesLeft = loadedAheadBytesMax;
    for (let from = 0; from < missing.length && bytesLeft > 0; ) {
      const chunk = missing.slice(from, from + loadKeysMax);
      const { documents, deleted, lookedUp } = await this.model.load(chunk, bytesLeft);
      for (const key of chunk.slice(0, lookedUp)) {
        const stored = documents.get(key);
        const characters = stored?.json.length ?? 0;
        const entry = {
          doc: stored && (JSON.parse(stored.json) as unknown),
          position: stored?.position ?? deleted.get(key) ?? logStart,
          isStored: stored !== undefined || deleted.has(key),
        };
        this.add(key, entry, characters);
        bytesLeft -= characters;
      }
      if (lookedUp < chunk.length) return;
      from += lookedUp;
    }
  }

  private add(
    key: string,
    { doc, position, isStored }: Pick<Entry, "doc" | "position" | "isStored">,
    characters: number,
  ): Entry {
    const sample = this.nextSample();
    const entry = { doc, position, isStored, characters, grown: 0, sample, dirty: false, follower: false };
    this.entries.set(key, entry);
    this.loadedCharacters += characters;
    if (sample !== "none") this[sample].count++;
    return entry;
  }

  private nextSample(): Sample {
    const index = this.added++;
    if (index < sampledFirst) return "first";
    // Scattered: documents of one kind may come at every second place.
    return Math.imul(index, scatter) >>> 0 < 2 ** 32 / sampledEvery ? "rest" : "none";
  }

  private remove(key: string, entry: Entry): void {
    this.entries.delete(key);
    this.touched.delete(key);
    this.loadedCharacters -= entry.characters;
    if (entry.sample === "none") return;
    this.samplesChanged.delete(entry);
    this[entry.sample].count--;
    this[entry.sample].grown -= entry.grown;
  }

  changed(key: string, entry: Entry): void {
    // In a new model nothing has to say that a document is gone.
    if (this.whole && entry.doc === undefined) {
      this.remove(key, entry);
      return;
    }
    entry.dirty = true;
    if (!this.whole) this.touched.set(key, entry);
    if (entry.sample !== "none") this.samplesChanged.add(entry);
  }

  /** Another document leads to this one. */
  led(key: string, entry: Entry): void {
    entry.follower = true;
    if (!this.whole) this.touched.set(key, entry);
  }

  /** Brings `heldCharacters` up to date. */
  measure(): void {
    for (const entry of this.samplesChanged) {
      const characters = entry.doc === undefined ? 0 : JSON.stringify(entry.doc).length;
      this.grow(entry, characters - entry.characters);
    }
    this.samplesChanged.clear();
  }

  private grow(entry: Entry, grown: number): void {
    if (entry.sample === "none") return;
    this[entry.sample].grown += grown - entry.grown;
    entry.grown = grown;
  }

  /** What has changed, in parts that a save can take: followers first, then the documents that led to them. */
  changes(): Generator<DocumentChange[]> {
    const dirty = [...(this.whole ? this.entries : this.touched)].filter(([, { dirty }]) => dirty);
    return this.parts(dirty.sort(([, a], [, b]) => Number(b.follower) - Number(a.follower)));
  }

  /**
   * Everything that has changed, as `changes`, in the order of keys, as it is compared and read later. It is
   * forgotten on the way: all documents and all their JSON would be too much at once.
   */
  *drain(): Generator<DocumentChange[]> {
    const changed = [...this.entries].flatMap(([key, { dirty }]) => (dirty ? key : []));
    changed.sort((a, b) => (a < b ? -1 : 1));
    this.forgetUnchanged();
    yield* this.parts(this.taken(changed));
    this.whole = false;
    this.forget();
  }

  private *taken(keys: readonly string[]): Generator<[string, Entry]> {
    for (const key of keys) {
      const entry = this.entries.get(key) as Entry;
      yield [key, entry];
      this.remove(key, entry);
    }
  }

  private *parts(dirty: Iterable<[string, Entry]>): Generator<DocumentChange[]> {
    let part: DocumentChange[] = [];
    let characters = 0;
    for (const [key, entry] of dirty) {
      const change = this.changeOf(key, entry);
      const size = (change.json?.length ?? 0) + (change.presented?.length ?? 0);
      if (part.length > 0 && (part.length >= savedDocumentsMax || characters + size > savedCharactersMax)) {
        yield part;
        part = [];
        characters = 0;
      }
      part.push(change);
      characters += size;
    }
    if (part.length > 0) yield part;
  }

  private changeOf(key: string, entry: Entry): DocumentChange {
    const { doc, position, follower } = entry;
    const isNew = !entry.isStored;
    const { columnsOf, listsOf, present } = this.projection;
    const json = doc === undefined ? undefined : JSON.stringify(doc);
    this.loadedCharacters += (json?.length ?? 0) - entry.characters;
    entry.characters = json?.length ?? 0;
    this.grow(entry, 0);
    if (json === undefined) return { key, position, isNew, follower, json, columns: {} };
    const presented = present?.(doc, key);
    return {
      key,
      position,
      isNew,
      follower,
      json,
      columns: columnsOf(doc, key),
      ...(presented !== undefined && { presented: JSON.stringify(presented) }),
      ...(listsOf && { lists: listsOf(doc) }),
    };
  }

  /** All that had changed is stored. */
  stored(): void {
    for (const entry of this.whole ? this.entries.values() : this.touched.values()) {
      entry.dirty = false;
      entry.follower = false;
      entry.isStored = true;
    }
    this.touched.clear();
    this.samplesChanged.clear();
  }

  /** The store knew more of these than was loaded: they are loaded again when they are needed. */
  forgetOvertaken(keys: readonly string[]): void {
    for (const key of keys) {
      const entry = this.entries.get(key);
      if (entry) this.remove(key, entry);
    }
  }

  /** Forgets what is as it is stored. */
  forgetUnchanged(): void {
    for (const [key, entry] of this.entries) if (!entry.dirty) this.remove(key, entry);
  }

  /** Forgets everything. A model that was whole and is not stored starts again from nothing. */
  forget(): void {
    this.entries.clear();
    this.touched.clear();
    this.samplesChanged.clear();
    this.added = 0;
    this.loadedCharacters = 0;
    for (const samples of [this.first, this.rest]) Object.assign(samples, { count: 0, grown: 0 });
  }
}
