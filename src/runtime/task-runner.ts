import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { systemContext } from "../../commands/processes/process.ts";
import { GatewaySilent } from "../../commands/processes/settle-payment.ts";
import type { Shop } from "../../commands/processes/shop.ts";
import { type ProcessKind, processes } from "../../commands/processes/tasks.ts";
import { skusWithExpired } from "../../projections/stock/reservations.ts";
import { type TaskKind, takeUpAfterMs, taskKinds } from "../../projections/tasks/documents.ts";
import { tasksOf } from "../../projections/tasks/queries.ts";
import type { ColumnValue } from "../stores/view-store/view-store.ts";
import type { Clock } from "../values/clock.ts";
import type { ClockTrouble } from "./clocks.ts";
import type { ReadModels } from "./read-models.ts";

const taskModel = "tasks";
const pollMs = 1_000;
/** Each kind has its own places, so that one which is slow or fails holds up no other. */
const concurrentPerKindMax = 8;
/** One after the other: each takes up much of what there is. */
const alone: ReadonlySet<ProcessKind> = new Set(["import"]);
const pageTasks = 200;
/** Many of them may be of one SKU, which is one task. */
const pageReservations = 2_000;
/** Pages of due tasks that a round looks through for those that are not put off. */
const pagesMax = 50;
/** A task that has not answered by then gives up its place; it counts as running until it does. */
const placeMsMax = 30_000;
const retryPauseMs = 2_000;
const retryPauseMaxMs = 5 * 60_000;
/** Tasks that were tried lately; of more, those tried longest ago are simply tried sooner. */
const triedMax = 20_000;

interface Task {
  key: string;
  kind: ProcessKind;
  id: string;
  dueAt: number;
}

/** A task that was tried and is still there. */
export interface TriedTask {
  kind: ProcessKind;
  id: string;
  tries: number;
  /** Of them, those that failed, one after the other. */
  failures: number;
  reason: string | undefined;
  lastTriedAt: number;
  notBefore: number;
}

export interface TaskRunnerOptions {
  shop: Shop;
  models: ReadModels;
  clock: Clock;
  /** Milliseconds that something is due later, for the clocks of others; 0 where this process is alone. */
  allowanceMs: number;
  /** What is wrong with the clocks: while something is, nothing is started. */
  clockTroubles: () => readonly ClockTrouble[];
  log: Logger;
}

function keyOf(kind: ProcessKind | TaskKind, id: string): string {
  return `${kind}/${id}`;
}

const kinds: readonly ProcessKind[] = [...taskKinds, "stock"];

/**
 * Does what is due: takes up checkouts, effects and payments that a crash or a slow gateway left open, and lets
 * reservations and carts run out. What is due comes from read models of the log, so timers survive everything;
 * every task is idempotent, so a stale one does nothing. Kinds do not wait for one another, and a task that waits
 * for its retry takes no place of one that is due.
 */
export class TaskRunner {
  private readonly options: TaskRunnerOptions;
  private stopping = new AbortController();
  private readonly attempts = new Map<string, TriedTask>();
  private readonly running = new Map<ProcessKind, Set<string>>(kinds.map((kind) => [kind, new Set()]));
  private readonly stoppedAt = new Map<ProcessKind, readonly ColumnValue[]>();
  private readonly under: Set<Promise<void>> = new Set();
  private isHeldBack = false;
  private loops: Promise<unknown> = Promise.resolve();

  constructor(options: TaskRunnerOptions) {
    this.options = options;
  }

  /**
   * Again after a stop, too.
   * @param takeUpAll whether what is under way is taken up at once: nobody else is at it
   */
  start(takeUpAll: boolean): void {
    this.stopping = new AbortController();
    this.loops = Promise.all(kinds.map((kind) => this.run(kind, takeUpAll)));
  }

  /** Does what is due by now, once: for whoever moves the clock by hand, and does not start it. */
  async doDue(): Promise<void> {
    await this.options.models.caughtUp(undefined, undefined, [taskModel, "reservations"]);
    await Promise.all(kinds.map((kind) => this.round(kind, false)));
  }

  /** Waits for what is under way, as long as it takes a place. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loops;
    await Promise.race([Promise.allSettled(this.under), sleep(placeMsMax, undefined, { ref: false })]);
  }

  /** Tasks that have failed, the longest failing first. */
  failing(): TriedTask[] {
    return [...this.attempts.values()]
      .filter(({ failures }) => failures > 0)
      .sort((a, b) => b.failures - a.failures);
  }

  /** What came of the last try of a task by this process. */
  tried(kind: ProcessKind | TaskKind, id: string): TriedTask | undefined {
    return this.attempts.get(keyOf(kind, id));
  }

  /** It was settled by hand. */
  forget(kind: ProcessKind, id: string): void {
    this.attempts.delete(keyOf(kind, id));
  }

  /** Does a task now, whatever it waits for. @throws what it fails with */
  async retry(kind: ProcessKind, id: string): Promise<void> {
    await this.attempt({ key: keyOf(kind, id), kind, id, dueAt: 0 });
  }

  private async run(kind: ProcessKind, takeUpAll: boolean): Promise<void> {
    const { models, log } = this.options;
    let takenUp = !takeUpAll || kind === "stock" || kind === "cart" || kind === "publication";
    while (!this.stopping.signal.aborted) {
      try {
        // A start goes by all of the log; what is due later goes by what is there.
        if (!takenUp) await models.caughtUp(undefined, undefined, [taskModel]);
        if (this.mayStart()) {
          await this.round(kind, !takenUp);
          takenUp = true;
        }
      } catch (error) {
        log.error({ err: error, kind }, "looking for due tasks failed");
      }
      await sleep(pollMs, undefined, { signal: this.stopping.signal }).catch(() => {});
    }
  }

  /**
   * By a clock that is wrong, what is due would be another time's. While commands are refused every task would be:
   * who refuses them has said why.
   */
  private mayStart(): boolean {
    if (this.options.shop.engine.refusal) return false;
    const troubles = this.options.clockTroubles();
    const isHeldBack = troubles.length > 0;
    if (isHeldBack !== this.isHeldBack)
      this.options.log.warn(
        { troubles },
        isHeldBack ? "nothing that is due is started" : "clocks agree again",
      );
    this.isHeldBack = isHeldBack;
    return !isHeldBack;
  }

  /** Goes through what is due of a kind, as many at once as it has places. */
  private async round(kind: ProcessKind, all: boolean): Promise<void> {
    const running = this.running.get(kind) ?? new Set<string>();
    const places = new Set<Promise<void>>();
    for await (const task of this.due(kind, all)) {
      if (this.stopping.signal.aborted) break;
      if (alone.has(kind) && running.size > 0) break;
      if (running.has(task.key) || this.isPutOff(task)) continue;
      while (places.size >= concurrentPerKindMax) await Promise.race(places);
      const place = this.inPlace(task, running, all).finally(() => places.delete(place));
      places.add(place);
    }
    await Promise.all(places);
  }

  private async *due(kind: ProcessKind, all: boolean): AsyncGenerator<Task> {
    // A round that could not look at all goes on where it stopped: what is due late must not starve.
    let after = this.stoppedAt.get(kind);
    this.stoppedAt.delete(kind);
    for (let page = 0; page < pagesMax; page++) {
      const { tasks, next } = await this.pageOf(kind, all, after);
      yield* tasks;
      if (!next) return;
      after = next;
    }
    if (after) this.stoppedAt.set(kind, after);
  }

  private async pageOf(
    kind: ProcessKind,
    all: boolean,
    after: readonly ColumnValue[] | undefined,
  ): Promise<{ tasks: Task[]; next: readonly ColumnValue[] | null }> {
    const { models, clock, allowanceMs } = this.options;
    const now = clock() - allowanceMs;
    if (kind === "stock") {
      const model = await models.model("reservations");
      const { skus, next } = await skusWithExpired(model, now, { limit: pageReservations, after });
      return { tasks: skus.map((id) => ({ key: keyOf(kind, id), kind, id, dueAt: 0 })), next };
    }
    const model = await models.model(taskModel);
    // A checkout's customer may have acted meanwhile; of the others, what is due later than that waits for its time.
    const isEach = all && kind === "checkout";
    const dueBy = isEach ? {} : { dueBy: all ? now + takeUpAfterMs : now };
    return tasksOf(model, kind, { ...dueBy, limit: pageTasks, after });
  }

  private isPutOff({ key }: Task): boolean {
    return (this.attempts.get(key)?.notBefore ?? 0) > this.options.clock();
  }

  /** Settles when the task is done, or has had its place for long enough. */
  private async inPlace(task: Task, running: Set<string>, logIt: boolean): Promise<void> {
    if (logIt) this.options.log.info({ task }, "taking up an unfinished task");
    running.add(task.key);
    const over = new AbortController();
    const done = this.attempt(task)
      .catch(() => {})
      .finally(() => {
        running.delete(task.key);
        this.under.delete(done);
        over.abort();
      });
    this.under.add(done);
    await Promise.race([done, sleep(placeMsMax, undefined, { signal: over.signal }).catch(() => {})]);
  }

  private async attempt(task: Task): Promise<void> {
    const { shop, clock, log } = this.options;
    const { kind, id } = task;
    try {
      await processes[kind](shop, id, systemContext(clock, `system:${kind}`));
      // Still on the list for a moment, until its events are projected; or waiting, ever longer.
      this.putOff(task, 0);
    } catch (error) {
      if (error instanceof GatewaySilent && error.waits) {
        this.putOff(task, 0, error.message);
        throw error;
      }
      const failures = (this.attempts.get(task.key)?.failures ?? 0) + 1;
      this.putOff(task, failures, error instanceof Error ? error.message : String(error));
      if (!shop.engine.refusal) log.warn({ err: error, task, failures }, "a task failed, trying again later");
      throw error;
    }
  }

  private putOff({ key, kind, id }: Task, failures: number, reason?: string): void {
    const now = this.options.clock();
    const tries = (this.attempts.get(key)?.tries ?? 0) + 1;
    const pauseMs = Math.min(retryPauseMs * 2 ** Math.min(tries - 1, 20), retryPauseMaxMs);
    this.attempts.delete(key);
    this.attempts.set(key, { kind, id, tries, failures, reason, lastTriedAt: now, notBefore: now + pauseMs });
    const [oldest] = this.attempts.keys();
    if (this.attempts.size > triedMax && oldest !== undefined) this.attempts.delete(oldest);
  }
}
