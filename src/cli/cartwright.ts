#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { InvalidConfig } from "../config.ts";
import { isForOperator } from "../runtime/operator-errors.ts";
import { addArchive } from "./archive.ts";
import { addBackup } from "./backup.ts";
import { addCopy, addReopen } from "./copy.ts";
import { addDoctor } from "./doctor.ts";
import { addEvents } from "./events.ts";
import { addExport } from "./export.ts";
import { addImport } from "./import.ts";
import { addKeys } from "./keys.ts";
import { hasBegunJson, printJson, tell } from "./output.ts";
import { addParked } from "./parked.ts";
import { addRebuild, addRollback } from "./rebuild.ts";
import { addRestore } from "./restore.ts";
import { Refused, WrongUse } from "./session.ts";
import { addSimulate } from "./simulate.ts";
import { addStart } from "./start.ts";
import { addVerify } from "./verify.ts";

const exitFailed = 1;
const exitWrongUse = 2;

const afterHelp = `
Settings come from the environment, as for the server; DATA_DIR (./data) is the folder of the store.
A folder is used by one process at a time: stop the server before any other command. What is on servers
(EVENTSTOREDB_URL, MONGODB_URL) is worked on beside a running shop.
Exit codes: 0 done, 1 failed or not clean, 2 wrong use.`;

function createProgram(): Command {
  // Commands inherit how errors end the program and where they go, so these come first.
  const program = new Command("cartwright")
    .description("An event-sourced order and inventory engine for shops")
    .exitOverride()
    .showHelpAfterError("(--help shows what is possible)")
    .addHelpText("after", afterHelp);
  addStart(program);
  addImport(program);
  addSimulate(program);
  addRebuild(program);
  addRollback(program);
  addParked(program);
  addKeys(program);
  addVerify(program);
  addEvents(program);
  addExport(program);
  addBackup(program);
  addRestore(program);
  addArchive(program);
  addCopy(program);
  addReopen(program);
  addDoctor(program);
  return program;
}

async function run(argv: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync([...argv]);
  } catch (error) {
    // Commander has said already what is wrong, or shown the help that was asked for.
    if (error instanceof CommanderError && error.exitCode === 0) return;
    process.exitCode = isWrongUse(error) ? exitWrongUse : exitFailed;
    if (!(error instanceof CommanderError)) tell(sentenceOf(error));
    const message = error instanceof Error ? error.message : String(error);
    if (argv.includes("--json") && !hasBegunJson()) await printJson({ error: message });
  }
}

function isWrongUse(error: unknown): boolean {
  return error instanceof CommanderError || error instanceof WrongUse || error instanceof InvalidConfig;
}

function sentenceOf(error: unknown): string {
  if (error instanceof Refused || error instanceof WrongUse || isForOperator(error)) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

// Who reads the output may have seen enough, as `head` has.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

await run(process.argv);
