import { parseArgs } from "node:util";
import { EventStoreDouble } from "./server.ts";

/** The double as a process of its own: `node main.ts --port 2113 --data folder`. It survives kill -9. */
const { values } = parseArgs({
  options: { port: { type: "string", default: "2113" }, data: { type: "string" } },
});
const double = await EventStoreDouble.start({
  port: Number(values.port),
  ...(values.data !== undefined && { folder: values.data }),
});
console.log(`EventStoreDB double on port ${double.port}: ${double.log.records.length} records`);
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    double.close();
    process.exit(0);
  });
