import { loadavg } from "node:os";
import { Command } from "commander";
import pino from "pino";
import { readConfig } from "../src/config.ts";
import { openRuntime } from "../src/runtime/runtime.ts";
import { measureAddToCart } from "./measure/add-to-cart.ts";
import { measureCheckouts } from "./measure/checkouts.ts";
import { measureFacets } from "./measure/facets.ts";
import { measureFootprint, measureMemoryAfter } from "./measure/footprint.ts";
import { measureHotSku } from "./measure/hot-sku.ts";
import { measureImport } from "./measure/import.ts";
import { measureLag } from "./measure/lag.ts";
import { measureReads } from "./measure/reads.ts";
import { measureRebuild } from "./measure/rebuild.ts";
import { measureOnServers } from "./measure/servers.ts";
import { withBare } from "./support/bare.ts";
import { type BenchOptions, type Measurement, WrongAnswer } from "./support/measurement.ts";
import { namesAmong } from "./support/names.ts";
import { reportOf, reportText } from "./support/report.ts";
import { withFolder } from "./support/resources.ts";
import { fillShop, type Stage, withServer } from "./support/shop.ts";

const onStage: Record<string, (options: BenchOptions, stage: Stage) => Promise<Measurement[]>> = {
  "add-to-cart": measureAddToCart,
  checkouts: measureCheckouts,
  reads: measureReads,
  "hot-sku": measureHotSku,
  lag: measureLag,
};
const onRuntime = ["import", "rebuild"];
const names = ["footprint", ...Object.keys(onStage), "facets", ...onRuntime];
/** Only when it is asked for: it starts servers, or uses those that are named. */
const onServers = "servers";

interface Flags {
  quick: boolean;
  json: boolean;
  import?: string;
  only?: string[];
  profile?: string;
}

function readFlags(): Flags {
  return new Command("bench")
    .description("Measures Cartwright, each number beside what could be reached at best.")
    .option("--quick", "everything in less than two minutes", false)
    .option("--json", "the results as one JSON document", false)
    .option("--import <file>", "import this Online Retail CSV instead of a made-up one")
    .option("--only <names>", `some of: ${names.join(",")},${onServers}`, namesAmong([...names, onServers]))
    .option("--profile <folder>", "a CPU profile of the server that is under load")
    .parse()
    .opts<Flags>();
}

/** Measures one thing after the other; what is there when one fails is kept. */
async function measureAll(
  options: BenchOptions,
  only: readonly string[],
  results: Measurement[],
): Promise<void> {
  const keep = async (measured: Promise<Measurement[]>) => {
    results.push(...(await measured));
  };
  if (only.includes(onServers)) await keep(measureOnServers(options));
  if (only.includes("footprint")) await keep(measureFootprint(options));
  const asked = Object.entries(onStage).filter(([name]) => only.includes(name));
  if (asked.length > 0)
    await withServer(options.profileDir, async (server) => {
      const idleBytes = await server.rssBytes();
      options.say("filling a shop");
      const products = await fillShop(server);
      await withBare(async (bare) => {
        for (const [, measure] of asked) {
          await server.caughtUp();
          await keep(measure(options, { server, products, bare }));
        }
      });
      results.push(await measureMemoryAfter(server, idleBytes));
    });
  if (only.includes("facets")) await keep(measureFacets(options));
  if (onRuntime.some((name) => only.includes(name)))
    await withFolder(async (folder) => {
      const runtime = await openRuntime({
        config: readConfig({ DATA_DIR: folder, STORE_CURRENCY: "GBP", STORE_TIME_ZONE: "Europe/London" }),
        log: pino({ level: "warn" }, process.stderr),
      });
      try {
        await keep(measureImport(options, runtime, folder));
        if (only.includes("rebuild")) await keep(measureRebuild(options, runtime));
      } finally {
        await runtime.close();
      }
    });
}

async function main(): Promise<void> {
  const flags = readFlags();
  const started = performance.now();
  const loadBefore = loadavg()[0] ?? 0;
  const options: BenchOptions = {
    quick: flags.quick,
    importFile: flags.import,
    profileDir: flags.profile,
    say: (text) => process.stderr.write(`${((performance.now() - started) / 1000).toFixed(0)} s: ${text}\n`),
  };
  const results: Measurement[] = [];
  let failure: string | undefined;
  try {
    await measureAll(options, flags.only ?? names, results);
  } catch (error) {
    failure =
      error instanceof WrongAnswer ? error.message : String(error instanceof Error ? error.stack : error);
    process.exitCode = 1;
  }
  const seconds = (performance.now() - started) / 1000;
  const report = reportOf(results, { quick: flags.quick, seconds, loadBefore, failure });
  process.stdout.write(flags.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
  if (failure !== undefined) process.stderr.write(`\nThe bench failed: ${failure}\n`);
}

await main();
