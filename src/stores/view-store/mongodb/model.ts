import type { Collection } from "mongodb";
import { logStart, type Position } from "../../event-store/event-store.ts";
import type {
  DocumentChange,
  FindQuery,
  FindResult,
  Found,
  Loaded,
  ModelSpec,
  Overtaken,
  ParkedDocument,
  SavedCheckpoint,
  SaveOptions,
  StoredDocument,
  SumQuery,
  SumRow,
  ViewModel,
} from "../view-store.ts";
import { type MongoConnection, readTimeMaxMs } from "./connection.ts";
import { away } from "./errors.ts";
import {
  checkpointEvent,
  collectionName,
  collections,
  documentsIn,
  type MongoCheckpoint,
  type MongoDocument,
  type MongoParked,
} from "./layout.ts";
import { MongoReader } from "./read.ts";
import { moveCheckpoint, planSave, writeDocuments, writeParked } from "./write.ts";

export interface MongoModelOptions {
  connection: MongoConnection;
  spec: ModelSpec;
  generation: number;
  /** Called before each use. @throws StoreUnavailable when the generation may not be used so any more */
  check: (generation: number, use: "read" | "write") => Promise<void>;
}

/** One generation in one collection. */
export class MongoViewModel implements ViewModel {
  readonly spec: ModelSpec;
  readonly generation: number;
  readonly documents: Collection<MongoDocument>;
  readonly #connection: MongoConnection;
  readonly #check: MongoModelOptions["check"];
  readonly #reader: MongoReader;
  readonly #name: string;
  #isGone = false;

  constructor({ connection, spec, generation, check }: MongoModelOptions) {
    this.spec = spec;
    this.generation = generation;
    this.#connection = connection;
    this.#check = check;
    this.#name = collectionName(spec.name, generation);
    this.documents = documentsIn(connection.database, spec.name, generation);
    this.#reader = new MongoReader(connection, this.documents, spec);
  }

  /** No more use. */
  dispose(): void {
    this.#isGone = true;
  }

  async #reading(): Promise<MongoReader> {
    await this.#use("read");
    return this.#reader;
  }

  async #use(how: "read" | "write"): Promise<void> {
    if (this.#isGone) {
      throw away(`generation ${this.generation} of read model ${this.spec.name} is closed or dropped`);
    }
    await this.#check(this.generation, how);
  }

  async checkpoint(): Promise<Position> {
    await this.#use("read");
    const found = await this.#connection.run("checkpoint", () =>
      this.#checkpoints.findOne({ _id: this.#name }, { maxTimeMS: readTimeMaxMs }),
    );
    return found?.position ?? logStart;
  }

  async savedCheckpoint(): Promise<SavedCheckpoint> {
    await this.#use("read");
    const pipeline = [{ $match: { _id: this.#name } }, { $addFields: { now: "$$NOW" } }];
    const [found] = await this.#connection.run("checkpoint", () =>
      this.#checkpoints
        .aggregate<MongoCheckpoint & { now: Date }>(pipeline, { maxTimeMS: readTimeMaxMs })
        .toArray(),
    );
    if (!found) return { position: logStart, ageMs: 0 };
    const { position, event = "", savedAt = found.now, now } = found;
    const eventId = event.slice(checkpointEvent(position).length);
    return { position, ...(eventId !== "" && { eventId }), ageMs: now.getTime() - savedAt.getTime() };
  }

  async load(keys: readonly string[], bytesMax = Number.POSITIVE_INFINITY): Promise<Loaded> {
    return (await this.#reading()).load(keys, bytesMax);
  }

  async save(changes: readonly DocumentChange[], options: SaveOptions): Promise<Overtaken> {
    const { parked } = options;
    const { followers, others, overtaken } = planSave(this.spec, changes);
    await this.#use("write");
    // What leads to a follower is stored once the follower is, and the checkpoint once all of it is.
    for (const writes of [followers, others]) {
      for (const key of await writeDocuments(this.#connection, this.documents, writes)) overtaken.add(key);
    }
    if (parked !== undefined && parked.length > 0) {
      await writeParked(this.#connection, this.#parked, this.#name, parked);
    }
    await moveCheckpoint(this.#connection, this.#checkpoints, this.#name, options);
    return [...overtaken];
  }

  async parked(): Promise<ParkedDocument[]> {
    await this.#use("read");
    const found = await this.#connection.run("parked", () =>
      this.#parked
        .find(
          { generation: this.#name, gone: false },
          { sort: { "document.position": 1, "document.key": 1 }, maxTimeMS: readTimeMaxMs },
        )
        .toArray(),
    );
    return found.flatMap(({ document }) => document ?? []);
  }

  async get(key: string): Promise<Found | undefined> {
    return (await this.#reading()).get(key);
  }

  async getMany(keys: readonly string[]): Promise<Map<string, Found>> {
    return (await this.#reading()).getMany(keys);
  }

  async find(query: FindQuery): Promise<FindResult> {
    return (await this.#reading()).find(query);
  }

  async sum(query: SumQuery): Promise<SumRow[]> {
    return (await this.#reading()).sum(query);
  }

  async changedSince(position: Position, limit: number): Promise<string[]> {
    return (await this.#reading()).changedSince(position, limit);
  }

  async count(): Promise<number> {
    return (await this.#reading()).count();
  }

  async scan(
    afterKey: string | undefined,
    limit: number,
    bytesMax = Number.POSITIVE_INFINITY,
  ): Promise<StoredDocument[]> {
    return (await this.#reading()).scan(afterKey, limit, bytesMax);
  }

  get #checkpoints(): Collection<MongoCheckpoint> {
    return this.#connection.database.collection<MongoCheckpoint>(collections.checkpoints);
  }

  get #parked(): Collection<MongoParked> {
    return this.#connection.database.collection<MongoParked>(collections.parked);
  }
}
