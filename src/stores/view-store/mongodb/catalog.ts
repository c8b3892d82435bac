import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Collection } from "mongodb";
import type { MongoConnection } from "./connection.ts";
import { away, duplicateKey, hasCode, storeName } from "./errors.ts";
import { collections } from "./layout.ts";

/**
 * `live` is what a version of a model stands for, at most one for each; `previous` was so before it; `retired` was
 * rolled back; `filling` is not promoted yet; `dropped` goes when nobody can be reading it any more.
 */
export type GenerationState = "live" | "previous" | "retired" | "filling" | "dropped";

export interface Generation {
  /** The model's epoch when it was begun, which is never used twice. */
  generation: number;
  version: number;
  /** What its spec asks for besides the version. */
  shape: string;
  state: GenerationState;
  /** It has its indexes. */
  indexed: boolean;
  /** When it was dropped: epoch milliseconds of the server. */
  droppedAt?: number;
}

/** What the generations of one model are: one small document, which every change replaces as a whole. */
export interface ModelState {
  _id: string;
  /** Grows with each change; a change names the one that it was decided on. */
  epoch: number;
  /** Of the last change, by which a writer without an answer knows its own. */
  change: string;
  generations: readonly Generation[];
}

/** With the server's clock when it was read. */
export interface SeenState extends ModelState {
  now: number;
}

export interface Decided<T> {
  /** Left out when there is nothing to change. */
  generations?: readonly Generation[];
  result: T;
}

const changeAttemptsMax = 20;
const changePauseMs = 20;

interface Cached {
  state: SeenState;
  /** Of this process's monotonic clock, before it was asked for. */
  asOf: number;
}

/** Which generations there are, as all processes agree on it. */
export class Catalog {
  readonly #connection: MongoConnection;
  readonly #models: Collection<ModelState>;
  readonly #ageMaxMs: number;
  readonly #cached = new Map<string, Cached>();
  readonly #reading = new Map<string, Promise<SeenState>>();

  /** @param ageMaxMs how old what `current` answers may be */
  constructor(connection: MongoConnection, ageMaxMs: number) {
    this.#connection = connection;
    this.#models = connection.database.collection<ModelState>(collections.models);
    this.#ageMaxMs = ageMaxMs;
  }

  current(name: string): Promise<SeenState> {
    const cached = this.#cached.get(name);
    if (cached && performance.now() - cached.asOf <= this.#ageMaxMs) return Promise.resolve(cached.state);
    const known = this.#reading.get(name);
    if (known) return known;
    const asOf = performance.now();
    const reading = this.#read(name)
      .then((state) => {
        if (this.#reading.get(name) === reading) this.#cached.set(name, { state, asOf });
        return state;
      })
      .finally(() => {
        if (this.#reading.get(name) === reading) this.#reading.delete(name);
      });
    this.#reading.set(name, reading);
    return reading;
  }

  /** What is known is asked for again. */
  refresh(): void {
    this.#cached.clear();
    this.#reading.clear();
  }

  /** By name. */
  all(): Promise<ModelState[]> {
    return this.#connection.run("models", () => this.#models.find({}, { sort: { _id: 1 } }).toArray());
  }

  /**
   * Changes what a model's generations are, decided on what they are now: again for as long as others come first.
   * @throws StoreUnavailable
   */
  async change<T>(name: string, decide: (state: SeenState) => Decided<T>): Promise<T> {
    let sent = "";
    let sentResult: Decided<T> | undefined;
    for (let attempt = 1; attempt <= changeAttemptsMax; attempt++) {
      const asOf = performance.now();
      const state = await this.#read(name);
      if (sentResult && state.change === sent) return sentResult.result;
      const decided = decide(state);
      this.#reading.delete(name);
      if (decided.generations === undefined) {
        this.#cached.set(name, { state, asOf });
        return decided.result;
      }
      const { now, ...before } = state;
      const next = {
        ...before,
        epoch: state.epoch + 1,
        change: randomUUID(),
        generations: decided.generations,
      };
      sent = next.change;
      sentResult = decided;
      if (await this.#replace(next)) {
        this.#cached.set(name, { state: { ...next, now }, asOf });
        return decided.result;
      }
      await sleep(Math.random() * changePauseMs * attempt);
    }
    throw away(`${storeName} is not available: others change read model ${name} all the time`);
  }

  async #read(name: string): Promise<SeenState> {
    const pipeline = [{ $match: { _id: name } }, { $addFields: { now: { $toLong: "$$NOW" } } }];
    const found = await this.#connection.run("model", () =>
      this.#models.aggregate<SeenState>(pipeline).toArray(),
    );
    const [state] = found;
    if (state === undefined) return { _id: name, epoch: 0, change: "", generations: [], now: 0 };
    return { ...state, now: Number(state.now) };
  }

  /** @returns false when the model is not as it was, or when it was this very change that came first */
  async #replace(next: ModelState): Promise<boolean> {
    return this.#connection.run("flip", async () => {
      if (next.epoch > 1) {
        const filter = { _id: next._id, epoch: next.epoch - 1 };
        return (await this.#models.replaceOne(filter, next)).matchedCount === 1;
      }
      try {
        await this.#models.insertOne(next);
        return true;
      } catch (error) {
        if (hasCode(error, duplicateKey)) return false;
        throw error;
      }
    });
  }
}
