import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { describe, test } from "vitest";
import { openEmbeddedVault } from "../../src/stores/vault/embedded.ts";
import { openMongoVault } from "../../src/stores/vault/mongodb.ts";
import { startSecantus } from "../support/secantusdb.ts";
import { vaultContract } from "./vault.contract.ts";

vaultContract("embedded", async () => {
  const directory = await mkdtemp(join(tmpdir(), "cartwright-vault-"));
  return {
    open: async (masterKeys) => openEmbeddedVault(directory, masterKeys),
    destroy: () => rm(directory, { recursive: true }),
  };
});

const given = process.env.MONGODB_URL;
const secantus = given === undefined ? await startSecantus() : undefined;
const reason = secantus && "reason" in secantus ? secantus.reason : undefined;
if (reason === undefined) {
  const base = given ?? (secantus as { url: string }).url;
  let databases = 0;
  vaultContract(given === undefined ? "SecantusDB" : "MongoDB", async () => {
    const url = new URL(base);
    url.pathname = `/cartwright-vault-${process.pid}-${++databases}`;
    return {
      open: (masterKeys) => openMongoVault({ url: url.href }, masterKeys),
      destroy: async () => {
        const client = new MongoClient(url.href);
        await client.db().dropDatabase();
        await client.close();
      },
    };
  });
} else {
  describe("vault: MongoDB", () => {
    test.skip(`is not tried: ${reason}`, () => {});
  });
}
