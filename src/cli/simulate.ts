import type { Command } from "commander";
import { counted, formatCount, printJson, printLine, secondsSince } from "./output.ts";
import {
  commandConfig,
  jsonOption,
  Refused,
  WrongUse,
  wholeNumber,
  withProgress,
  withRuntime,
} from "./session.ts";
import type { PlayedWeek } from "./simulate/week.ts";

const daysMax = 7;

interface SimulateOptions {
  seed: number;
  days: number;
  json?: boolean;
}

export function addSimulate(program: Command): void {
  program
    .command("simulate")
    .description("fill an empty store with what happens in a shop")
    .command("week")
    .description("play the last seven days of a small shop, as customers, staff and the gateway would")
    .option("--seed <number>", "the same one plays the same week", wholeNumber(0), 1)
    .option("--days <number>", "fewer make a shorter week, with all of it", wholeNumber(1), daysMax)
    .option(...jsonOption)
    .action(simulateWeek);
}

async function simulateWeek({ seed, days, json }: SimulateOptions): Promise<void> {
  if (days > daysMax) throw new WrongUse(`--days is ${days}; a week has ${daysMax}`);
  const startedAt = performance.now();
  const { NotPlayed, playWeek, startOfWeek } = await import("./simulate/week.ts");
  // A gateway that takes its time is a part of the play, and its tasks are tried again: no news.
  const config = { ...commandConfig(), ...(!process.env.LOG_LEVEL && { LOG_LEVEL: "error" as const }) };
  const clock = { now: startOfWeek(Date.now(), days, config.STORE_TIME_ZONE) };
  const play = () =>
    withRuntime(
      config,
      (runtime) =>
        withProgress((shown) => {
          shown.step("Playing");
          return playWeek(runtime, { seed, days, clock, progress: (fraction) => shown.at(fraction) });
        }),
      { clock: () => clock.now, tellsOfAppends: true },
    );
  const week = await play().catch((error: unknown) => {
    throw error instanceof NotPlayed ? new Refused(error.message, { cause: error }) : error;
  });
  const seconds = secondsSince(startedAt);
  if (json) return printJson({ ...week, seconds });
  await printWeek(week, seconds);
}

async function printWeek(week: PlayedWeek, seconds: number): Promise<void> {
  const { played, underWay, from, to, events, seed } = week;
  for (const [name, count] of Object.entries(played))
    await printLine(`${formatCount(count).padStart(6)}  ${name}`);
  await printLine(`${formatCount(underWay).padStart(6)}  still under way`);
  await printLine(`${from} to ${to}: ${counted(events, "event")} in ${seconds} s (seed ${seed}).`);
}
