import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { openEmbeddedViewStore } from "../../src/stores/view-store/embedded/store.ts";
import { openMongoViewStore } from "../../src/stores/view-store/mongodb/store.ts";
import type { ViewStore } from "../../src/stores/view-store/view-store.ts";
import { mongoForTests } from "../support/mongodb.ts";
import { viewStoreContract } from "./view-store.contract.ts";

viewStoreContract({
  name: "embedded",
  async create() {
    const directory = await mkdtemp(join(tmpdir(), "cartwright-views-"));
    const opened: ViewStore[] = [];
    return {
      open() {
        const store = openEmbeddedViewStore({ directory, logId: "log-1" });
        opened.push(store);
        return store;
      },
      async remove() {
        for (const store of opened) await store.close();
        await rm(directory, { recursive: true });
      },
    };
  },
});

const mongo = await mongoForTests();

if ("reason" in mongo) describe("view store contract: mongodb", () => test.skip(mongo.reason, () => {}));
else
  viewStoreContract({
    name: "mongodb",
    skips: { oneVersion: "processes of two releases run side by side, each on its own version" },
    async create() {
      const database = mongo.database();
      const opened: ViewStore[] = [];
      return {
        async open() {
          // Only `refresh` makes it look again: what a second does is tested by itself.
          const pointerAgeMaxMs = 600_000;
          const store = await openMongoViewStore({
            url: mongo.url,
            database,
            logId: "log-1",
            pointerAgeMaxMs,
          });
          opened.push(store);
          return store;
        },
        async remove() {
          for (const store of opened) await store.close();
        },
      };
    },
  });
