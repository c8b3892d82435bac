import { accessSync, constants } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { isEncoding } from "../importers/csv/decoding.ts";
import { type DateOrder, dateOrders } from "../importers/online-retail/dates.ts";
import { type Field, fieldNames, parseColumns, WrongColumns } from "../importers/online-retail/layout.ts";
import type { ImportSummary } from "../importers/online-retail/online-retail.ts";
import type { Applied } from "../importers/products/apply.ts";
import type { ProductImportSummary } from "../importers/products/run.ts";
import { formatCount, printJson, printLine } from "./output.ts";
import { commandConfig, jsonOption, Refused, WrongUse, withProgress, withRuntime } from "./session.ts";

/** What a dry run tells of, product by product. */
const plannedShownMax = 1_000;

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

const productsHelp = `
The columns are those of \`cartwright export products\`, with any of them left out, or those of a product export of Shopify
or WooCommerce. What a file has said before is not said again: the same file changes nothing, a changed one only what has
changed. An import that was stopped is begun again, and goes on.
Exit codes: 0 done, also when there was nothing new; 1 the file cannot be read, or a tenth of its products or more is
rejected; 2 wrong use.`;

interface ProductOptions {
  dryRun?: boolean;
  publish?: boolean;
  rejects?: string;
  encoding?: string;
  allowRejects?: boolean;
  json?: boolean;
}

export function addImport(program: Command): void {
  const command = program.command("import").description("fill the store with what another system has");
  command
    .command("products")
    .argument("<file>", "CSV with a header, JSON or JSON lines, gzipped or not")
    .description("create and change products, with variants, prices and stock")
    .option("--dry-run", "say what would be done, and do nothing")
    .option("--publish", "publish what the file does not keep back as a draft")
    .option("--rejects <file>", "where rows that cannot be imported go, with field, value and reason")
    .option("--encoding <name>", "of CSV that is neither UTF-8 nor UTF-16, such as windows-1252", encoding)
    .option("--allow-rejects", "exit with 0 even if a tenth of the products or more is rejected")
    .option(...jsonOption)
    .addHelpText("after", productsHelp)
    .action(importProductsOf);
  command
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

async function importProductsOf(file: string, options: ProductOptions): Promise<void> {
  const { dryRun: isDry = false, publish: isPublishing = false, rejects: rejectsFile, json } = options;
  const { encoding, allowRejects } = options;
  const config = commandConfig();
  accessSync(file, constants.R_OK);
  const { importProducts } = await import("../importers/products/run.ts");
  const planned: Applied[] = [];
  const summary = await withRuntime(
    config,
    (runtime) =>
      withProgress((shown) => {
        shown.step(isDry ? "Looking" : "Importing");
        const progress = (done: number, total: number) =>
          shown.at(done / Math.max(1, total), () => `${formatCount(done)} of ${formatCount(total)} products`);
        const onApplied = (applied: Applied) => {
          if (isDry && planned.length < plannedShownMax) planned.push(applied);
        };
        const about = { file, encoding, allowRejects, rejectsFile, isDry, isPublishing };
        return importProducts(runtime, { ...about, progress, onApplied });
      }),
    { tellsOfAppends: false },
  );
  planned.sort((a, b) => a.row - b.row);
  if (json)
    await printJson(
      isDry ? { ...summary, planned: planned.map(({ rejects: _, ...step }) => step) } : summary,
    );
  else await printProducts(summary, planned);
  if (summary.failed) throw new Refused(`${formatCount(summary.rejected.products)} products were rejected`);
}

async function printProducts(summary: ProductImportSummary, planned: readonly Applied[]): Promise<void> {
  const { file, format, rows, products, created, changed, unchanged, rejected, leftOut, dryRun } = summary;
  for (const { row, product, steps } of planned)
    await printLine(`row ${row}, ${product}: ${steps.join("; ")}`);
  const more = created + changed - planned.length;
  if (dryRun && more > 0) await printLine(`and ${formatCount(more)} products more`);
  await printLine(`${formatCount(rows)} rows of ${file} (${format}), ${formatCount(products)} products`);
  await printLine(`  ${dryRun ? "to create" : "created  "}  ${formatCount(created)}`);
  await printLine(`  ${dryRun ? "to change" : "changed  "}  ${formatCount(changed)}`);
  await printLine(`  unchanged  ${formatCount(unchanged)}`);
  const listed = rejected.file === undefined ? "" : `, listed in ${rejected.file}`;
  await printLine(`  rejected   ${formatCount(rejected.products)}${listed}`);
  for (const { field, reason, rows: of, firstRow } of leftOut)
    await printLine(`  left out   ${field}: ${reason} (${formatCount(of)} rows, the first is ${firstRow})`);
  await printLine(`${formatCount(summary.events ?? 0)} events in ${Math.round(summary.seconds)} s`);
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
