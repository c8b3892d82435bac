import type { Sort } from "../spec.ts";
import type { ColumnValue, Condition, FindResult, ModelSpec } from "../view-store.ts";
import type { Filter } from "./filter.ts";
import { columnPath } from "./layout.ts";

/** A document as readers see it, with the columns that it is sorted by. */
export interface Row {
  _id: string;
  json: string;
  c?: Record<string, ColumnValue>;
}

export type Order = Record<string, 1 | -1>;

/** Reads rows that meet further filters. */
export type ReadRows = (more: readonly Filter[], order: Order, limit: number) => Promise<Row[]>;

const byKey = { _id: 1 } as const;

export interface Sorting {
  sort: Sort;
  /** The server sorts by key too, because its index does, or because no index sorts up and down at once. */
  isKeyed: boolean;
}

export function sortingOf(spec: ModelSpec, where: readonly Condition[] | undefined, sort: Sort): Sorting {
  const isRising = sort.every(({ descending }) => descending !== true);
  const isFalling = sort.every(({ descending }) => descending === true);
  if (!isRising && !isFalling) return { sort, isKeyed: true };
  const equal = new Set(
    (where ?? []).flatMap(({ column, eq, in: values }) =>
      eq !== undefined || values !== undefined ? column : [],
    ),
  );
  const isKeyed = spec.indexes.some((columns) => {
    const before = columns.slice(0, columns.length - sort.length);
    const last = columns.slice(before.length);
    return last.join() === sort.map(({ column }) => column).join() && before.every((each) => equal.has(each));
  });
  return { sort, isKeyed: isRising && isKeyed };
}

/**
 * Ties go by ascending key. An index that is read backwards, or goes on with other columns, gives them in another
 * order: then they are put right here, and those that the limit cuts are read once more, by key.
 */
export async function sortedRows(read: ReadRows, { sort, isKeyed }: Sorting, limit: number): Promise<Row[]> {
  const order: Order = Object.fromEntries(
    sort.map(({ column, descending }) => [columnPath(column), descending ? -1 : 1]),
  );
  if (isKeyed || sort.length === 0) return read([], { ...order, ...byKey }, limit);
  const rows = await read([], order, limit);
  const groups = groupsOf(rows, sort);
  const last = groups.at(-1) ?? [];
  // A single row at the limit only says that there are more.
  if (rows.length < limit || last.length < 2) return groups.flatMap(sortedByKey);
  const values = valuesOf(last[0], sort);
  const same = sort.map(({ column }, at) => ({ [columnPath(column)]: { $eq: values[at] ?? null } }));
  return [...groups.slice(0, -1).flatMap(sortedByKey), ...(await read(same, byKey, last.length))];
}

export function valuesOf(row: Row | undefined, sort: Sort): ColumnValue[] {
  return sort.map(({ column }) => row?.c?.[column] ?? null);
}

/** Runs of rows with the same values. */
function groupsOf(rows: readonly Row[], sort: Sort): Row[][] {
  const groups: Row[][] = [];
  let before: ColumnValue[] | undefined;
  for (const row of rows) {
    const values = valuesOf(row, sort);
    const isSame = before?.every((value, at) => value === values[at]) === true;
    if (isSame) groups.at(-1)?.push(row);
    else groups.push([row]);
    before = values;
  }
  return groups;
}

/** By the bytes of their UTF-8, as the server sorts. */
function sortedByKey(rows: Row[]): Row[] {
  if (rows.length < 2) return rows;
  const keyed = rows.map((row) => [Buffer.from(row._id), row] as const);
  return keyed.sort(([a], [b]) => Buffer.compare(a, b)).map(([, row]) => row);
}

export function pageOf(rows: readonly Row[], sort: Sort, limit: number): FindResult {
  // A document that moves while stretches are read comes twice.
  const found = new Map(rows.slice(0, limit).map(({ _id, json }) => [_id, { key: _id, json }]));
  const items = [...found.values()];
  const last = rows[limit - 1];
  if (rows.length <= limit || last === undefined) return { items, next: null };
  return { items, next: [...valuesOf(last, sort), last._id] };
}
