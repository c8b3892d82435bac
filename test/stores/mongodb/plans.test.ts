import { type Document, MongoClient } from "mongodb";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { viewProjections } from "../../../projections/all.ts";
import { openMongoViewStore } from "../../../src/stores/view-store/mongodb/store.ts";
import { mongoForTests } from "../../support/mongodb.ts";
import { type WireCommand, wireTo } from "../../support/mongodb-wire.ts";
import { queries, sortedInMemory } from "./queries.ts";

const mongo = await mongoForTests();
/** SecantusDB sorts in memory, and looks up fewer filters in an index than MongoDB. */
const isMongoDb = process.env.MONGODB_URL !== undefined;

/** Of a command that was seen on the wire, what `explain` takes. */
function explainable({ body }: WireCommand): Document {
  const { lsid, $db, $clusterTime, $readPreference, txnNumber, ...command } = body;
  return command;
}

function stagesOf(plan: unknown): string[] {
  if (typeof plan !== "object" || plan === null) return [];
  const { stage } = plan as { stage?: unknown };
  return [...(typeof stage === "string" ? [stage] : []), ...Object.values(plan).flatMap(stagesOf)];
}

if ("reason" in mongo) describe("the plan of a query", () => test.skip(mongo.reason, () => {}));
else
  describe("the plan of a query", () => {
    const raw = new MongoClient(mongo.url);
    afterAll(() => raw.close());

    const title = "is one look into an index, neither a scan nor a sort, whatever the read side asks";
    test.skipIf(!isMongoDb)(
      `${title}${isMongoDb ? "" : " (only a MongoDB of MONGODB_URL says so)"}`,
      async () => {
        const wire = await wireTo(mongo.url);
        const database = mongo.database();
        const store = await openMongoViewStore({ url: wire.url, database, logId: "log-1" });
        onTestFinished(() => store.close());
        const plans: Record<string, string[]> = {};
        for (const projection of viewProjections({ timeZone: "UTC", currency: "USD" })) {
          const model = await store.open(projection);
          for (const [title, ask] of queries[projection.name] ?? []) {
            wire.commands.length = 0;
            await ask(model);
            const finds = wire.commands.filter(
              ({ name, body }) => name === "find" && body.filter.gone === false,
            );
            for (const command of finds) {
              const explain = explainable(command);
              const { queryPlanner } = await raw.db(database).command({ explain, verbosity: "queryPlanner" });
              plans[title] = [...(plans[title] ?? []), ...stagesOf(queryPlanner.winningPlan)];
            }
          }
        }
        expect(Object.keys(plans).length).toBeGreaterThan(15);
        const wrong = Object.entries(plans).filter(
          ([asked, stages]) =>
            stages.includes("COLLSCAN") ||
            !stages.includes("IXSCAN") ||
            (stages.includes("SORT") && !(asked in sortedInMemory)),
        );
        expect(wrong).toEqual([]);
      },
    );
  });
