import { roomFor } from "./growing.ts";

const poolEntriesMin = 1024;
/** Of a posting's 32 bits, those of the set of fields; the others hold the slot. */
export const fieldBits = 5;
export const fieldSets = 1 << fieldBits;

/**
 * Where each term occurs: ascending slots, each with its set of fields, of all terms in one array. A term's block
 * has room for a power of two; when it is full it moves to one of twice the size, and what it leaves is used again.
 */
export class Postings {
  pool = new Uint32Array(poolEntriesMin);
  #used = 0;
  /** Offsets of free blocks, by the logarithm of their size. */
  readonly #free: number[][] = Array.from({ length: 32 }, () => []);
  #starts = new Uint32Array(poolEntriesMin);
  #sizes = new Uint32Array(poolEntriesMin);

  /** Slots only ever grow, so that a block stays ordered without any sorting. */
  push(term: number, slot: number, fields: number): void {
    if (term >= this.#sizes.length) {
      this.#starts = roomFor(this.#starts, term + 1);
      this.#sizes = roomFor(this.#sizes, term + 1);
    }
    const size = this.#sizes[term] ?? 0;
    const isFull = (size & (size - 1)) === 0;
    if (isFull) this.#move(term, size);
    this.pool[this.startOf(term) + size] = slot * fieldSets + fields;
    this.#sizes[term] = size + 1;
  }

  startOf(term: number): number {
    return this.#starts[term] ?? 0;
  }

  /** Entries of products that are gone included. */
  sizeOf(term: number): number {
    return this.#sizes[term] ?? 0;
  }

  sizeOfAll(terms: Uint32Array): number {
    let sum = 0;
    for (const term of terms) sum += this.sizeOf(term);
    return sum;
  }

  /** The set of fields of a slot in which the term occurs; 0 when in none. */
  fieldsAt(term: number, slot: number): number {
    const { pool } = this;
    let low = this.startOf(term);
    const end = low + this.sizeOf(term);
    let high = end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (slotOf(pool[middle] ?? 0) < slot) low = middle + 1;
      else high = middle;
    }
    const entry = pool[low] ?? 0;
    return low < end && slotOf(entry) === slot ? fieldsOf(entry) : 0;
  }

  #move(term: number, size: number): void {
    const to = this.#block(Math.max(1, size * 2));
    if (size > 0) {
      const from = this.startOf(term);
      this.pool.copyWithin(to, from, from + size);
      this.#free[log2(size)]?.push(from);
    }
    this.#starts[term] = to;
  }

  #block(size: number): number {
    const free = this.#free[log2(size)]?.pop();
    if (free !== undefined) return free;
    const from = this.#used;
    this.#used += size;
    this.pool = roomFor(this.pool, this.#used);
    return from;
  }
}

export function slotOf(entry: number): number {
  return entry >>> fieldBits;
}

export function fieldsOf(entry: number): number {
  return entry & (fieldSets - 1);
}

function log2(powerOfTwo: number): number {
  return 31 - Math.clz32(powerOfTwo);
}
