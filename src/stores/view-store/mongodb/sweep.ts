import type { Catalog, SeenState } from "./catalog.ts";
import type { MongoConnection } from "./connection.ts";
import { hasCode, namespaceNotFound } from "./errors.ts";
import { collectionName, collections, type MongoCheckpoint, type MongoParked } from "./layout.ts";
import { swept } from "./transitions.ts";

/**
 * Drops what was dropped long enough ago, and collections that no generation has: a writer that was late made them.
 * Several may do it at once.
 */
export async function sweepModel(
  connection: MongoConnection,
  catalog: Catalog,
  name: string,
  dropWaitMs: number,
): Promise<void> {
  const state = await catalog.change(name, (seen) => ({ result: seen }));
  const over = state.generations.filter(
    ({ state: is, droppedAt = 0 }) => is === "dropped" && droppedAt + dropWaitMs <= state.now,
  );
  const gone = new Set(over.map(({ generation }) => generation));
  for (const generation of [...gone, ...(await straysOf(connection, state))]) {
    await dropCollection(connection, collectionName(name, generation));
  }
  if (gone.size > 0) await catalog.change(name, (seen) => swept(seen, gone));
}

async function straysOf({ database, run }: MongoConnection, state: SeenState): Promise<number[]> {
  const known = new Set(state.generations.map(({ generation }) => generation));
  const filter = { name: { $regex: `^${state._id}\\.g[0-9]+$` } };
  const found = await run("collections", () =>
    database.listCollections(filter, { nameOnly: true }).toArray(),
  );
  return found
    .map(({ name }) => Number(name.slice(state._id.length + 2)))
    .filter((generation) => generation <= state.epoch && !known.has(generation));
}

async function dropCollection({ database, run }: MongoConnection, name: string): Promise<void> {
  await run("drop", async () => {
    try {
      await database.collection(name).drop();
    } catch (error) {
      if (!hasCode(error, namespaceNotFound)) throw error;
    }
  });
  await run("drop", () =>
    database.collection<MongoCheckpoint>(collections.checkpoints).deleteOne({ _id: name }),
  );
  await run("drop", () =>
    database.collection<MongoParked>(collections.parked).deleteMany({ generation: name }),
  );
}
