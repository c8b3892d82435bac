import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import type { Config } from "../config.ts";
import type { Engine } from "../engine/write/engine.ts";
import { takeDataFolder } from "../runtime/data-folder.ts";
import { backendsOf } from "../runtime/runtime.ts";
import { openLog, viewsFolder } from "../stores/backends.ts";
import { logFileIn } from "../stores/event-store/embedded/format.ts";
import type { EmbeddedEventStore } from "../stores/event-store/embedded/log.ts";
import { type EventStore, logStart, type Position } from "../stores/event-store/event-store.ts";
import { LogComparison } from "./compare-logs.ts";
import { copyLog } from "./copy-log.ts";
import { asLog, engineOn, stateOf } from "./log-turn.ts";
import { inFlightEmbedded, inFlightOnServer } from "./ordered-appends.ts";
import { counted, formatCount, printJson, printLine, secondsSince } from "./output.ts";
import type { Progress } from "./progress.ts";
import {
  commandConfig,
  jsonOption,
  Refused,
  requireStore,
  tellNewKey,
  wholeNumber,
  withProgress,
} from "./session.ts";

/**
 * The processes on a server look once a second whether the shop has moved, and an append may be under way for 7 s:
 * when nothing has come for so long, nothing will.
 */
const quietMs = 10_000;

interface CopyArguments {
  from: string;
  to: string;
  keep?: boolean;
  inFlight: number;
  json?: boolean;
}

export interface CopySummary {
  from: string;
  to: string;
  /** In the target now; those that were there before; those that were copied, and in how many appends. */
  events: number;
  alreadyThere: number;
  copied: number;
  appends: number;
  moved: boolean;
  copySeconds: number;
  verifySeconds: number;
}

export function addCopy(program: Command): void {
  program
    .command("copy")
    .requiredOption("--from <place>", "a data folder, or the esdb:// address of a server")
    .requiredOption("--to <place>", "the same, of a log that is empty or holds the beginning of this copy")
    .description("move a shop: copy its log event by event, compare the two, and close the one it came from")
    .option("--keep", "leave the log it came from open: what is written there from now on is not copied")
    .option("--in-flight <count>", "appends under way at once on a server", wholeNumber(1), inFlightOnServer)
    .option(...jsonOption)
    .action(copy);
}

export function addReopen(program: Command): void {
  program
    .command("reopen")
    .description("let the shop go on on a log that it has left, or that a copy was broken off into")
    .option(...jsonOption)
    .action(reopen);
}

async function copy({ from, to, keep = false, inFlight, json }: CopyArguments): Promise<void> {
  const config = commandConfig();
  const startedAt = performance.now();
  const summary = await withPlace(from, "source", config, (source) =>
    withPlace(to, "target", config, (target) =>
      withProgress((progress) => move(source, target, { keep, inFlight, progress })),
    ),
  );
  const seconds = secondsSince(startedAt);
  if (json) return printJson({ ...summary, seconds });
  const { events, alreadyThere, copied, appends, moved, copySeconds, verifySeconds } = summary;
  const before = alreadyThere > 0 ? `${counted(alreadyThere, "event")} were there already; ` : "";
  await printLine(
    `${before}copied ${counted(copied, "event")} in ${counted(appends, "append")} from ${summary.from} to ` +
      `${summary.to} in ${copySeconds} s, and compared all ${formatCount(events)} in ${verifySeconds} s.`,
  );
  await printLine(
    moved
      ? `The shop has moved: ${summary.from} answers commands with 503 from now on ("cartwright reopen" undoes that).`
      : `${summary.from} was left open: what is written there from now on is not in the copy.`,
  );
  await printLine(
    'Read models are not copied: the next start on the new log makes them, or "cartwright rebuild all". Keep ' +
      "DATA_DIR or SHARED_SECRET, and the tokens of carts stay good.",
  );
}

/** One end of a copy. */
interface Place {
  /** For people: without credentials. */
  name: string;
  events: EventStore;
  embedded: EmbeddedEventStore | undefined;
  /** Only for the log's own stream. */
  engine: Engine;
}

async function withPlace<T>(
  place: string,
  end: "source" | "target",
  config: Config,
  task: (place: Place) => Promise<T>,
): Promise<T> {
  const isServer = /^esdb(\+discover)?:\/\//.test(place);
  if (isServer) return withOpened({ dataDir: "", eventStoreDbUrl: place }, nameOf(place), task);
  if (end === "source" && !existsSync(logFileIn(place))) throw new Refused(`there is no store in ${place}`);
  if (end === "target" && !existsSync(logFileIn(place)) && existsSync(viewsFolder(place)))
    throw new Refused(
      `${viewsFolder(place)} holds read models of another log: move it away, or choose another folder`,
    );
  const folder = takeDataFolder(place, config.ADMIN_API_KEY);
  try {
    tellNewKey(folder);
    return await withOpened({ dataDir: place }, place, task);
  } finally {
    folder.release();
  }
}

async function withOpened<T>(
  stores: Parameters<typeof openLog>[0],
  name: string,
  task: (place: Place) => Promise<T>,
): Promise<T> {
  const { events, embedded } = await openLog(stores, "commands");
  try {
    return await task({ name, events, embedded, engine: engineOn(events) });
  } finally {
    await events.close();
  }
}

function nameOf(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//");
}

interface MoveOptions {
  keep: boolean;
  inFlight: number;
  progress: Progress;
}

/**
 * Copies what the target lacks. Most of it is copied and compared while the shop on the source may go on; then the
 * source is closed, and the rest follows. The target is not the shop's to write before it holds, and was found to
 * hold, everything.
 */
async function move(source: Place, target: Place, options: MoveOptions): Promise<CopySummary> {
  const { keep, progress } = options;
  if (source.events.logId === target.events.logId) throw new Refused("source and target are the same log");
  await requireSource(source, target, keep);
  const [damage] = source.embedded?.check() ?? [];
  if (damage !== undefined)
    throw new Refused(`the log is damaged (${damage}); "cartwright doctor" says more`);

  const work = new Work(source, target, options);
  await work.compare("Comparing what is there");
  const alreadyThere = work.compared;
  await asLog(target.engine, "Fill", { from: source.events.logId });
  await work.copy();
  await work.compare("Comparing");
  if (!keep) {
    await asLog(source.engine, "Move", { to: target.name, logId: target.events.logId });
    await work.copyUntilQuiet(source.events.soleWriter ? 0 : quietMs);
    await work.compare("Comparing the rest");
    if (!(await work.isWhole())) throw new Refused("the source is still written: copy again");
  }
  await asLog(target.engine, "Finish", {});
  progress.end();
  const { compared: events, copied, appends, copySeconds, verifySeconds } = work;
  return {
    ...{ from: source.name, to: target.name, events, alreadyThere, copied, appends },
    ...{ moved: !keep, copySeconds, verifySeconds },
  };
}

/** @throws Refused for a source that is not a shop's, or no more */
async function requireSource(source: Place, target: Place, keep: boolean): Promise<void> {
  const state = await stateOf(source.engine);
  if (state.is === "filling")
    throw new Refused(`${source.name} is not whole: a copy into it was broken off; run that one again`);
  if (state.is === "moved" && (state.logId !== target.events.logId || keep))
    throw new Refused(`the shop of ${source.name} has moved to ${state.to}`);
  if ((await source.events.head()) === logStart) throw new Refused(`${source.name} holds no event`);
}

/** The steps of a copy, and what they have come to. */
class Work {
  private readonly source: Place;
  private readonly target: Place;
  private readonly options: MoveOptions;
  private readonly comparison: LogComparison;
  /** Where the source was copied up to; only what was compared before counts for a start. */
  private copiedTo: Position | undefined;
  copied = 0;
  appends = 0;
  copySeconds = 0;
  verifySeconds = 0;

  constructor(source: Place, target: Place, options: MoveOptions) {
    this.source = source;
    this.target = target;
    this.options = options;
    this.comparison = new LogComparison(source.events, target.events);
  }

  get compared(): number {
    return this.comparison.compared;
  }

  isWhole(): Promise<boolean> {
    return this.comparison.isWhole();
  }

  async compare(title: string): Promise<void> {
    const { progress } = this.options;
    const startedAt = performance.now();
    const head = await this.source.events.head();
    progress.step(title);
    await this.comparison.run((position) =>
      progress.at(this.source.events.progressOf(position, head), () => counted(this.compared, "event")),
    );
    this.verifySeconds = added(this.verifySeconds, startedAt);
  }

  async copy(): Promise<void> {
    const { progress, inFlight } = this.options;
    const startedAt = performance.now();
    const { events } = this.source;
    const head = await events.head();
    progress.step("Copying");
    const { embedded } = this.target;
    const copied = await copyLog({
      from: events,
      to: this.target.events,
      after: this.copiedTo ?? this.comparison.sourcePosition,
      inFlightMax: embedded ? inFlightEmbedded : inFlight,
      onCopied: (count, position) =>
        progress.at(events.progressOf(position, head), () => {
          const perSecond = Math.round((count * 1_000) / (performance.now() - startedAt));
          return `${counted(this.copied + count, "event")}, ${formatCount(perSecond)}/s`;
        }),
    });
    this.copiedTo = copied.position;
    this.copied += copied.events;
    this.appends += copied.appends;
    this.copySeconds = added(this.copySeconds, startedAt);
  }

  /** What writers had under way when the source was closed lands behind that: it is copied too. */
  async copyUntilQuiet(forMs: number): Promise<void> {
    let copied: number;
    do {
      copied = this.copied;
      await sleep(forMs);
      await this.copy();
    } while (this.copied > copied);
  }
}

function added(seconds: number, startedAt: number): number {
  return Math.round((seconds + secondsSince(startedAt)) * 10) / 10;
}

async function reopen({ json }: { json?: boolean }): Promise<void> {
  const config = commandConfig();
  requireStore(config);
  const { eventStoreDbUrl } = backendsOf(config);
  const reopened = await withPlace(eventStoreDbUrl ?? config.DATA_DIR, "source", config, ({ engine }) =>
    asLog(engine, "Reopen", {}),
  );
  if (json) return printJson({ reopened });
  await printLine(reopened ? "The shop goes on here." : "It was open already.");
}
