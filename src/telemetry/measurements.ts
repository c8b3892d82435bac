/** Upper bounds of a histogram's buckets, from a tenth of a millisecond to ten seconds. */
export const bucketSeconds = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
] as const;

/** Calls of one kind. */
export interface Calls {
  store: string;
  operation: string;
  outcome: string;
  /** How many fell into each bucket, the last one being what is above all bounds. */
  buckets: number[];
  seconds: number;
}

export interface Retries {
  store: string;
  operation: string;
  count: number;
}

/** What has been counted, as it goes from one thread to another. */
export interface Counted {
  calls: Calls[];
  retries: Retries[];
}

/**
 * Counts of calls to stores. They are added up over threads, so it is not a metric of prom-client, whose histograms
 * cannot be added to.
 */
export class Measurements {
  /** By store, operation and outcome: finding it must cost less than what is measured. */
  readonly #calls = new Map<string, Map<string, Map<string, Calls>>>();
  readonly #retries = new Map<string, Retries>();

  called(store: string, operation: string, seconds: number, outcome: string): void {
    const calls = this.#callsOf(store, operation, outcome);
    const bucket = bucketOf(seconds);
    calls.buckets[bucket] = (calls.buckets[bucket] ?? 0) + 1;
    calls.seconds += seconds;
  }

  retried(store: string, operation: string, count = 1): void {
    const key = `${store} ${operation}`;
    const retries = this.#retries.get(key) ?? { store, operation, count: 0 };
    retries.count += count;
    this.#retries.set(key, retries);
  }

  add({ calls, retries }: Counted): void {
    for (const { store, operation, outcome, buckets, seconds } of calls) {
      const sum = this.#callsOf(store, operation, outcome);
      sum.buckets = sum.buckets.map((count, at) => count + (buckets[at] ?? 0));
      sum.seconds += seconds;
    }
    for (const { store, operation, count } of retries) this.retried(store, operation, count);
  }

  counted(): Counted {
    const calls = [...this.#calls.values()]
      .flatMap((operations) => [...operations.values()])
      .flatMap((outcomes) => [...outcomes.values()]);
    return { calls, retries: [...this.#retries.values()] };
  }

  /** @returns what was counted since this was called last */
  take(): Counted {
    const counted = this.counted();
    this.#calls.clear();
    this.#retries.clear();
    return counted;
  }

  #callsOf(store: string, operation: string, outcome: string): Calls {
    const operations = known(this.#calls, store, () => new Map<string, Map<string, Calls>>());
    const outcomes = known(operations, operation, () => new Map<string, Calls>());
    return known(outcomes, outcome, () => {
      const buckets = new Array<number>(bucketSeconds.length + 1).fill(0);
      return { store, operation, outcome, buckets, seconds: 0 };
    });
  }
}

function known<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

function bucketOf(seconds: number): number {
  let bucket = 0;
  while (seconds > (bucketSeconds[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
  return bucket;
}
