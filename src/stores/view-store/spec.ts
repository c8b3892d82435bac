import { createHash } from "node:crypto";
import {
  type ColumnType,
  type ColumnValue,
  type Condition,
  type DocumentChange,
  type FindQuery,
  InvalidCursor,
  type ModelSpec,
  type SumQuery,
} from "./view-store.ts";

/** What a spec says, as every backend reads it. */

export const inValuesMax = 1_000;
export const pageDocumentsMax = 10_000;

const namePattern = /^[a-z0-9-]{1,64}$/;
const fieldPattern = /^[A-Za-z][A-Za-z0-9_]*$/;
const hashes = new WeakMap<ModelSpec, string>();

/**
 * Checks a spec and names its shape: two specs with the same hash can share a file.
 * @throws TypeError when the spec itself is wrong
 */
export function specHash(spec: ModelSpec): string {
  const known = hashes.get(spec);
  if (known !== undefined) return known;
  checkSpec(spec);
  const columns = Object.entries(spec.columns).sort(([a], [b]) => (a < b ? -1 : 1));
  const lists = [...(spec.lists ?? [])].sort();
  const shape = JSON.stringify([
    ...[columns, lists, spec.indexes],
    ...(spec.builtFor === undefined ? [] : [spec.builtFor]),
  ]);
  const hash = createHash("sha256").update(shape).digest("hex").slice(0, 32);
  hashes.set(spec, hash);
  return hash;
}

function checkSpec(spec: ModelSpec): void {
  const refuse = (reason: string): never => {
    throw new TypeError(`read model ${JSON.stringify(spec.name)}: ${reason}`);
  };
  if (!namePattern.test(spec.name)) refuse("a name has lower case letters, digits and dashes, at most 64");
  if (!Number.isSafeInteger(spec.version)) refuse("the version is not an integer");
  const fields = [...Object.keys(spec.columns), ...(spec.lists ?? [])];
  for (const field of fields) if (!fieldPattern.test(field)) refuse(`${field} is no field name`);
  // SQL names are the same in upper and lower case.
  const distinct = new Set(fields.map((field) => field.toLowerCase()));
  if (distinct.size < fields.length) refuse("two fields have the same name");
  for (const index of spec.indexes) {
    if (index.length === 0) refuse("an index has no column");
    for (const column of index) {
      if (!Object.hasOwn(spec.columns, column)) refuse(`an index names ${column}, which is no column`);
    }
  }
}

/** @throws RangeError when a caller asks for no document or for more than a page can hold */
export function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > pageDocumentsMax) {
    throw new RangeError(`a limit is a whole number from 1 to ${pageDocumentsMax}, not ${limit}`);
  }
}

/** @throws TypeError when the model has no such column */
export function columnType(spec: ModelSpec, column: string): ColumnType {
  const type = Object.hasOwn(spec.columns, column) ? spec.columns[column] : undefined;
  if (type === undefined) {
    throw new TypeError(`read model ${spec.name} has no column ${JSON.stringify(column)}`);
  }
  return type;
}

export function isList(spec: ModelSpec, field: string): boolean {
  return spec.lists?.includes(field) === true;
}

/** Infinity and NaN have no place in JSON, so not in a column either. */
export function isOfType(value: unknown, type: ColumnType): boolean {
  return type === "number" ? Number.isFinite(value) : typeof value === "string";
}

/** @throws TypeError */
export function checkValue(
  spec: ModelSpec,
  column: string,
  value: unknown,
): asserts value is number | string {
  if (!isOfType(value, columnType(spec, column))) {
    throw new TypeError(`${value} does not fit column ${column} of read model ${spec.name}`);
  }
}

/**
 * The columns of a change, in the order of the spec; null where it has none.
 * @throws TypeError when the change does not fit the spec
 */
export function columnValues(spec: ModelSpec, change: DocumentChange): ColumnValue[] {
  const values: ColumnValue[] = [];
  let given = 0;
  for (const [column, type] of Object.entries(spec.columns)) {
    const value = change.columns[column];
    if (value !== undefined) given += 1;
    if (value != null && !isOfType(value, type)) {
      throw new TypeError(`${value} does not fit column ${column} of read model ${spec.name}`);
    }
    values.push(value ?? null);
  }
  checkFields(spec, change, given);
  return values;
}

function checkFields(spec: ModelSpec, change: DocumentChange, columnsKnown: number): void {
  const unknown = (field: string): never => {
    throw new TypeError(`read model ${spec.name} has no field ${JSON.stringify(field)}`);
  };
  const columns = Object.keys(change.columns);
  if (columns.length > columnsKnown) {
    for (const column of columns) if (!Object.hasOwn(spec.columns, column)) unknown(column);
  }
  if (change.lists !== undefined) {
    for (const list of Object.keys(change.lists)) if (!isList(spec, list)) unknown(list);
  }
}

/** @throws TypeError when a condition on a list says anything but what it holds, whole or by its beginning */
export function listCondition(
  spec: ModelSpec,
  { column, has, begins, ...others }: Condition,
): { column: string; value: string; isBeginning: boolean } {
  const value = has ?? begins;
  const isOne = (has === undefined) !== (begins === undefined);
  if (typeof value !== "string" || !isOne || Object.values(others).some((other) => other !== undefined)) {
    throw new TypeError(
      `a condition on the list ${column} of ${spec.name} takes \`has\` or \`begins\` and nothing else`,
    );
  }
  return { column, value, isBeginning: has === undefined };
}

/**
 * Texts that begin with one, as a range: from it, below `end`. No text goes on with what ends the range, which is no
 * character.
 */
export function beginningRange(beginning: string): { from: string; end: string } {
  return { from: beginning, end: `${beginning}\u{10ffff}` };
}

export type Sort = NonNullable<FindQuery["sort"]>;

/** How a backend says where a page of sorted documents goes on, in its own conditions. */
export interface Conditions<C> {
  same(column: string, value: ColumnValue): C;
  /** More than one where nulls, which are below every value, are asked for apart. */
  below(column: string, value: ColumnValue): C[];
  above(column: string, value: ColumnValue, type: ColumnType): C;
  laterKey(key: string): C;
}

/**
 * The order behind `after` in stretches, to be read one after the other until a page is full: same values and a
 * later key, same first values and a later last one, ... Each is one range of an index.
 * @throws InvalidCursor when `after` does not fit the sorting
 */
export function stretchesBehind<C>(
  spec: ModelSpec,
  sort: Sort,
  after: readonly ColumnValue[],
  { same, below, above, laterKey }: Conditions<C>,
): C[][] {
  const key = after.at(-1);
  if (after.length !== sort.length + 1 || typeof key !== "string") {
    throw new InvalidCursor("`after` does not belong to a query sorted like this");
  }
  const before: C[] = [];
  const stretches: C[][] = [];
  sort.forEach(({ column, descending }, at) => {
    const value = after[at] ?? null;
    const type = columnType(spec, column);
    if (value !== null && !isOfType(value, type)) {
      throw new InvalidCursor(`\`after\` has no ${type} for ${column}`);
    }
    const beyond = descending ? below(column, value) : [above(column, value, type)];
    stretches.unshift(...beyond.map((condition) => [...before, condition]));
    before.push(same(column, value));
  });
  return [[...before, laterKey(key)], ...stretches];
}

/**
 * Which of the sums a query is sorted by; -1 for the group itself.
 * @throws TypeError when a name is not a column, or not a number column
 */
export function sortedSum(spec: ModelSpec, { groupBy, sums, sortBy }: SumQuery): number {
  columnType(spec, groupBy);
  for (const column of sums)
    if (columnType(spec, column) !== "number") throw new TypeError(`${column} is not a number column`);
  const by = sums.indexOf(sortBy);
  if (by < 0 && sortBy !== groupBy) {
    throw new TypeError(`sums are sorted by one of them or by the group, not by ${sortBy}`);
  }
  return by;
}
