import type { ColumnValue, FindResult } from "../src/stores/view-store/view-store.ts";

export interface PageRequest {
  limit: number;
  /** `next` of the page before, unchanged. */
  after?: readonly ColumnValue[] | undefined;
}

export interface Page<T> {
  items: T[];
  /** Where the next page starts; null on the last one. */
  next: readonly ColumnValue[] | null;
}

/** Days of the store, `2011-03-07`, both included; open where left out. */
export interface DayRange {
  from?: string | undefined;
  to?: string | undefined;
}

/** A page request as `ViewModel.find` takes it. */
export function pageQuery({ limit, after }: PageRequest): {
  limit: number;
  after?: readonly ColumnValue[];
} {
  return { limit, ...(after !== undefined && { after }) };
}

/** JSON of a T. */
export type JsonText<T> = string & { readonly parsed?: T };

/** A page of documents as they are stored: lists go out without being parsed on the way. */
export interface TextPage<T> {
  texts: JsonText<T>[];
  /** Where the next page starts; null on the last one. */
  next: readonly ColumnValue[] | null;
}

/** Found documents as readers see them. */
export function textPageOf<T>({ items, next }: FindResult): TextPage<T> {
  return { texts: items.map(({ json }): JsonText<T> => json), next };
}
