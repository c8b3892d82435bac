import { existsSync } from "node:fs";
import type { Command } from "commander";
import { writeBackup } from "./backup-file.ts";
import { counted, formatBytes, formatCount, printJson, printLine, secondsSince } from "./output.ts";
import { commandConfig, jsonOption, Refused, withLog, withProgress } from "./session.ts";

export function addBackup(program: Command): void {
  program
    .command("backup")
    .argument("<file>", "the file to write, such as shop.jsonl.gz")
    .description("write the whole log to one file, which restore reads")
    .option("--force", "replace the file when it exists")
    .option(...jsonOption)
    .action(backup);
}

async function backup(file: string, { force, json }: { force?: boolean; json?: boolean }): Promise<void> {
  const config = commandConfig();
  if (existsSync(file) && !force) throw new Refused(`${file} exists already; --force replaces it`);
  const startedAt = performance.now();
  const written = await withLog(config, ({ events, embedded }) =>
    withProgress(async (progress) => {
      progress.step("Checking the log");
      const [damage] = embedded?.check() ?? [];
      // A backup is opened on the day it is needed: it had better not hold only half a stream.
      if (damage !== undefined)
        throw new Refused(`the log is damaged (${damage}); "cartwright doctor" says more`);
      progress.step("Backing up");
      const head = await events.head();
      return writeBackup(events, file, (count, position) =>
        progress.at(events.progressOf(position, head), () => `${formatCount(count)} events`),
      );
    }),
  );
  const seconds = secondsSince(startedAt);
  if (json) return printJson({ file, ...written, seconds });
  await printLine(
    `Backed up ${counted(written.events, "event")} to ${file} (${formatBytes(written.bytes)}) in ${seconds} s.`,
  );
  await printLine(
    "It holds the log only: not the keys of this folder, and no read models, which the log gives again.",
  );
}
