import type { Command } from "commander";
import type { Difference } from "../engine/read/compare.ts";
import type { ParkedDocument } from "../stores/view-store/view-store.ts";
import { counted, printJson, printLine, secondsSince } from "./output.ts";
import { modelsNamed, rebuildShown } from "./rebuild.ts";
import { catchUp, commandConfig, jsonOption, requireStore, withProgress, withRuntime } from "./session.ts";

const differencesShownMax = 5;
const parkedShownMax = 20;
const textShownMax = 400;

interface VerifiedModel {
  name: string;
  documents: number;
  differing: number;
  /** The first few. */
  differences: Difference[];
  parked: number;
  /** The first few. */
  parkedDocuments: ParkedDocument[];
  /** Why the live one could not be compared. */
  broken?: string;
}

export function addVerify(program: Command): void {
  program
    .command("verify")
    .argument("[names...]", "read models; all when left out")
    .description("build the read models anew beside the live ones and compare every document")
    .option(...jsonOption)
    .action(verify);
}

async function verify(names: readonly string[], { json }: { json?: boolean }): Promise<void> {
  const config = commandConfig();
  const chosen = modelsNamed(names, config);
  requireStore(config);
  const startedAt = performance.now();
  const models = await withRuntime(config, (runtime) =>
    withProgress(async (progress): Promise<VerifiedModel[]> => {
      await catchUp(runtime, progress);
      const comparisons = await rebuildShown(runtime, chosen, false, progress);
      return Promise.all(
        chosen.map(async (name) => {
          // Opening has brought every model to this program's version: what could not be compared is broken.
          const comparison = comparisons.get(name) ?? { documents: 0, differing: 0, differences: [] };
          const { failure } = runtime.models.progress(name);
          const isBroken = comparisons.get(name) === undefined;
          const parked = await runtime.models.parked(name);
          return {
            name,
            ...comparison,
            ...(isBroken && { broken: failure?.message ?? "it could not be compared" }),
            parked: parked.length,
            parkedDocuments: parked.slice(0, parkedShownMax),
          };
        }),
      );
    }),
  );
  const clean = models.every(({ differing, parked, broken }) => differing === 0 && parked === 0 && !broken);
  if (!clean) process.exitCode = 1;
  const seconds = secondsSince(startedAt);
  if (json) return printJson({ clean, models, seconds });
  for (const model of models) await printModel(model);
  await printLine(
    clean
      ? `Clean: the log gives every document again (${seconds} s).`
      : `Not clean (${seconds} s). "cartwright rebuild" puts broken models and differing documents right; parked ones stay parked.`,
  );
}

async function printModel({
  name,
  documents,
  differing,
  differences,
  parked,
  parkedDocuments,
  broken,
}: VerifiedModel) {
  if (broken !== undefined) return printLine(`${name}: broken: ${broken}`);
  await printLine(`${name}: ${counted(documents, "document")}, ${differing} differing, ${parked} parked`);
  for (const { key, live, rebuilt } of differences.slice(0, differencesShownMax)) {
    await printLine(`  ${key}`);
    await printLine(`    live:    ${shortened(live)}`);
    await printLine(`    rebuilt: ${shortened(rebuilt)}`);
  }
  for (const { key, eventType, position, reason, waiting } of parkedDocuments)
    await printLine(`  parked ${key}: ${eventType} at ${position}: ${reason} (${waiting} waiting behind it)`);
}

function shortened(text: string | undefined): string {
  if (text === undefined) return "(none)";
  return text.length > textShownMax ? `${text.slice(0, textShownMax)}... (${text.length} characters)` : text;
}
