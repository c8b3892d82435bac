import { randomUUID } from "node:crypto";
import { MongoClient } from "mongodb";
import { afterAll } from "vitest";
import { type NoMongo, type Secantus, startSecantus } from "./secantusdb.ts";

/**
 * A MongoDB for tests: the one of MONGODB_URL, without TLS and credentials, else SecantusDB where it is at hand. Faults
 * and restarts are left out where the server is not ours to spoil.
 */
export interface TestMongo extends Partial<Pick<Secantus, "failNext" | "restart">> {
  url: string;
  /** A name that no other test uses; dropped at the end. */
  database: () => string;
}

/** Starts a server for the test file that asks, or says why there is none. */
export async function mongoForTests(options: { standalone?: boolean } = {}): Promise<TestMongo | NoMongo> {
  const mongo = await serverForTests(options);
  if ("reason" in mongo) console.warn(`skipped, for ${mongo.reason}`);
  return mongo;
}

async function serverForTests(options: { standalone?: boolean }): Promise<TestMongo | NoMongo> {
  const given = process.env.MONGODB_URL;
  if (given) return options.standalone ? { reason: "MONGODB_URL is no stand-alone server" } : used(given);
  const secantus = await startSecantus(options);
  if ("reason" in secantus) return secantus;
  const { url, restart, failNext, stop } = secantus;
  afterAll(stop);
  return { ...used(url), restart, failNext };
}

function used(url: string): TestMongo {
  const databases: string[] = [];
  afterAll(async () => {
    if (process.env.MONGODB_URL === undefined) return;
    const client = new MongoClient(url);
    for (const name of databases) await client.db(name).dropDatabase();
    await client.close();
  });
  const database = (): string => {
    const name = `cartwright-test-${randomUUID()}`;
    databases.push(name);
    return name;
  };
  return { url, database };
}
