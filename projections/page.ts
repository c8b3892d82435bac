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

/** Found documents as readers see them. */
export function pageOf<T>({ items, next }: FindResult): Page<T> {
  return { items: items.map(({ json }) => JSON.parse(json) as T), next };
}
