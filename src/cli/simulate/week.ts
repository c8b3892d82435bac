import { setTimeout as sleep } from "node:timers/promises";
import { webhook, webhookId } from "../../../commands/webhook/webhook.ts";
import { taskKinds } from "../../../projections/tasks/documents.ts";
import { tasksOf } from "../../../projections/tasks/queries.ts";
import { buildApp } from "../../http/app.ts";
import { prepareLog } from "../../runtime/prepare-log.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { logStart } from "../../stores/event-store/event-store.ts";
import { dayOf, instantOf } from "../../values/calendar.ts";
import { deriveId } from "../../values/ids.ts";
import { currencyDecimals } from "../../values/money.ts";
import { catalogIn } from "./catalog.ts";
import { createDice, type Dice } from "./dice.ts";
import { stories } from "./stories.ts";
import type { Acts, Story } from "./story.ts";
import { type PlayedShop, Visit } from "./visit.ts";

const dayMs = 86_400_000;
const hourMs = 3_600_000;
/** What happens in the same twenty minutes happens at once: so it shares commits. */
const slotMs = 1_200_000;
const concurrentMax = 32;
/** A customer who has to act at the bank has the time until the next ones. */
const reservationMsMin = 2 * slotMs;
const cartsPerDayMin = 60;
const cartsPerDayMore = 40;
const opensAtHour = 7;
const openHours = 15;
const piecesAtFirst = 60;
/** Of the week: within it each kind begins once. */
const onceShare = 2 / 7;
/** Of a seventh of the week: carts and transfers that are left run out within it. */
const waitShare = 2;
/** Major units. */
const approvalFrom = 150;
/** What is due after the week is tried again so often, five minutes apart. */
const windDownTriesMax = 11;
const windDownPauseMs = 300_000;
/** Milliseconds. */
const webhookWaitMax = 2_000;
const webhookPollMs = 2;
const dueShownMax = 10;

/** A clock that is moved by hand. */
export interface MovedClock {
  now: number;
}

export interface WeekOptions {
  seed: number;
  /** Seven make a week; in fewer, all that takes time takes as much less. */
  days: number;
  /** The clock that the runtime goes by. */
  clock: MovedClock;
  progress?: (fraction: number) => void;
}

export interface PlayedWeek {
  seed: number;
  /** The first and the last day. */
  from: string;
  to: string;
  /** How often each kind came to its end. */
  played: Record<string, number>;
  /** Of others, how many had not come to their end when the week had. */
  underWay: number;
  events: number;
}

/** The week cannot be played here, or did not go as it should have. The message says why, for people. */
export class NotPlayed extends Error {
  override readonly name = "NotPlayed";
}

/** The first instant of a week whose last day is yesterday. */
export function startOfWeek(now: number, days: number, timeZone: string): number {
  return instantOf(`${dayOf(now - days * dayMs, timeZone)}T00:00:00`, timeZone);
}

/**
 * Plays a week of a shop over its HTTP API, as customers, staff and the gateway would, by a clock of its own. The same
 * seed plays the same week, event by event, but for the numbers of orders.
 * @throws NotPlayed for a shop that has orders
 */
export async function playWeek(runtime: Runtime, options: WeekOptions): Promise<PlayedWeek> {
  const { seed, days, clock, progress = () => {} } = options;
  const { events, config } = runtime;
  await requireNoOrders(runtime);
  const before = await events.head();
  const start = clock.now;
  // Beside a running shop there is no folder that has a key.
  const key = deriveId("simulate", seed, "key");
  const app = await buildApp(played(runtime, days, key));
  try {
    const currency = config.STORE_CURRENCY;
    const shop: PlayedShop = { app, key, seed, currency, skus: [], countedSku: "", sent: [] };
    const [countedSku = "", ...skus] = await listCatalog(runtime, shop);
    const listed = { ...shop, skus, countedSku };
    const stage = new Stage(runtime, listed, { ...options, start });
    stage.plan();
    await stage.play(progress);
    await stage.windDown();
    await runtime.models.caughtUp();
    const last = start + days * dayMs - 1;
    return {
      seed,
      from: dayOf(start, config.STORE_TIME_ZONE),
      to: dayOf(last, config.STORE_TIME_ZONE),
      ...stage.told(),
      events: (await events.countBetween(before, await events.head())) ?? 0,
    };
  } finally {
    await app.close();
  }
}

async function requireNoOrders({ events }: Runtime): Promise<void> {
  for (let after = logStart; ; ) {
    const page = await events.readAll({ after, types: ["OrderPlaced"], maxCount: 1 });
    if (page.events.length > 0)
      throw new NotPlayed(
        "the shop has orders: a week is played in a folder of its own, which DATA_DIR names",
      );
    if (page.scannedTo === after) return;
    after = page.scannedTo;
  }
}

/** The shop, in which what takes days takes as many of this week. */
function played(runtime: Runtime, days: number, key: string): Runtime {
  const { config, folder, shop } = runtime;
  const waitMs = Math.round((waitShare * days * dayMs) / 7);
  const { settings } = shop;
  const own = {
    cartLifeMs: waitMs,
    transferMs: waitMs,
    reservationMs: Math.max(settings.reservationMs, reservationMsMin),
    refundApprovalFrom:
      settings.refundApprovalFrom || approvalFrom * 10 ** currencyDecimals(settings.currency),
  };
  return {
    ...runtime,
    config: { ...config, RATE_LIMIT_PER_MINUTE: 0, DECLINES_PER_HOUR: 0 },
    folder: { ...folder, adminApiKey: { value: key, isNew: false } },
    shop: { ...shop, settings: { ...settings, ...own } },
  };
}

/** @returns the SKUs that are for sale */
async function listCatalog(runtime: Runtime, shop: PlayedShop): Promise<string[]> {
  const staff = new Visit(shop, "catalog", createDice(shop.seed, "catalog"));
  const skus: string[] = [];
  for (const { body, skus: own } of catalogIn(shop.currency)) {
    const { id } = (await staff.staff("/v1/products", body)).body;
    await staff.staff(`/v1/products/${id}/publish`);
    for (const sku of own)
      await staff.staff(`/v1/stock/${encodeURIComponent(sku)}/receipts`, {
        quantity: piecesAtFirst,
        reference: "opening stock",
      });
    skus.push(...own);
  }
  await prepareLog(runtime);
  return skus;
}

/** A story under way. */
interface Cast {
  story: Story;
  visit: Visit;
  acts: Acts;
}

/** What happens when. */
class Stage {
  private readonly runtime: Runtime;
  private readonly shop: PlayedShop;
  private readonly clock: MovedClock;
  private readonly days: number;
  private readonly start: number;
  private readonly dice: Dice;
  /** By slot, counted from the start. */
  private readonly due = new Map<number, Cast[]>();
  private readonly played: Record<string, number> = Object.fromEntries(stories.map(({ name }) => [name, 0]));
  private underWay = 0;

  constructor(runtime: Runtime, shop: PlayedShop, options: WeekOptions & { start: number }) {
    this.runtime = runtime;
    this.shop = shop;
    this.clock = options.clock;
    this.days = options.days;
    this.start = options.start;
    this.dice = createDice(shop.seed, "week");
  }

  told(): Pick<PlayedWeek, "played" | "underWay"> {
    return { played: this.played, underWay: this.underWay };
  }

  /** Each kind once, early enough to come to its end; then as it comes. */
  plan(): void {
    const { dice, days } = this;
    const byStaff = stories.filter(({ weight }) => weight === 0);
    const once = dice.shuffled(stories.filter(({ weight }) => weight > 0));
    const deck = once.flatMap((story) => Array<Story>(story.weight).fill(story));
    for (const story of once) this.cast(story, dice.next() * onceShare * days * dayMs);
    const onceDays = Math.ceil(onceShare * days);
    for (let day = 0; day < days; day++) {
      const carts = cartsPerDayMin + dice.upTo(cartsPerDayMore);
      const rest = day < onceDays ? carts - Math.round(once.length / onceDays) : carts;
      const opens = day * dayMs + opensAtHour * hourMs;
      for (let cart = 0; cart < rest; cart++)
        this.cast(dice.pick(deck), opens + dice.next() * openHours * hourMs);
      for (const story of byStaff) this.cast(story, day * dayMs + (dice.next() * 5 + 1) * hourMs);
    }
  }

  private cast(story: Story, afterMs: number): void {
    const number = this.underWay++;
    const visit = new Visit(this.shop, `${number}: ${story.name}`, createDice(this.shop.seed, number));
    this.goOnAt(Math.floor(afterMs / slotMs), { story, visit, acts: story.play(visit) });
  }

  private goOnAt(slot: number, cast: Cast): void {
    const others = this.due.get(slot);
    if (others) others.push(cast);
    else this.due.set(slot, [cast]);
  }

  /** Until an hour before the end of the last day: what is begun then has still to be finished. */
  async play(progress: (fraction: number) => void): Promise<void> {
    const slots = (this.days * dayMs - hourMs) / slotMs;
    const slotsPerHour = hourMs / slotMs;
    for (let slot = 0; slot < slots; slot++) {
      this.clock.now = this.start + slot * slotMs;
      await this.playSlot(slot);
      if (slot % slotsPerHour === 0) {
        await this.runtime.tasks.doDue();
        progress(slot / slots);
      }
    }
  }

  private async playSlot(slot: number): Promise<void> {
    const cast = this.due.get(slot);
    if (!cast) return;
    this.due.delete(slot);
    // What staff counts is not sold at the same moment, so that it comes to the same each time.
    for (const one of cast) if (one.story.weight === 0) await this.goOn(slot, one);
    const customers = cast.filter(({ story }) => story.weight > 0).values();
    const some = async () => {
      for (const one of customers) await this.goOn(slot, one);
    };
    await Promise.all(Array.from({ length: concurrentMax }, some));
    await this.webhooksHandled();
  }

  private async goOn(slot: number, cast: Cast): Promise<void> {
    const { story, visit, acts } = cast;
    const { done, value } = await acts.next();
    if (!done) {
      const afterMs = ((value as number) * this.days * dayMs) / 7;
      return this.goOnAt(slot + Math.max(1, Math.round(afterMs / slotMs)), cast);
    }
    await visit.approveWaiting();
    this.played[story.name] = (this.played[story.name] ?? 0) + 1;
    this.underWay--;
  }

  /** The gateway is answered before its events are handled. What cannot be handled yet is left to its task. */
  private async webhooksHandled(): Promise<void> {
    const { engine, gateway } = this.runtime.shop;
    const until = performance.now() + webhookWaitMax;
    for (const id of this.shop.sent.splice(0)) {
      const isHandled = () =>
        engine.read(webhook, webhookId(gateway.name, id), ({ phase }) => phase === "handled");
      while (!(await isHandled()) && performance.now() < until) await sleep(webhookPollMs);
    }
  }

  /** @throws NotPlayed when something that is due cannot be done */
  async windDown(): Promise<void> {
    const { tasks, models } = this.runtime;
    for (const [slot, cast] of this.due)
      for (const one of cast) if (one.visit.isPromised) await this.goOn(slot, one);
    await this.webhooksHandled();
    for (let tries = 0; tries < windDownTriesMax; tries++) {
      await tasks.doDue();
      await models.caughtUp();
      const model = await models.model("tasks");
      const page = { dueBy: this.clock.now, limit: dueShownMax };
      const left = (await Promise.all(taskKinds.map((kind) => tasksOf(model, kind, page)))).flatMap(
        ({ tasks }) => tasks,
      );
      if (left.length === 0) return;
      if (tries === windDownTriesMax - 1)
        throw new NotPlayed(`cannot be done: ${left.map(({ key }) => key).join(", ")}`);
      this.clock.now += windDownPauseMs;
    }
  }
}
