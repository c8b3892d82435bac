import { accessSync, constants } from "node:fs";
import type { Command } from "commander";
import type { ImportSummary } from "../importers/online-retail/online-retail.ts";
import { formatCount, printJson, printLine } from "./output.ts";
import { commandConfig, jsonOption, withProgress, withRuntime } from "./session.ts";

interface ImportOptions {
  rejects?: string;
  json?: boolean;
}

export function addImport(program: Command): void {
  program
    .command("import")
    .description("fill the store with the orders of another system")
    .command("online-retail")
    .argument("<file>", "the data set as CSV, gzipped or not")
    .description("replay the Online Retail data set (UCI) as commands, each at the time of its invoice")
    .option("--rejects <file>", "where the lines that cannot be used go, with their reasons")
    .option(...jsonOption)
    .action(importFile);
}

async function importFile(file: string, { rejects, json }: ImportOptions): Promise<void> {
  const config = commandConfig();
  accessSync(file, constants.R_OK);
  const { importOnlineRetail } = await import("../importers/online-retail/online-retail.ts");
  const summary = await withRuntime(config, (runtime) =>
    withProgress((shown) => {
      shown.step("Importing");
      const progress = (done: number, total: number, what: string) =>
        shown.at(
          done / Math.max(1, total),
          () => `${formatCount(done)} of ${formatCount(total)} orders, ${what}`,
        );
      return importOnlineRetail(runtime, {
        file,
        progress,
        ...(rejects !== undefined && { rejectsFile: rejects }),
      });
    }),
  );
  if (json) return printJson(summary);
  await printSummary(summary);
}

async function printSummary(summary: ImportSummary): Promise<void> {
  const { file, lines, used, rejected, orders, units, gross, events, seconds, eventsPerSecond } = summary;
  if (summary.alreadyImported) await printLine(`${file} had been imported already; nothing was done twice.`);
  if (summary.resumed) await printLine("Went on where it had stopped.");
  await printLine(`${formatCount(lines)} lines of ${file}`);
  await printLine(
    `  used      ${formatCount(used.total)}: ${formatCount(used.sales)} sales, ${formatCount(used.returns)} returns, ` +
      `${formatCount(used.stockChanges)} stock changes`,
  );
  await printLine(`  rejected  ${formatCount(rejected.total)}, listed in ${rejected.file}`);
  for (const [reason, count] of Object.entries(rejected.byReason))
    await printLine(`            ${formatCount(count)} ${reason}`);
  await printLine(
    `${formatCount(orders)} orders, ${formatCount(units)} units, ${gross.amount} ${gross.currency} (minor units)`,
  );
  await printLine(
    `${formatCount(events)} events in ${Math.round(seconds)} s, ${formatCount(Math.round(eventsPerSecond))}/s`,
  );
}
