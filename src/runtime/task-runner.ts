import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { cart } from "../../commands/cart/cart.ts";
import { runCheckout } from "../../commands/processes/checkout.ts";
import { applyEffects } from "../../commands/processes/fulfilment.ts";
import { capturePayment, resumeRefunds } from "../../commands/processes/payments.ts";
import { type ProcessContext, type Shop, stepContext } from "../../commands/processes/shop.ts";
import { stock } from "../../commands/stock/stock.ts";
import { skusWithExpired } from "../../projections/reservations.ts";
import { type DueWork, dueWork, unfinishedWork } from "../../projections/tasks.ts";
import type { Clock } from "../values/clock.ts";
import { newId } from "../values/ids.ts";
import type { ReadModels } from "./read-models.ts";

const pollMs = 1_000;
const batchMax = 500;
const concurrentMax = 16;
const retryPauseMs = 2_000;
const retryPauseMaxMs = 5 * 60_000;
/** Tasks that failed lately; a task beyond is simply tried sooner. */
const failuresMax = 10_000;

type Task = Pick<DueWork, "key" | "kind" | "id"> | { key: string; kind: "stock"; id: string };

export interface WorkRunnerOptions {
  shop: Shop;
  models: ReadModels;
  clock: Clock;
  log: Logger;
}

/**
 * Does what is due: takes up checkouts, effects and refunds that a crash or a slow gateway left open, and
 * lets reservations and carts run out. What is due comes from a read model of the log, so timers survive
 * everything; every task is idempotent, so a stale one does nothing.
 */
export class WorkRunner {
  private readonly options: WorkRunnerOptions;
  private readonly stopping = new AbortController();
  private readonly failures = new Map<string, { times: number; notBefore: number }>();
  private running: Promise<void> | undefined;

  constructor(options: WorkRunnerOptions) {
    this.options = options;
  }

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { models, clock, log } = this.options;
    let takenUp = false;
    while (!this.stopping.signal.aborted) {
      try {
        const model = await models.model("work");
        if (!takenUp) {
          // Nobody else is at them: this process has just started, and it is alone.
          await models.caughtUp();
          await this.doAll(await unfinishedWork(model, batchMax), true);
          takenUp = true;
        }
        await this.doAll([...(await dueWork(model, clock(), batchMax)), ...(await this.expiries())], false);
      } catch (error) {
        log.error({ err: error }, "looking for due work failed");
      }
      await sleep(pollMs, undefined, { signal: this.stopping.signal }).catch(() => {});
    }
  }

  private async expiries(): Promise<Task[]> {
    const model = await this.options.models.model("reservations");
    const skus = await skusWithExpired(model, this.options.clock(), batchMax);
    return skus.map((id) => ({ key: `stock/${id}`, kind: "stock", id }));
  }

  private async doAll(work: readonly Task[], logEach: boolean): Promise<void> {
    const waiting = work.filter(
      ({ key }) => (this.failures.get(key)?.notBefore ?? 0) <= this.options.clock(),
    );
    const next = waiting.values();
    const one = async () => {
      for (const task of next) {
        if (this.stopping.signal.aborted) return;
        await this.doOne(task, logEach);
      }
    };
    await Promise.all(Array.from({ length: concurrentMax }, one));
  }

  private async doOne(task: Task, logIt: boolean): Promise<void> {
    const { clock, log } = this.options;
    if (logIt) log.info({ work: task }, "taking up unfinished work");
    try {
      await this.act(task);
      // Still on the list for a moment, until its events are projected; or waiting for a gateway.
      this.putOff(task.key, 1);
    } catch (error) {
      const times = (this.failures.get(task.key)?.times ?? 0) + 1;
      this.putOff(task.key, times);
      log.warn({ err: error, work: task, times, now: clock() }, "due work failed, trying again later");
    }
  }

  private putOff(key: string, times: number): void {
    if (this.failures.size >= failuresMax) this.failures.clear();
    const pauseMs = Math.min(retryPauseMs * 2 ** (times - 1), retryPauseMaxMs);
    this.failures.set(key, { times, notBefore: this.options.clock() + pauseMs });
  }

  private async act({ kind, id }: Task): Promise<void> {
    const { shop, clock } = this.options;
    const context: ProcessContext = { clock, actor: `system:${kind}`, correlationId: newId() };
    switch (kind) {
      case "checkout":
        await runCheckout(shop, id, context);
        return;
      case "order":
        return applyEffects(shop, id, context);
      case "refund":
        return resumeRefunds(shop, id, context);
      case "capture":
        await capturePayment(shop, id, context);
        return;
      case "cart": {
        const step = stepContext(context, id, "expire", clock());
        await shop.engine.execute(cart, id, "Expire", { cartId: id }, step);
        return;
      }
      case "stock": {
        const step = stepContext(context, id, "expire", clock());
        await shop.engine.execute(stock, id, "Expire", { reservationId: "" }, step);
        return;
      }
    }
  }
}
