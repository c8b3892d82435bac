import { LRUCache } from "lru-cache";
import { atMost } from "../values/at-most.ts";

const rememberedMax = 50_000;

/** Between two changes. What is read from a model after it shows at least all that was told of before it. */
export type Moment = number;

/**
 * Which documents of a model have changed lately, so that what was made of a few of them need not be made again while
 * others change. Changes are told before the model's progress: what is unchanged is as of where the model stands.
 */
export class ChangedDocuments {
  private count: Moment = 0;
  /** Of what was read before this, it is not known whether it has changed since. */
  private knownFrom: Moment;
  private readonly changes: LRUCache<string, Moment>;

  /** @param isTold where nobody tells, nothing is known to be unchanged */
  constructor(isTold: boolean, max = rememberedMax) {
    this.knownFrom = isTold ? 0 : Number.POSITIVE_INFINITY;
    this.changes = new LRUCache<string, Moment>({
      ...atMost(max),
      dispose: (changedAt, _key, reason) => {
        if (reason === "evict") this.knownFrom = Math.max(this.knownFrom, changedAt);
      },
    });
  }

  get now(): Moment {
    return this.count;
  }

  /** Documents were stored or deleted; without keys, it may be any. */
  changed(keys?: readonly string[]): void {
    const at = ++this.count;
    if (keys) for (const key of keys) this.changes.set(key, at);
    else this.knownFrom = Math.max(this.knownFrom, at);
  }

  areUnchangedSince(moment: Moment, keys: readonly string[]): boolean {
    return moment >= this.knownFrom && keys.every((key) => (this.changes.peek(key) ?? 0) <= moment);
  }
}

/** What a read was made of, where that is known to be all. */
export interface MadeOf<T> {
  value: T;
  keys: readonly string[];
}

/** Remembers what was made of documents for as long as they stay as they are. */
export class Remembered<T extends {}> {
  private readonly changes: ChangedDocuments;
  private readonly made: LRUCache<string, MadeOf<T> & { at: Moment }>;

  constructor(changes: ChangedDocuments, max: number) {
    this.changes = changes;
    this.made = new LRUCache(atMost(max));
  }

  /** @param make is asked only where the documents have changed since it was asked last */
  async get(name: string, make: () => Promise<MadeOf<T>>): Promise<T> {
    const known = this.made.get(name);
    if (known && this.changes.areUnchangedSince(known.at, known.keys)) return known.value;
    const at = this.changes.now;
    const made = await make();
    this.made.set(name, { ...made, at });
    return made.value;
  }
}
