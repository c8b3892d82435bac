import { existsSync } from "node:fs";
import { InvalidArgumentError } from "commander";
import pino from "pino";
import { type Config, readConfig } from "../config.ts";
import { type DataFolder, restoringFolder, takeDataFolder } from "../runtime/data-folder.ts";
import { backendsOf, openRuntime, type Runtime, type RuntimeOptions } from "../runtime/runtime.ts";
import { type OpenLog, openLog } from "../stores/backends.ts";
import { logFileIn } from "../stores/event-store/embedded/format.ts";
import { counted, tell } from "./output.ts";
import { createProgress, type Progress } from "./progress.ts";

/** A command will not do what it was asked for. The message is the reason, for people. */
export class Refused extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "Refused";
  }
}

/** A command was called in a way that it does not know. */
export class WrongUse extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WrongUse";
  }
}

/** The option that every command with a result has. */
export const jsonOption = ["--json", "print one JSON document on standard output, and nothing else"] as const;

/**
 * The settings of the server, except that a command keeps quiet unless it is told otherwise, and does all that it
 * does by itself.
 */
export function commandConfig(): Config {
  return readConfig({ ...process.env, ROLE: "all", LOG_LEVEL: process.env.LOG_LEVEL || "warn" });
}

/** For commands that must not make a store where there is none. @throws Refused */
export function requireStore({ DATA_DIR, EVENTSTOREDB_URL }: Config): void {
  if (EVENTSTOREDB_URL !== undefined) return;
  // A restore that was broken off is not nothing: taking the folder says what to do about it.
  if (!existsSync(logFileIn(DATA_DIR)) && !existsSync(restoringFolder(DATA_DIR)))
    throw new Refused(`there is no store in ${DATA_DIR}; DATA_DIR says which folder to use`);
}

/**
 * Runs a task on everything opened, beside a running shop where log and read models are on servers, and closes it
 * again, also when the projecting thread dies meanwhile.
 */
export async function withRuntime<T>(
  config: Config,
  task: (runtime: Runtime) => Promise<T>,
  options: Pick<RuntimeOptions, "clock" | "tellsOfAppends"> = {},
): Promise<T> {
  const died = Promise.withResolvers<never>();
  died.promise.catch(() => {});
  const log = pino({ level: config.LOG_LEVEL }, pino.destination({ fd: 2, sync: true }));
  const runtime = await openRuntime({
    config,
    log,
    onDeath: died.reject,
    tellsOfAppends: false,
    beside: true,
    ...options,
  });
  try {
    tellNewKey(runtime.folder);
    return await Promise.race([task(runtime), died.promise]);
  } finally {
    await runtime.close();
  }
}

/**
 * Runs a task on the log alone, for reading: no read model is opened, made or brought up to date. One on a server is
 * read beside whoever else works on it, one in a data folder needs the folder for itself.
 */
export async function withLog<T>(config: Config, task: (log: OpenLog) => Promise<T>): Promise<T> {
  requireStore(config);
  const isOnServer = config.EVENTSTOREDB_URL !== undefined;
  const folder = isOnServer ? undefined : takeDataFolder(config.DATA_DIR, config.ADMIN_API_KEY);
  try {
    const log = await openLog(backendsOf(config), "reading");
    try {
      return await task(log);
    } finally {
      await log.events.close();
    }
  } finally {
    folder?.release();
  }
}

/** The key is shown once, by whoever makes it. */
export function tellNewKey({ adminApiKey }: DataFolder): void {
  if (adminApiKey.isNew) tell(`Staff API key, made for this data folder: ${adminApiKey.value}`);
}

/** Shows a task's progress, whatever becomes of it. */
export async function withProgress<T>(task: (progress: Progress) => Promise<T>): Promise<T> {
  const progress = createProgress();
  try {
    return await task(progress);
  } finally {
    progress.end();
  }
}

/** Waits until every read model has applied the whole log. */
export async function catchUp({ models, events }: Runtime, progress: Progress): Promise<void> {
  progress.step("Catching up");
  await models.caughtUp(undefined, async (lowest, head) => {
    const left = await events.countBetween(lowest, head);
    progress.at(events.progressOf(lowest, head), () =>
      left === undefined ? "" : `${counted(left, "event")} to go`,
    );
  });
}

/** For an option or argument that is a whole number. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,15}$/.test(text) || value < min)
      throw new InvalidArgumentError(`Allowed: a whole number from ${min}.`);
    return value;
  };
}
