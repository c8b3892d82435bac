/** Counts what has happened; shared with the thread that waits for it, and told without a message. */
type Counter = Int32Array<SharedArrayBuffer>;

/** What a thread that projects is told by the one that appends. */
export interface LogNews {
  /** How many times the log has grown. */
  appended: Counter;
  /** How many times somebody has begun to wait for what is on it. */
  hurried: Counter;
}

export function newsOfLog(): LogNews {
  const counter = () => new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  return { appended: counter(), hurried: counter() };
}

export function tell(counter: Counter): void {
  Atomics.add(counter, 0, 1);
  Atomics.notify(counter, 0);
}

export function countOf(counter: Counter): number {
  return Atomics.load(counter, 0);
}

/** Until there is something that was not there at this count, at most so long. */
export async function newsSince(counter: Counter, count: number, timeoutMs: number): Promise<void> {
  await Atomics.waitAsync(counter, 0, count, timeoutMs).value;
}
