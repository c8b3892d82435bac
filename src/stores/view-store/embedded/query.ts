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
import type { ColumnType, ColumnValue, Condition, FindQuery, ModelSpec, SumQuery } from "../view-store.ts";
import { columnSql } from "./schema.ts";

/**
 * Queries as SQL over `documents d`. Values are always bound; names come from the spec. Numbers sort by
 * value and texts by code point; null is below every value, so first ascending and last descending.
 */
export interface Sql {
  text: string;
  params: (number | string | null)[];
}

/** A page of documents, to be run as `text` when an index gives its order, else as `sorting()`. */
export interface PageSql extends Sql {
  /** The same, but only row ids are sorted and the documents of the page fetched then. */
  sorting: () => string;
}

type Term = Sql;

const term = (text: string, ...params: ColumnValue[]): Term => ({ text, params });

function columnOf(spec: ModelSpec, column: string): string {
  columnType(spec, column);
  return `d.${columnSql(column)}`;
}

const comparisons = [
  ["gte", ">="],
  ["gt", ">"],
  ["lte", "<="],
  ["lt", "<"],
] as const;

/**
 * Whether so few documents meet a condition that going through them beats any other way: through all of one value of
 * another column, or along the order of the sorting with a look at each.
 * @param holders selects rows of those that meet it, without a limit
 */
export type IsRare = (holders: Sql) => boolean;

/**
 * The planner knows nothing of how often values come, so it is told: of several conditions that an index could answer,
 * one that few documents meet is looked up, and what the others say is looked at in those.
 * @throws TypeError when a condition names an unknown field, compares with another type, or says nothing
 */
export function whereTerms(spec: ModelSpec, where: readonly Condition[] | undefined, isRare: IsRare): Term[] {
  const conditions = (where ?? []).map((condition) => ({ condition, holders: holdersOf(spec, condition) }));
  const lookedUp = conditions.filter(({ holders }) => holders !== undefined);
  const lead = lookedUp.find(({ condition: { eq }, holders }) => {
    // The only one of its kind is looked up in any case.
    if (typeof eq === "string" && lookedUp.length === 1) return true;
    return holders !== undefined && isRare(holders);
  });
  return conditions.flatMap((each) => {
    const { condition } = each;
    if (isList(spec, condition.column)) return [listTerm(spec, condition, each === lead)];
    const column = columnOf(spec, condition.column);
    const isLeft = each !== lead && (condition.begins !== undefined || (lead && each.holders !== undefined));
    // An operand with a sign is looked up in no index.
    return columnTerms(spec, condition, isLeft ? `+${column}` : column);
  });
}

/** What an index could answer about a condition, if anything. */
function holdersOf(spec: ModelSpec, condition: Condition): Sql | undefined {
  if (isList(spec, condition.column)) {
    const { text, params } = listHolders(spec, condition);
    return term(`SELECT 1 ${text}`, ...params);
  }
  const { column, eq, begins } = condition;
  if (typeof eq !== "string" && begins === undefined) return undefined;
  const [first] = columnTerms(
    spec,
    begins === undefined ? { column, eq: eq ?? null } : { column, begins },
    columnOf(spec, column),
  );
  return first && term(`SELECT 1 FROM documents d WHERE ${first.text}`, ...first.params);
}

function columnTerms(spec: ModelSpec, condition: Condition, column: string): Term[] {
  const terms: Term[] = [];
  if (condition.eq === null) terms.push(term(`${column} IS NULL`));
  else if (condition.eq !== undefined) {
    checkValue(spec, condition.column, condition.eq);
    terms.push(term(`${column} = ?`, condition.eq));
  }
  if (condition.in !== undefined) terms.push(inTerm(spec, condition.column, column, condition.in));
  for (const [name, operator] of comparisons) {
    const value = condition[name];
    if (value === undefined) continue;
    checkValue(spec, condition.column, value);
    terms.push(term(`${column} ${operator} ?`, value));
  }
  if (condition.begins !== undefined) {
    checkValue(spec, condition.column, condition.begins);
    const { from, end } = beginningRange(condition.begins);
    terms.push(term(`${column} >= ? AND ${column} < ?`, from, end));
  }
  if (terms.length === 0 || condition.has !== undefined) {
    throw new TypeError(`a condition on column ${condition.column} of ${spec.name} has no fitting operator`);
  }
  return terms;
}

function inTerm(spec: ModelSpec, name: string, column: string, values: readonly ColumnValue[]): Term {
  if (values.length > inValuesMax) throw new RangeError(`more than ${inValuesMax} values in a condition`);
  for (const value of values) checkValue(spec, name, value);
  const last = values.at(-1);
  if (last === undefined) return term("0");
  // Repeating the last value up to a power of two keeps the number of different statements small.
  const places = 2 ** Math.ceil(Math.log2(values.length));
  const padded = [...values, ...new Array<ColumnValue>(places - values.length).fill(last)];
  return term(`${column} IN (${padded.map(() => "?").join(", ")})`, ...padded);
}

function listTerm(spec: ModelSpec, condition: Condition, isLead: boolean): Term {
  const { text, params } = listHolders(spec, condition);
  const holders = `SELECT l.doc ${text}`;
  return isLead
    ? term(`d.id IN (${holders})`, ...params)
    : term(`EXISTS (${holders} AND l.doc = +d.id)`, ...params);
}

function listHolders(spec: ModelSpec, condition: Condition): Sql {
  const { column, value, isBeginning } = listCondition(spec, condition);
  const from = "FROM list_values l WHERE l.field = ?";
  if (!isBeginning) return term(`${from} AND l.value = ?`, column, value);
  const range = beginningRange(value);
  return term(`${from} AND l.value >= ? AND l.value < ?`, column, range.from, range.end);
}

function whereSql(terms: readonly Term[]): Sql {
  return {
    text: terms.length === 0 ? "" : ` WHERE ${terms.map(({ text }) => text).join(" AND ")}`,
    params: terms.flatMap(({ params }) => params),
  };
}

const shown = "d.key, coalesce(d.presented, d.doc)";

/**
 * A sorted page as statements to run one after the other until it is full. Each is one stretch of the
 * order behind `after` (same first value and a later second one, then a later first one, ...), so that each
 * is a plain range of an index, with nulls and with mixed directions.
 * Rows are key, JSON text, then the sort values. The limit is the last parameter and not bound yet.
 * @throws InvalidCursor when `after` does not fit the sorting
 */
export function sortedPages(spec: ModelSpec, query: FindQuery, terms: readonly Term[]): PageSql[] {
  const sort = query.sort ?? [];
  const page = pageSql(spec, sort, terms);
  if (query.after === undefined) return [page([])];
  const stretches = stretchesAfter(spec, sort, query.after);
  const ascending = sort.every(({ descending }) => descending !== true);
  if (sort.length > 0 && ascending && !query.after.includes(null)) {
    // A comparison of rows is one range of an index, and its nulls are all before `after`.
    const names = [...sort.map(({ column }) => columnOf(spec, column)), "d.key"];
    const values = names.map(() => "?").join(", ");
    return [page([term(`(${names.join(", ")}) > (${values})`, ...query.after)])];
  }
  return stretches.map(page);
}

function pageSql(spec: ModelSpec, sort: Sort, terms: readonly Term[]): (more: readonly Term[]) => PageSql {
  const columns = sort.map(({ column }) => columnOf(spec, column));
  const order = (names: readonly string[], key: string): string => {
    const directed = sort.map(({ descending }, at) => `${names[at]}${descending ? " DESC" : ""}`);
    return ` ORDER BY ${[...directed, key].join(", ")}`;
  };
  const tail = `${order(columns, "d.key")} LIMIT ?`;
  const select = `SELECT ${[shown, ...columns].join(", ")} FROM documents d`;
  return (more) => {
    const { text, params } = whereSql([...terms, ...more]);
    const sorting = (): string => {
      const picked = ["d.id AS id", "d.key AS key", ...columns.map((column, at) => `${column} AS s${at}`)];
      const values = columns.map((_, at) => `p.s${at}`);
      return (
        `SELECT ${[shown, ...values].join(", ")} FROM ` +
        `(SELECT ${picked.join(", ")} FROM documents d${text}${tail}) p ` +
        `CROSS JOIN documents d ON d.id = p.id${order(values, "p.key")}`
      );
    };
    return { text: select + text + tail, params, sorting };
  };
}

function stretchesAfter(spec: ModelSpec, sort: Sort, after: readonly ColumnValue[]): Term[][] {
  const name = (column: string) => columnOf(spec, column);
  return stretchesBehind<Term>(spec, sort, after, {
    same: (column, value) =>
      value === null ? term(`${name(column)} IS NULL`) : term(`${name(column)} = ?`, value),
    below: (column, value) => valuesBelow(name(column), value),
    above: (column, value, type) => valuesAbove(name(column), value, type),
    laterKey: (key) => term("d.key > ?", key),
  });
}

function valuesBelow(name: string, value: ColumnValue): Term[] {
  return value === null ? [] : [term(`${name} < ?`, value), term(`${name} IS NULL`)];
}

function valuesAbove(name: string, value: ColumnValue, type: ColumnType): Term {
  if (value !== null) return term(`${name} > ?`, value);
  // Not IS NOT NULL, which SQLite does not look up in an index.
  return type === "number" ? term(`${name} >= -9e999`) : term(`${name} >= ''`);
}

/** Rows are the group, then its sums. @throws TypeError when a name is not a column, or not a number column */
export function sumSql(spec: ModelSpec, query: SumQuery, terms: readonly Term[]): Sql {
  const by = sortedSum(spec, query);
  const sums = query.sums.map((column) => `total(${columnOf(spec, column)})`);
  const order = by < 0 ? "1" : `${by + 2} DESC, 1`;
  const { text, params } = whereSql(terms);
  return {
    text:
      `SELECT ${[columnOf(spec, query.groupBy), ...sums].join(", ")} FROM documents d${text} ` +
      `GROUP BY 1 ORDER BY ${order} LIMIT ?`,
    params: [...params, query.limit],
  };
}
