import { type Position, StoreUnavailable } from "../event-store/event-store.ts";
import {
  type Condition,
  type DocumentChange,
  type FindQuery,
  type FindResult,
  type Found,
  type GenerationInfo,
  InvalidCursor,
  type Loaded,
  type ModelSpec,
  type Overtaken,
  type ParkedDocument,
  type SavedCheckpoint,
  type SaveOptions,
  type StoredDocument,
  type SumQuery,
  type SumRow,
  type ViewModel,
  type ViewStore,
} from "./view-store.ts";

type Operation =
  | ("checkpoint" | "load" | "save" | "parked")
  | ("get" | "find" | "sum" | "count" | "scan" | "changedSince");
type Outcome = "ok" | "invalid" | "unavailable" | "failed";

/** Told of every call once it has ended. @param shape what was asked, without any value of it; made when it is called */
export type ObserveViewCall = (
  operation: Operation,
  seconds: number,
  outcome: Outcome,
  shape: () => string,
) => void;

/** The same read models, with what is read and written in them observed; `invalid` is a caller's mistake. */
export function observedViews(views: ViewStore, observe: ObserveViewCall): ViewStore {
  return new ObservedViews(views, observe);
}

class ObservedViews implements ViewStore {
  readonly #views: ViewStore;
  readonly #observe: ObserveViewCall;
  /** One for each generation, so that a generation stays the same object as long as the store has it so. */
  readonly #models = new WeakMap<ViewModel, ObservedModel>();

  constructor(views: ViewStore, observe: ObserveViewCall) {
    this.#views = views;
    this.#observe = observe;
  }

  async open(spec: ModelSpec): Promise<ViewModel> {
    return this.#observed(await this.#views.open(spec));
  }

  async createGeneration(spec: ModelSpec): Promise<ViewModel> {
    return this.#observed(await this.#views.createGeneration(spec));
  }

  async previous(spec: ModelSpec): Promise<ViewModel | undefined> {
    const model = await this.#views.previous(spec);
    return model && this.#observed(model);
  }

  seal(model: ViewModel): Promise<void> {
    return this.#views.seal(storesOwn(model));
  }

  promote(model: ViewModel): Promise<void> {
    return this.#views.promote(storesOwn(model));
  }

  rollback(name: string): Promise<boolean> {
    return this.#views.rollback(name);
  }

  drop(model: ViewModel): Promise<void> {
    return this.#views.drop(storesOwn(model));
  }

  generations(): Promise<GenerationInfo[]> {
    return this.#views.generations();
  }

  refresh(): void {
    this.#views.refresh();
  }

  close(): Promise<void> {
    return this.#views.close();
  }

  #observed(model: ViewModel): ViewModel {
    const known = this.#models.get(model);
    if (known) return known;
    const observed = new ObservedModel(model, this.#observe);
    this.#models.set(model, observed);
    return observed;
  }
}

function storesOwn(model: ViewModel): ViewModel {
  return model instanceof ObservedModel ? model.inner : model;
}

class ObservedModel implements ViewModel {
  readonly inner: ViewModel;
  readonly #observe: ObserveViewCall;

  constructor(inner: ViewModel, observe: ObserveViewCall) {
    this.inner = inner;
    this.#observe = observe;
  }

  get spec(): ModelSpec {
    return this.inner.spec;
  }

  get generation(): number {
    return this.inner.generation;
  }

  checkpoint(): Promise<Position> {
    return this.#call(
      "checkpoint",
      () => this.inner.checkpoint(),
      () => "",
    );
  }

  savedCheckpoint(): Promise<SavedCheckpoint> {
    return this.inner.savedCheckpoint();
  }

  load(keys: readonly string[], bytesMax?: number): Promise<Loaded> {
    return this.#call(
      "load",
      () => this.inner.load(keys, bytesMax),
      () => `keys ${keys.length}`,
    );
  }

  save(changes: readonly DocumentChange[], options: SaveOptions): Promise<Overtaken> {
    return this.#call(
      "save",
      () => this.inner.save(changes, options),
      () => `documents ${changes.length}`,
    );
  }

  parked(): Promise<ParkedDocument[]> {
    return this.#call(
      "parked",
      () => this.inner.parked(),
      () => "",
    );
  }

  get(key: string): Promise<Found | undefined> {
    return this.#call(
      "get",
      () => this.inner.get(key),
      () => "keys 1",
    );
  }

  getMany(keys: readonly string[]): Promise<Map<string, Found>> {
    return this.#call(
      "get",
      () => this.inner.getMany(keys),
      () => `keys ${keys.length}`,
    );
  }

  find(query: FindQuery): Promise<FindResult> {
    return this.#call(
      "find",
      () => this.inner.find(query),
      () => shapeOfFind(query),
    );
  }

  sum(query: SumQuery): Promise<SumRow[]> {
    return this.#call(
      "sum",
      () => this.inner.sum(query),
      () => shapeOfSum(query),
    );
  }

  count(): Promise<number> {
    return this.#call(
      "count",
      () => this.inner.count(),
      () => "",
    );
  }

  scan(afterKey: string | undefined, limit: number, bytesMax?: number): Promise<StoredDocument[]> {
    return this.#call(
      "scan",
      () => this.inner.scan(afterKey, limit, bytesMax),
      () => `limit ${limit}${afterKey === undefined ? "" : ", after a cursor"}`,
    );
  }

  changedSince(position: Position, limit: number): Promise<string[]> {
    return this.#call(
      "changedSince",
      () => this.inner.changedSince(position, limit),
      () => `limit ${limit}`,
    );
  }

  async #call<T>(operation: Operation, call: () => Promise<T>, shape: () => string): Promise<T> {
    const start = performance.now();
    let outcome: Outcome = "ok";
    try {
      return await call();
    } catch (error) {
      outcome = outcomeOf(error);
      throw error;
    } finally {
      const asked = () => [this.spec.name, shape()].filter((part) => part !== "").join(": ");
      this.#observe(operation, (performance.now() - start) / 1_000, outcome, asked);
    }
  }
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof InvalidCursor) return "invalid";
  return error instanceof StoreUnavailable ? "unavailable" : "failed";
}

function shapeOfFind({ where = [], sort = [], limit, after }: FindQuery): string {
  const order = sort.map(({ column, descending }) => (descending ? `-${column}` : column));
  return [
    ...(where.length > 0 ? [`where ${where.map(shapeOfCondition).join(" and ")}`] : []),
    ...(order.length > 0 ? [`sort ${order.join(" ")}`] : []),
    `limit ${limit}`,
    ...(after ? ["after a cursor"] : []),
  ].join(", ");
}

function shapeOfSum({ where = [], groupBy, sums, sortBy, limit }: SumQuery): string {
  return [
    ...(where.length > 0 ? [`where ${where.map(shapeOfCondition).join(" and ")}`] : []),
    `sum ${sums.join(" ")} by ${groupBy}`,
    `sort ${sortBy}`,
    `limit ${limit}`,
  ].join(", ");
}

/** Which column is compared, and how; with what is nobody's business but the caller's. */
function shapeOfCondition({ column, ...tests }: Condition): string {
  const named = Object.entries(tests).filter(([, value]) => value !== undefined);
  return named
    .map(([test, value]) => `${column} ${test}${Array.isArray(value) ? ` (${value.length})` : ""}`)
    .join(" and ");
}
