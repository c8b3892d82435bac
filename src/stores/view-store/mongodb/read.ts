import type { Collection, Document } from "mongodb";
import { checkLimit, columnType } from "../spec.ts";
import type {
  ColumnValue,
  FindQuery,
  FindResult,
  Found,
  Loaded,
  ModelSpec,
  StoredDocument,
  SumQuery,
  SumRow,
} from "../view-store.ts";
import { type MongoConnection, readTimeMaxMs } from "./connection.ts";
import { allOf, type Filter, stretchesAfter, sumPipeline, whereFilters } from "./filter.ts";
import { columnPath, type MongoDocument } from "./layout.ts";
import { type Order, pageOf, type ReadRows, type Row, sortedRows, sortingOf } from "./sorted.ts";

export const loadKeysMax = 10_000;
/** Of one query. The first of a bounded load are few, for nobody knows yet how large they are. */
const chunkKeysMax = 1_000;
const firstChunkKeys = 100;
const scanDocumentsMax = 2_000;
/** What comes over the wire at once, so that a scan that is full does not fetch much more. */
const scanBatchDocuments = 200;

const bounded = { maxTimeMS: readTimeMaxMs };
const shownOnly = { json: { $ifNull: ["$shown", "$json"] } };

/** Reads of one generation. */
export class MongoReader {
  readonly #connection: MongoConnection;
  readonly #documents: Collection<MongoDocument>;
  readonly #spec: ModelSpec;

  constructor(connection: MongoConnection, documents: Collection<MongoDocument>, spec: ModelSpec) {
    this.#connection = connection;
    this.#documents = documents;
    this.#spec = spec;
  }

  async load(keys: readonly string[], bytesMax: number): Promise<Loaded> {
    checkKeys(keys);
    const documents = new Map<string, StoredDocument>();
    const deleted = new Map<string, string>();
    let bytes = 0;
    let size = Number.isFinite(bytesMax) ? firstChunkKeys : chunkKeysMax;
    for (let from = 0; from < keys.length; ) {
      const chunk = keys.slice(from, from + size);
      const found = await this.#byKey(chunk);
      for (const [at, key] of chunk.entries()) {
        const stored = found.get(key);
        if (stored === undefined) continue;
        const { position, json } = stored;
        if (stored.gone || json === undefined) deleted.set(key, position);
        else {
          documents.set(key, { key, position, json });
          bytes += json.length;
          if (bytes > bytesMax) return { documents, deleted, lookedUp: from + at + 1 };
        }
      }
      from += chunk.length;
      const perKey = Math.max(1, bytes / from);
      if (Number.isFinite(bytesMax)) size = clamp((bytesMax - bytes) / perKey, 1, chunkKeysMax);
    }
    return { documents, deleted, lookedUp: keys.length };
  }

  async #byKey(
    keys: readonly string[],
  ): Promise<Map<string, Pick<MongoDocument, "position" | "gone" | "json">>> {
    const projection = { position: 1, gone: 1, json: 1 };
    const found = await this.#connection.run("load", () =>
      this.#documents.find({ _id: { $in: [...keys] } }, { projection, ...bounded }).toArray(),
    );
    return new Map(found.map((document) => [document._id, document]));
  }

  /** By the key alone, which is the shortest way; whether it is gone is looked at here. */
  async get(key: string): Promise<Found | undefined> {
    const projection = { ...shownOnly, gone: 1 };
    const found = await this.#connection.run("get", () =>
      this.#documents.findOne({ _id: key }, { projection, ...bounded }),
    );
    return found === null || found.gone || found.json === undefined ? undefined : { key, json: found.json };
  }

  async getMany(keys: readonly string[]): Promise<Map<string, Found>> {
    checkKeys(keys);
    const found = new Map<string, Found>();
    for (let from = 0; from < keys.length; from += chunkKeysMax) {
      const filter = { gone: false, _id: { $in: keys.slice(from, from + chunkKeysMax) } };
      const rows = await this.#rows("get", filter, shownOnly);
      for (const { _id: key, json } of rows) found.set(key, { key, json });
    }
    return found;
  }

  async find(query: FindQuery): Promise<FindResult> {
    checkLimit(query.limit);
    const sort = query.sort ?? [];
    for (const { column } of sort) columnType(this.#spec, column);
    const where = whereFilters(this.#spec, query.where);
    const stretches = query.after === undefined ? [[]] : stretchesAfter(this.#spec, sort, query.after);
    const columns = Object.fromEntries(sort.map(({ column }) => [columnPath(column), 1]));
    const sorting = sortingOf(this.#spec, query.where, sort);
    const rows: Row[] = [];
    // One more than asked for tells whether there is a next page.
    for (const [at, stretch] of stretches.entries()) {
      const missing = query.limit + 1 - rows.length;
      if (missing === 0) break;
      const read: ReadRows = (more, order, limit) => {
        const filter = allOf([...where, ...stretch, ...more]);
        return this.#rows("find", filter, { ...shownOnly, ...columns }, { sort: order, limit });
      };
      // The first stretch behind a cursor has the same values throughout.
      const isSame = query.after !== undefined && at === 0;
      rows.push(...(await sortedRows(read, isSame ? { sort: [], isKeyed: true } : sorting, missing)));
    }
    return pageOf(rows, sort, query.limit);
  }

  #rows(
    operation: string,
    filter: Filter,
    projection: Document,
    options: { sort?: Order; limit?: number } = {},
  ): Promise<Row[]> {
    return this.#connection.run(operation, () =>
      this.#documents.find<Row>(filter, { projection, ...options, ...bounded }).toArray(),
    );
  }

  async sum(query: SumQuery): Promise<SumRow[]> {
    checkLimit(query.limit);
    const pipeline = sumPipeline(this.#spec, query);
    const rows = await this.#connection.run("sum", () =>
      this.#documents.aggregate<Record<string, unknown>>(pipeline, bounded).toArray(),
    );
    return rows.map((row) => ({
      group: row._id as ColumnValue,
      sums: Object.fromEntries(query.sums.map((column, at) => [column, Number(row[`s${at}`])])),
    }));
  }

  async changedSince(position: string, limit: number): Promise<string[]> {
    checkLimit(limit);
    const options = { projection: { _id: 1 }, sort: { position: 1, _id: 1 } as const, limit, ...bounded };
    const rows = await this.#connection.run("changedSince", () =>
      this.#documents.find({ position: { $gt: position } }, options).toArray(),
    );
    return rows.map(({ _id }) => _id);
  }

  count(): Promise<number> {
    return this.#connection.run("count", () => this.#documents.countDocuments({ gone: false }, bounded));
  }

  async scan(afterKey: string | undefined, limit: number, bytesMax: number): Promise<StoredDocument[]> {
    checkLimit(limit);
    const filter = { gone: false, ...(afterKey !== undefined && { _id: { $gt: afterKey } }) };
    return this.#connection.run("scan", async () => {
      const cursor = this.#documents.find(filter, {
        projection: { position: 1, json: 1 },
        sort: { _id: 1 },
        limit: Math.min(limit, scanDocumentsMax),
        batchSize: scanBatchDocuments,
        ...bounded,
      });
      const documents: StoredDocument[] = [];
      let bytes = 0;
      try {
        for await (const { _id: key, position, json = "" } of cursor) {
          bytes += json.length;
          if (bytes > bytesMax && documents.length > 0) break;
          documents.push({ key, position, json });
        }
      } finally {
        await cursor.close();
      }
      return documents;
    });
  }
}

function checkKeys(keys: readonly string[]): void {
  if (keys.length > loadKeysMax) throw new RangeError(`more than ${loadKeysMax} keys at once`);
}

function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(max, Math.floor(value)));
}
