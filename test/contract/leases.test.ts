import { afterAll, describe, test } from "vitest";
import { createInProcessLeases } from "../../src/stores/view-store/leases/in-process.ts";
import { type MongoViewStore, openMongoViewStore } from "../../src/stores/view-store/mongodb/store.ts";
import { mongoForTests } from "../support/mongodb.ts";
import { leasesContract } from "./leases.contract.ts";

leasesContract({
  name: "in process",
  async create(processes) {
    const leases = createInProcessLeases();
    return Array.from({ length: processes }, () => leases);
  },
});

const mongo = await mongoForTests();

if ("reason" in mongo) describe("leases contract: mongodb", () => test.skip(mongo.reason, () => {}));
else {
  const opened: MongoViewStore[] = [];
  afterAll(async () => {
    for (const store of opened) await store.close();
  });
  leasesContract({
    name: "mongodb",
    async create(processes) {
      const database = mongo.database();
      const stores = await Promise.all(
        Array.from({ length: processes }, () =>
          openMongoViewStore({ url: mongo.url, database, logId: "log-1" }),
        ),
      );
      opened.push(...stores);
      return stores.map(({ leases }) => leases);
    },
  });
}
