import { accessSync, constants } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { isEncoding } from "../importers/csv/decoding.ts";
import { type DateOrder, dateOrders } from "../importers/online-retail/dates.ts";
import { type Field, fieldNames, parseColumns, WrongColumns } from "../importers/online-retail/layout.ts";
import type { ImportSummary } from "../importers/online-retail/online-retail.ts";
import { formatCount, printJson, printLine } from "./output.ts";
import { commandConfig, jsonOption, Refused, WrongUse, withProgress, withRuntime } from "./session.ts";

interface ImportOptions {
  rejects?: string;
  encoding?: string;
  dates?: DateOrder;
  columns?: ReadonlyMap<Field, string>;
  allowRejects?: boolean;
  json?: boolean;
}

const columnsHelp = `
Order lines of another shop: name the columns of the file by --columns FIELD=TITLE,..., quoted as CSV has it where a
title holds a comma. The fields are ${fieldNames.join(", ")};
order, sku, quantity, at, and either unitPrice or lineTotal are needed.
Exit codes: 0 done, also when there was nothing new; 1 nothing could be read, or a tenth of the lines or more is
rejected, in which case nothing is written; 2 wrong use.`;

export function addImport(program: Command): void {
  program
    .command("import")
    .description("fill the store with the orders of another system")
    .command("online-retail")
    .alias("invoices")
    .argument("<file>", "CSV with a header, gzipped or not")
    .description(
      "replay invoices, of the Online Retail data set (UCI) or of another shop, as commands, each at its time",
    )
    .option("--rejects <file>", "where the lines that cannot be read go, with field, value and reason")
    .option("--encoding <name>", "of a file that is neither UTF-8 nor UTF-16, such as windows-1252", encoding)
    .addOption(new Option("--dates <order>", "what comes first in a date").choices([...dateOrders]))
    .option("--columns <list>", "of another shop's order lines, as below", columns)
    .option("--allow-rejects", "import what can be read, even if a tenth of the lines or more is rejected")
    .option(...jsonOption)
    .addHelpText("after", columnsHelp)
    .action(importFile);
}

function encoding(name: string): string {
  if (isEncoding(name)) return name;
  throw new InvalidArgumentError("Allowed: a name of the Encoding Standard, such as windows-1252.");
}

function columns(list: string): ReadonlyMap<Field, string> {
  try {
    return parseColumns(list);
  } catch (error) {
    throw error instanceof WrongColumns ? new InvalidArgumentError(error.message) : error;
  }
}

async function importFile(file: string, { rejects, json, ...options }: ImportOptions): Promise<void> {
  const config = commandConfig();
  accessSync(file, constants.R_OK);
  const { importOnlineRetail } = await import("../importers/online-retail/online-retail.ts");
  const summary = await withRuntime(config, (runtime) =>
    withProgress(async (shown) => {
      shown.step("Importing");
      const progress = (done: number, total: number, what: string) =>
        shown.at(
          done / Math.max(1, total),
          () => `${formatCount(done)} of ${formatCount(total)} orders, ${what}`,
        );
      try {
        return await importOnlineRetail(runtime, { ...options, file, progress, rejectsFile: rejects });
      } catch (error) {
        throw error instanceof WrongColumns ? new WrongUse(error.message) : error;
      }
    }),
  );
  if (json) await printJson(summary);
  else await printSummary(summary);
  if (summary.refused !== undefined)
    throw new Refused(
      `${summary.refused}; nothing was written, and ${summary.rejected.file} says what is wrong`,
    );
}

async function printSummary(summary: ImportSummary): Promise<void> {
  const { file, lines, used, alreadyImported, setAside, rejected } = summary;
  if (summary.resumed) await printLine("Went on where it had stopped.");
  await printLine(`${formatCount(lines)} lines of ${file}`);
  await printLine(
    `  used       ${formatCount(used.total)}: ${formatCount(used.sales)} sales, ${formatCount(used.returns)} returns, ` +
      `${formatCount(used.stockChanges)} stock changes`,
  );
  if (alreadyImported.invoices > 0)
    await printLine(
      `  known      ${formatCount(alreadyImported.lines)}: ${formatCount(alreadyImported.invoices)} invoices had been imported before`,
    );
  await printLine(`  set aside  ${formatCount(setAside.total)}`);
  await printCounts(setAside.byKind);
  await printLine(`  rejected   ${formatCount(rejected.total)}, listed in ${rejected.file}`);
  await printCounts(rejected.byReason);
  const { orders, units, gross, events, seconds, eventsPerSecond } = summary;
  await printLine(
    `${formatCount(orders)} orders, ${formatCount(units)} units, ${gross.amount} ${gross.currency} (minor units)`,
  );
  await printLine(
    `${formatCount(events)} events in ${Math.round(seconds)} s, ${formatCount(Math.round(eventsPerSecond))}/s`,
  );
}

async function printCounts(counts: Record<string, number>): Promise<void> {
  for (const [what, count] of Object.entries(counts))
    await printLine(`             ${formatCount(count)} ${what}`);
}
