import type { Command } from "commander";
import { keepArchive } from "../stores/event-store/archive/keep.ts";
import { counted, formatBytes, formatCount, printJson, printLine, secondsSince } from "./output.ts";
import { commandConfig, jsonOption, withLog, withProgress } from "./session.ts";

export function addArchive(program: Command): void {
  program
    .command("archive")
    .argument("<file>", "the archive, made where there is none")
    .description("keep a copy of the log in a file, from which rebuild reads faster than from a server")
    .option("--follow", "go on with what comes, until the program is stopped")
    .option(...jsonOption)
    .action(archive);
}

async function archive(file: string, { follow, json }: { follow?: boolean; json?: boolean }): Promise<void> {
  const startedAt = performance.now();
  const over = new AbortController();
  const stop = () => over.abort();
  if (follow) for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  const archived = await withLog(commandConfig(), ({ events: log }) =>
    withProgress(async (progress) => {
      progress.step("Archiving");
      const head = await log.head();
      return keepArchive({
        file,
        log,
        ...(follow && { follow: over.signal }),
        onProgress: (count, position) =>
          progress.at(log.progressOf(position, head), () => `${formatCount(count)} events`),
      });
    }),
  );
  const seconds = secondsSince(startedAt);
  if (json) return printJson({ file, ...archived, seconds });
  const { events, added, bytes } = archived;
  await printLine(
    `${file} holds ${counted(events, "event")} (${formatBytes(bytes)}), ${formatCount(added)} of them new, in ${seconds} s.`,
  );
}
