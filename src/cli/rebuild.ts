import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { viewProjections } from "../../projections/all.ts";
import type { Config } from "../config.ts";
import type { Comparison } from "../engine/read/compare.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { ArchiveFile } from "../stores/event-store/archive/file.ts";
import { counted, formatCount, printJson, printLine, secondsSince } from "./output.ts";
import type { Progress } from "./progress.ts";
import {
  catchUp,
  commandConfig,
  jsonOption,
  Refused,
  requireStore,
  WrongUse,
  withLog,
  withProgress,
  withRuntime,
} from "./session.ts";

const lookEveryMs = 250;

export function addRebuild(program: Command): void {
  program
    .command("rebuild")
    .argument("<name>", "a read model, or all")
    .description("build a read model anew from the log, beside the live one, and put it in its place")
    .option("--archive <file>", "read the log from this archive as far as it goes (see archive)")
    .option(...jsonOption)
    .action(rebuild);
}

export function addRollback(program: Command): void {
  program
    .command("rollback")
    .argument("<name>", "a read model")
    .description("go back to a read model as it was built before, brought up to date")
    .option(...jsonOption)
    .action(rollback);
}

async function rebuild(name: string, { archive, json }: { archive?: string; json?: boolean }): Promise<void> {
  const config = { ...commandConfig(), ...(archive !== undefined && { ARCHIVE_FILE: archive }) };
  const names = modelsNamed([name], config);
  requireStore(config);
  if (archive !== undefined) await requireArchive(archive, config);
  const startedAt = performance.now();
  const rebuilt = await withRuntime(config, (runtime) =>
    withProgress(async (progress) => {
      await catchUp(runtime, progress);
      const comparisons = await rebuildShown(runtime, names, true, progress);
      return Promise.all(
        names.map(async (each) => {
          const model = await runtime.models.model(each);
          const parked = await runtime.models.parked(each);
          const changed = comparisons.get(each)?.differing;
          return {
            name: each,
            documents: await model.count(),
            changed: changed ?? null,
            parked: parked.length,
          };
        }),
      );
    }),
  );
  const seconds = secondsSince(startedAt);
  if (json) return printJson({ models: rebuilt, seconds });
  for (const { name: each, documents, changed, parked } of rebuilt) {
    const difference = changed ? `, ${formatCount(changed)} changed` : "";
    await printLine(
      `${each}: ${counted(documents, "document")}${difference}${parked ? `, ${parked} parked` : ""}`,
    );
  }
  await printLine(`Rebuilt ${counted(names.length, "read model")} in ${seconds} s.`);
}

/** @throws Refused, StoreDamaged when it is no archive of this shop's log */
async function requireArchive(file: string, config: Config): Promise<void> {
  if (!existsSync(file)) throw new Refused(`there is no archive ${file}; "cartwright archive" makes it`);
  await withLog(config, async ({ events }) => {
    const archive = new ArchiveFile(file);
    try {
      await archive.requireOf(events);
    } finally {
      archive.close();
    }
  });
}

/** The read models of these names; `all` or no name means all. @throws WrongUse naming those there are */
export function modelsNamed(names: readonly string[], config: Config): string[] {
  const known = viewProjections({ timeZone: config.STORE_TIME_ZONE, currency: config.STORE_CURRENCY }).map(
    (projection) => projection.name,
  );
  if (names.length === 0 || names.includes("all")) return known;
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new WrongUse(`there is no read model ${unknown.join(", ")}; there are: all, ${known.join(", ")}`);
  return [...new Set(names)];
}

/** Rebuilds.run, with its progress shown. */
export async function rebuildShown(
  { models }: Runtime,
  names: readonly string[],
  promote: boolean,
  progress: Progress,
): Promise<Map<string, Comparison | undefined>> {
  progress.step(promote ? "Rebuilding" : "Rebuilding beside");
  const over = new AbortController();
  let isStopped = false;
  const stop = () => {
    isStopped = true;
    for (const name of names) void models.rebuilds.stop(name);
  };
  process.once("SIGINT", stop);
  const rebuilding = models.rebuilds.run(names, promote).finally(() => over.abort());
  const watching = watch(models, names, progress, over.signal);
  try {
    return await rebuilding;
  } catch (error) {
    throw isStopped ? new Refused("stopped: read models that were not finished are as they were") : error;
  } finally {
    process.off("SIGINT", stop);
    await watching;
  }
}

async function rollback(name: string, { json }: { json?: boolean }): Promise<void> {
  const config = commandConfig();
  const [model = name] = modelsNamed([name], config);
  requireStore(config);
  const rolledBack = await withRuntime(config, ({ models }) => models.rebuilds.rollback(model));
  if (!rolledBack) throw new Refused(`${model} has no build before this one to go back to`);
  if (json) return printJson({ name: model, rolledBack });
  await printLine(`${model}: back on the build before, brought up to date.`);
}

async function watch(
  models: Runtime["models"],
  names: readonly string[],
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(lookEveryMs, undefined, { signal }).catch(() => {});
    const states = names.flatMap((name) => models.rebuilds.stateOf(name) ?? []);
    const mean = states.reduce((sum, state) => sum + state.progress, 0) / Math.max(1, states.length);
    progress.at(mean, () => whatGoesOn(models, names));
  }
}

function whatGoesOn({ rebuilds }: Runtime["models"], names: readonly string[]): string {
  let done = 0;
  let fastest = 0;
  const lastSteps: string[] = [];
  for (const name of names) {
    const { state, lastStep, progress = 0, eventsPerSecond = 0 } = rebuilds.stateOf(name) ?? {};
    if (state === "done") done++;
    if (lastStep) lastSteps.push(`${name}: ${lastStep}`);
    if (progress < 1) fastest = Math.max(fastest, eventsPerSecond);
  }
  const rate = fastest > 0 ? [`${formatCount(fastest)} events/s`] : [];
  return [`${done} of ${names.length} done`, ...rate, ...lastSteps].join(", ");
}
