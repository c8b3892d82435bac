import { createWriteStream, existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { Command } from "commander";
import type { z } from "zod";
import { ordersExportQuery, productsExportQuery, stockExportQuery } from "../http/query-api/schemas.ts";
import { exportOf } from "../runtime/exports.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { tell, write } from "./output.ts";
import {
  catchUp,
  commandConfig,
  Refused,
  requireStore,
  WrongUse,
  withProgress,
  withRuntime,
} from "./session.ts";

interface Options extends Record<string, string | boolean | undefined> {
  out?: string;
  force?: boolean;
  bom?: boolean;
}

type Pages = (runtime: Runtime) => AsyncIterable<string>;

/** A command for each table; its options are the parameters that the same table has over HTTP. */
export function addExport(program: Command): void {
  const parent = program.command("export").description("write orders, products or stock as a table");
  const orders = table("orders", "orders, oldest first", (options) => {
    const { bom, ...asked } = queryOf(ordersExportQuery, options);
    return ({ queries, clock }) =>
      exportOf(queries, "exportOrders", { ...asked, placedBefore: clock() }, bom);
  });
  orders
    .option("--rows <what>", "lines or orders (lines)")
    .option("--number <beginning>", "of this number, or of numbers that begin so")
    .option("--name <words>", "for this name")
    .option("--email <beginning>", "of this address, or of addresses that begin so")
    .option("--customer <id>", "of this customer")
    .option("--status <status>", "of this status")
    .option("--payment-status <status>", "of this payment status")
    .option("--sku <sku>", "with this SKU")
    .option("--from <day>", "placed on this day of the store, or from this time on")
    .option("--to <day>", "placed on this day or before it, or before this time");
  const products = table("products", "products, a row for each variant", (options) => {
    const { bom, ...asked } = queryOf(productsExportQuery, options);
    return ({ queries }) => exportOf(queries, "exportProducts", asked, bom);
  });
  products.option("--status <statuses>", "draft, published, archived, or several with commas between");
  const stock = table("stock", "stock, a row for each SKU", (options) => {
    const { bom, ...asked } = queryOf(stockExportQuery, options);
    return ({ queries }) => exportOf(queries, "exportStock", asked, bom);
  });
  stock.option("--status <status>", "in_stock, low_stock or out_of_stock");
  for (const command of [orders, products, stock]) parent.addCommand(command.copyInheritedSettings(parent));
}

function table(name: string, what: string, pagesOf: (query: object) => Pages): Command {
  return new Command(name)
    .description(`write ${what}`)
    .option("--format <format>", "csv or jsonl (csv)")
    .option("--out <file>", "the file to write; standard output when it is left out")
    .option("--force", "replace the file when it exists")
    .option("--bom", "begin CSV with a byte order mark")
    .action(({ out, force, bom, ...query }: Options) =>
      exportTo(out, force === true, pagesOf({ ...query, ...(bom && { bom: "true" }) })),
    );
}

async function exportTo(file: string | undefined, isReplaced: boolean, pagesOf: Pages): Promise<void> {
  const config = commandConfig();
  requireStore(config);
  if (file !== undefined && existsSync(file) && !isReplaced)
    throw new Refused(`${file} exists already; --force replaces it`);
  await withRuntime(config, (runtime) =>
    withProgress(async (progress) => {
      await catchUp(runtime, progress);
      progress.step("Exporting");
      if (file === undefined) for await (const page of pagesOf(runtime)) await write(page);
      else await writeFileWhole(file, pagesOf(runtime));
    }),
  );
  if (file !== undefined) tell(`Exported to ${file}.`);
}

/** The file has its name once it is whole. */
async function writeFileWhole(file: string, pages: AsyncIterable<string>): Promise<void> {
  const partial = `${file}.partial`;
  try {
    await pipeline(pages, createWriteStream(partial, { flush: true }));
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** @throws WrongUse that names the option */
function queryOf<S extends z.ZodType>(schema: S, query: object): z.output<S> {
  const { success, data, error } = schema.safeParse(query);
  if (success) return data;
  const [issue] = error.issues;
  throw new WrongUse(`--${issue?.path.join(".")}: ${issue?.message}`);
}
