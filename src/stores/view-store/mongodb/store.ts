import { setTimeout as sleep } from "node:timers/promises";
import { MongoNetworkTimeoutError } from "mongodb";
import { StoreUnavailable } from "../../event-store/event-store.ts";
import type { Leases } from "../leases/leases.ts";
import { specHash } from "../spec.ts";
import type { GenerationInfo, ModelSpec, ViewModel, ViewStore } from "../view-store.ts";
import { Catalog } from "./catalog.ts";
import { connectMongo, type MongoConnection, type MongoConnectionOptions } from "./connection.ts";
import { away, storeName } from "./errors.ts";
import { claimDatabase } from "./identity.ts";
import { collectionName, collections, indexesOf, parkedIndexes } from "./layout.ts";
import { createMongoLeases } from "./leases.ts";
import { MongoViewModel } from "./model.ts";
import { sweepModel } from "./sweep.ts";
import {
  begin,
  droppedOne,
  firstLive,
  indexed,
  knownIn,
  liveOf,
  previousOf,
  promoted,
  rolledBack,
} from "./transitions.ts";

/** How old what a process knows of live generations may be: it may read an old one for so long after a flip. */
const pointerAgeMaxMs = 1_000;
/** From when a generation is no longer to be read until its collection goes. */
const dropWaitMs = 60_000;
/** How long a generation is waited for to be level with the one before: a shop without a projector goes on all the same. */
const levelMsMax = 30_000;
const levelLookMs = 50;
/** Indexes of a large generation take longer than a socket may be silent. */
const indexingTimeMaxMs = 30 * 60_000;
const indexingPauseMs = 1_000;

export interface MongoViewStoreOptions extends MongoConnectionOptions {
  /** The log that the read models are made from. */
  logId: string;
  readOnly?: boolean;
  /** For tests. */
  pointerAgeMaxMs?: number;
  /** For tests; the same in all processes, for readers go by it too. */
  dropWaitMs?: number;
}

export interface MongoViewStore extends ViewStore {
  /** In the same database, through the same connections. */
  readonly leases: Leases;
}

/**
 * Read models in MongoDB, stand-alone, as a replica set or sharded: a collection `<name>.g<n>` for each generation.
 * Any number of processes may open the same database, and any number of them write the same models at once.
 *
 * Of each version of a model one generation is live: processes of two releases each have theirs.
 *
 * @throws StoreDamaged when the database belongs to another log or is in another format
 * @throws StoreUnavailable when there is no server, or no read models yet and nothing may be written
 * @throws TypeError when the URL is none or sets what is decided here
 */
export async function openMongoViewStore(options: MongoViewStoreOptions): Promise<MongoViewStore> {
  const connection = await connectMongo(options);
  try {
    await claimDatabase(connection, options.logId, options.readOnly === true);
    return new MongoViews(connection, options);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

class MongoViews implements MongoViewStore {
  readonly leases: Leases;
  readonly #connection: MongoConnection;
  readonly #catalog: Catalog;
  readonly #readOnly: boolean;
  readonly #dropWaitMs: number;
  readonly #models = new Map<string, MongoViewModel>();
  /** What is read of each model. */
  readonly #read = new Map<string, { model: MongoViewModel; until: number | undefined; lookAt: number }>();
  /** Which version of each model this process is of. */
  readonly #versions = new Map<string, number>();
  readonly #sweeps = new Set<NodeJS.Timeout>();
  #parkedIndexed = false;
  #closed = false;

  constructor(connection: MongoConnection, options: MongoViewStoreOptions) {
    this.#connection = connection;
    this.leases = createMongoLeases(connection);
    this.#catalog = new Catalog(connection, options.pointerAgeMaxMs ?? pointerAgeMaxMs);
    this.#readOnly = options.readOnly === true;
    this.#dropWaitMs = options.dropWaitMs ?? dropWaitMs;
  }

  async open(spec: ModelSpec): Promise<ViewModel> {
    this.#assertOpen();
    specHash(spec);
    let live = liveOf(await this.#catalog.current(spec.name), spec);
    if (live === undefined) {
      if (this.#readOnly) throw away(`there is no read model ${spec.name} yet`);
      live = await this.#catalog.change(spec.name, (state) => firstLive(state, spec));
    }
    this.#versions.set(spec.name, spec.version);
    const model = this.#model(spec, live.generation);
    if (this.#readOnly) return this.#levelOrBefore(model);
    if (!live.indexed) await this.#index(model);
    return model;
  }

  /**
   * A generation that has just become live may be behind the one before, until its projector has noticed. What was read
   * is read on until then: a reader goes back in time for nothing.
   */
  async #levelOrBefore(next: MongoViewModel): Promise<MongoViewModel> {
    const { name, version } = next.spec;
    const read = this.#read.get(name);
    const now = performance.now();
    if (read !== undefined && read.model !== next && read.model.spec.version === version) {
      read.until ??= now + levelMsMax;
      if (now < read.until) {
        if (now < read.lookAt) return read.model;
        read.lookAt = now + levelLookMs;
        if (!(await isLevel(next, read.model))) return read.model;
      }
    }
    if (read?.model !== next) this.#read.set(name, { model: next, until: undefined, lookAt: 0 });
    return next;
  }

  #model(spec: ModelSpec, generation: number): MongoViewModel {
    const name = collectionName(spec.name, generation);
    const known = this.#models.get(name);
    if (known !== undefined) return known;
    const check = (of: number, use: "read" | "write") => this.#check(spec.name, of, use);
    const model = new MongoViewModel({ connection: this.#connection, spec, generation, check });
    this.#models.set(name, model);
    return model;
  }

  async #check(name: string, generation: number, use: "read" | "write"): Promise<void> {
    this.#assertOpen();
    if (use === "write") this.#assertWritable();
    const state = await this.#catalog.current(name);
    const known = state.generations.find((each) => each.generation === generation);
    // Who read it before may read on for half of the wait: its collection is there for longer.
    const isReadable =
      known !== undefined &&
      (known.state !== "dropped" || state.now < (known.droppedAt ?? 0) + this.#dropWaitMs / 2);
    if (use === "read" && isReadable) return;
    if (!isReadable) this.#forget(name, generation);
    knownIn(state, generation);
  }

  #forget(name: string, generation: number): void {
    const key = collectionName(name, generation);
    this.#models.get(key)?.dispose();
    this.#models.delete(key);
  }

  async createGeneration(spec: ModelSpec): Promise<ViewModel> {
    this.#assertWritable();
    specHash(spec);
    const begun = await this.#catalog.change(spec.name, (state) => begin(state, spec));
    await this.#sweep(spec.name);
    return this.#model(spec, begun.generation);
  }

  async seal(model: ViewModel): Promise<void> {
    this.#assertWritable();
    await this.#index(this.#mine(model));
  }

  async #index(model: MongoViewModel): Promise<void> {
    const { spec, generation } = model;
    const state = await this.#catalog.current(spec.name);
    if (knownIn(state, generation).indexed) return;
    await this.#indexParked();
    const endsAt = performance.now() + indexingTimeMaxMs;
    for (;;) {
      try {
        await this.#connection.run("index", () => model.documents.createIndexes(indexesOf(spec)));
        break;
      } catch (error) {
        // The server goes on building them, and asking again is waiting for them.
        if (!isSilent(error) || performance.now() > endsAt) throw error;
        await sleep(indexingPauseMs);
      }
    }
    await this.#catalog.change(spec.name, (seen) => indexed(seen, generation));
  }

  async #indexParked(): Promise<void> {
    if (this.#parkedIndexed) return;
    const parked = this.#connection.database.collection(collections.parked);
    await this.#connection.run("index", () => parked.createIndexes(parkedIndexes));
    this.#parkedIndexed = true;
  }

  async promote(model: ViewModel): Promise<void> {
    this.#assertWritable();
    const mine = this.#mine(model);
    const { spec, generation } = mine;
    await this.#index(mine);
    await this.#catalog.change(spec.name, (state) => promoted(state, generation));
    this.#versions.set(spec.name, spec.version);
    this.#sweepLater(spec.name);
  }

  async previous(spec: ModelSpec): Promise<ViewModel | undefined> {
    this.#assertWritable();
    const found = previousOf(await this.#catalog.current(spec.name), spec);
    return found && this.#model(spec, found.generation);
  }

  /**
   * What was live is kept until the next generation is created or promoted, but not for another rollback:
   * a second one in a row answers false and changes nothing.
   */
  async rollback(name: string): Promise<boolean> {
    this.#assertWritable();
    return this.#catalog.change(name, (state) => rolledBack(state, this.#versions.get(name)));
  }

  async drop(model: ViewModel): Promise<void> {
    this.#assertWritable();
    const { spec, generation } = this.#mine(model);
    await this.#catalog.change(spec.name, (state) => droppedOne(state, generation));
    this.#forget(spec.name, generation);
    this.#sweepLater(spec.name);
  }

  #mine(model: ViewModel): MongoViewModel {
    const { spec, generation } = model;
    const known = this.#models.get(collectionName(spec.name, generation));
    if (known !== undefined && known === model) return known;
    throw away(`generation ${generation} of ${spec.name} is dropped or not of this store`);
  }

  async generations(): Promise<GenerationInfo[]> {
    this.#assertOpen();
    const models = await this.#catalog.all();
    return models.flatMap(({ _id: name, generations }) =>
      [...generations]
        .filter(({ state }) => state !== "dropped")
        .sort((a, b) => a.generation - b.generation)
        .map(({ generation, version, state }) => ({ name, generation, version, live: state === "live" })),
    );
  }

  refresh(): void {
    this.#catalog.refresh();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#sweeps) clearTimeout(timer);
    for (const model of this.#models.values()) model.dispose();
    this.#models.clear();
    await this.#connection.close();
  }

  #sweep(name: string): Promise<void> {
    return sweepModel(this.#connection, this.#catalog, name, this.#dropWaitMs);
  }

  /** What a process does not live to sweep, the next rebuild does. */
  #sweepLater(name: string): void {
    const timer = setTimeout(() => {
      this.#sweeps.delete(timer);
      void this.#sweep(name).catch(() => {});
    }, this.#dropWaitMs + indexingPauseMs);
    timer.unref();
    this.#sweeps.add(timer);
  }

  #assertOpen(): void {
    if (this.#closed) throw away(`the view store in ${storeName} is closed`);
  }

  #assertWritable(): void {
    this.#assertOpen();
    if (this.#readOnly) throw away(`the view store in ${storeName} is open read only`);
  }
}

/** @returns true also when the one before cannot be read any more */
async function isLevel(next: ViewModel, before: ViewModel): Promise<boolean> {
  try {
    const reached = await before.checkpoint();
    return (await next.checkpoint()) >= reached;
  } catch {
    return true;
  }
}

function isSilent(error: unknown): boolean {
  return error instanceof StoreUnavailable && error.cause instanceof MongoNetworkTimeoutError;
}
