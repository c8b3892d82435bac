import type { Document } from "mongodb";
import {
  beginningRange,
  checkValue,
  columnType,
  inValuesMax,
  isList,
  listCondition,
  type Sort,
  sortedSum,
  stretchesBehind,
} from "../spec.ts";
import type { ColumnType, ColumnValue, Condition, ModelSpec, SumQuery } from "../view-store.ts";
import { columnPath, listPath } from "./layout.ts";

/**
 * Queries as filters. Names come from the spec and values always stand behind an operator, so that nothing in a
 * request is one. MongoDB sorts as every backend here does: null first, texts by their UTF-8 bytes.
 */
export type Filter = Document;

const comparisons = ["gte", "gt", "lte", "lt"] as const;

/** @throws TypeError when a condition names an unknown field, compares with another type, or says nothing */
export function whereFilters(spec: ModelSpec, where: readonly Condition[] | undefined): Filter[] {
  return (where ?? []).flatMap((condition) =>
    isList(spec, condition.column) ? [listFilter(spec, condition)] : columnFilters(spec, condition),
  );
}

function columnFilters(spec: ModelSpec, condition: Condition): Filter[] {
  columnType(spec, condition.column);
  const path = columnPath(condition.column);
  const filters: Filter[] = [];
  if (condition.eq !== undefined) {
    if (condition.eq !== null) checkValue(spec, condition.column, condition.eq);
    filters.push({ [path]: { $eq: condition.eq } });
  }
  if (condition.in !== undefined) {
    if (condition.in.length > inValuesMax)
      throw new RangeError(`more than ${inValuesMax} values in a condition`);
    for (const value of condition.in) checkValue(spec, condition.column, value);
    filters.push({ [path]: { $in: [...condition.in] } });
  }
  for (const name of comparisons) {
    const value = condition[name];
    if (value === undefined) continue;
    checkValue(spec, condition.column, value);
    filters.push({ [path]: { [`$${name}`]: value } });
  }
  if (condition.begins !== undefined) {
    checkValue(spec, condition.column, condition.begins);
    filters.push({ [path]: rangeOf(condition.begins) });
  }
  if (filters.length === 0 || condition.has !== undefined) {
    throw new TypeError(`a condition on column ${condition.column} of ${spec.name} has no fitting operator`);
  }
  return filters;
}

function listFilter(spec: ModelSpec, condition: Condition): Filter {
  const { column, value, isBeginning } = listCondition(spec, condition);
  return { [listPath(column)]: isBeginning ? { $elemMatch: rangeOf(value) } : { $eq: value } };
}

function rangeOf(beginning: string): Filter {
  const { from, end } = beginningRange(beginning);
  return { $gte: from, $lt: end };
}

/**
 * What is there and meets all of these. Flat where it can be, as every planner knows it; else in an `$and`, which
 * MongoDB flattens itself. SecantusDB 0.7 leaves out the last value of a `$lte` that it looks up in an index of
 * several fields, and looks nothing up of an `$and`.
 */
export function allOf(filters: readonly Filter[]): Filter {
  const flat: Record<string, Document> = {};
  const rest: Filter[] = [];
  for (const filter of filters) {
    const [[path, test] = ["", {}]] = Object.entries(filter) as [string, Document][];
    const known = flat[path];
    const isTwice = known !== undefined && Object.keys(test).some((operator) => operator in known);
    if (isTwice || "$lte" in test) rest.push(filter);
    else flat[path] = { ...known, ...test };
  }
  return { gone: false, ...flat, ...(rest.length > 0 && { $and: rest }) };
}

/** As `stretchesBehind` has them. @throws InvalidCursor */
export function stretchesAfter(spec: ModelSpec, sort: Sort, after: readonly ColumnValue[]): Filter[][] {
  return stretchesBehind<Filter>(spec, sort, after, {
    same: (column, value) => ({ [columnPath(column)]: { $eq: value } }),
    below: (column, value) => valuesBelow(columnPath(column), value),
    above: (column, value, type) => valuesAbove(columnPath(column), value, type),
    laterKey: (key) => ({ _id: { $gt: key } }),
  });
}

/** A comparison is among values of one type, so null is on its own. */
function valuesBelow(path: string, value: ColumnValue): Filter[] {
  return value === null ? [] : [{ [path]: { $lt: value } }, { [path]: { $eq: null } }];
}

function valuesAbove(path: string, value: ColumnValue, type: ColumnType): Filter {
  if (value !== null) return { [path]: { $gt: value } };
  return { [path]: { $gte: type === "number" ? Number.NEGATIVE_INFINITY : "" } };
}

/** Rows have the group as `_id` and the sums as s0, s1, ... */
export function sumPipeline(spec: ModelSpec, query: SumQuery): Document[] {
  const by = sortedSum(spec, query);
  const sums = query.sums.map((column, at) => [`s${at}`, { $sum: `$${columnPath(column)}` }]);
  return [
    { $match: allOf(whereFilters(spec, query.where)) },
    { $group: { _id: `$${columnPath(query.groupBy)}`, ...Object.fromEntries(sums) } },
    { $sort: by < 0 ? { _id: 1 } : { [`s${by}`]: -1, _id: 1 } },
    { $limit: query.limit },
  ];
}
