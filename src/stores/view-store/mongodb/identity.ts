import { StoreDamaged } from "../../event-store/event-store.ts";
import type { MongoConnection } from "./connection.ts";
import { away, duplicateKey, hasCode, storeName } from "./errors.ts";
import { collections } from "./layout.ts";

/** Grows with every change of the layout that an older program cannot read. */
const formatVersion = 1;

interface Identity {
  _id: "log";
  logId: string;
  format: number;
}

/**
 * Says which log the read models of a database are of, and keeps to it.
 * @throws StoreDamaged when they are of another log or in a format that this program does not know
 * @throws StoreUnavailable when there are none yet and nothing may be written
 */
export async function claimDatabase(
  connection: MongoConnection,
  logId: string,
  readOnly: boolean,
): Promise<void> {
  const { database, run } = connection;
  const store = database.collection<Identity>(collections.store);
  if (!readOnly && (await claim(connection, { _id: "log", logId, format: formatVersion }))) return;
  const known = await run("identity", () => store.findOne({ _id: "log" }));
  if (known === null) throw away(`there are no read models in ${database.databaseName} yet`);
  if (known.format !== formatVersion) {
    throw damaged(
      database.databaseName,
      `its format is ${known.format}, this program reads ${formatVersion}`,
    );
  }
  if (known.logId !== logId) {
    throw damaged(database.databaseName, `its read models belong to the log ${known.logId}, not to ${logId}`);
  }
}

/** @returns whether it is claimed now that was not before; what is there already is to be looked at */
async function claim({ database, run }: MongoConnection, identity: Identity): Promise<boolean> {
  const store = database.collection<Identity>(collections.store);
  const isFirst = await run("identity", async () => {
    try {
      await store.insertOne(identity);
      return true;
    } catch (error) {
      if (hasCode(error, duplicateKey)) return false;
      throw error;
    }
  });
  if (!isFirst) return false;
  const models = database.collection(collections.models);
  // Nobody makes a model before the database is claimed.
  if ((await run("identity", () => models.findOne({}))) === null) return true;
  await run("identity", () => store.deleteOne({ _id: identity._id }));
  throw damaged(database.databaseName, "it does not say which log its read models are of");
}

function damaged(database: string, reason: string): StoreDamaged {
  return new StoreDamaged(
    `the database ${database} in ${storeName} cannot be used: ${reason}. Read models can be rebuilt from the log: ` +
      `name another database in MONGODB_URL; only where this one is of a shop that is gone, drop it`,
  );
}
