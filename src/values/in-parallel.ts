/** Runs tasks with at most so many at once; the first failure ends it. */
export async function inParallel<T>(
  items: Iterable<T>,
  concurrentMax: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const next = items[Symbol.iterator]();
  const worker = async () => {
    for (let item = next.next(); !item.done; item = next.next()) await task(item.value);
  };
  await Promise.all(Array.from({ length: concurrentMax }, worker));
}
