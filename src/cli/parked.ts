import type { Command } from "commander";
import type { Runtime } from "../runtime/runtime.ts";
import { printJson, printLine } from "./output.ts";
import { modelsNamed } from "./rebuild.ts";
import { commandConfig, jsonOption, Refused, requireStore, WrongUse, withRuntime } from "./session.ts";

interface Options {
  retry?: string;
  skip?: string;
  json?: boolean;
}

export function addParked(program: Command): void {
  program
    .command("parked")
    .argument("<name>", "a read model, or all")
    .description("documents whose event could not be applied, and what becomes of them")
    .option("--retry <key>", "apply a document's events again")
    .option("--skip <key>", "go on with a document without the event that failed")
    .option(...jsonOption)
    .action(parked);
}

async function parked(name: string, { retry, skip, json }: Options): Promise<void> {
  const config = commandConfig();
  const names = modelsNamed([name], config);
  if (retry !== undefined && skip !== undefined) throw new WrongUse("--retry or --skip, not both");
  const key = retry ?? skip;
  if (key === undefined) {
    requireStore(config);
    const documents = await withRuntime(config, ({ models }) => parkedIn(models, names));
    if (json) return printJson(documents);
    if (documents.length === 0) return printLine("Nothing is parked.");
    for (const { model, key, reason } of documents) await printLine(`${model} ${key}: ${reason}`);
    return;
  }
  const [model = name] = names;
  if (names.length !== 1) throw new WrongUse("--retry and --skip are for a document of one read model");
  requireStore(config);
  const how = retry === undefined ? "skip" : "retry";
  const done = await withRuntime(config, async ({ models }) => {
    const unparked = await models.unpark(model, key, how);
    return unparked && { ...unparked, parked: (await models.parked(model)).some((each) => each.key === key) };
  });
  if (!done) throw new Refused(`${model} has no parked document ${JSON.stringify(key)}`);
  if (json) return printJson({ name: model, key, ...done });
  await printLine(
    done.parked ? `${model} ${key}: parked again, see why.` : `${model} ${key}: up to date again.`,
  );
}

async function parkedIn(models: Runtime["models"], names: readonly string[]) {
  const all = await Promise.all(
    names.map(async (model) =>
      (await models.parked(model)).map(({ readAfter: _, ...document }) => ({ model, ...document })),
    ),
  );
  return all.flat();
}
