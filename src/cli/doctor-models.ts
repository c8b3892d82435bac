import { viewProjections } from "../../projections/all.ts";
import { taskKinds } from "../../projections/tasks/documents.ts";
import { tasksOf } from "../../projections/tasks/queries.ts";
import type { Config } from "../config.ts";
import type { AnyProjection } from "../engine/projection.ts";
import { backendsOf } from "../runtime/runtime.ts";
import { openViews } from "../stores/backends.ts";
import { type EventStore, type Position, StoreUnavailable } from "../stores/event-store/event-store.ts";
import { ModelOutdated, type ViewModel, type ViewStore } from "../stores/view-store/view-store.ts";
import { counted } from "./output.ts";

const parkedShownMax = 10;
/** A model stores its checkpoint now and then when the events do not concern it; less behind means nothing. */
const behindUsualMax = 50_000;
/** More than this is counted as this. */
const workCountedMax = 10_000;

/** A problem makes the store not clean; a note is good to know and needs nobody. */
export interface Finding {
  level: "problem" | "note";
  about: string;
  message: string;
}

export interface CheckedModel {
  name: string;
  documents: number;
  checkpoint: Position;
  /** Events of the log that it has not applied yet; null where the log cannot count them. */
  behind: number | null;
  parked: number;
}

/** How many processes of each kind were under way when the store was last used, by kind. */
export type OpenWork = Record<string, number>;

export interface CheckedModels {
  models: CheckedModel[];
  openWork: OpenWork;
}

/** Opens every read model as it is and holds its checkpoint against the log. */
export async function checkReadModels(
  events: EventStore,
  config: Config,
  findings: Finding[],
): Promise<CheckedModels> {
  const checked: CheckedModels = { models: [], openWork: {} };
  const views = await openedViews(events, config, findings);
  if (!views) return checked;
  try {
    const settings = { timeZone: config.STORE_TIME_ZONE, currency: config.STORE_CURRENCY };
    for (const projection of viewProjections(settings)) {
      try {
        const opened = await checkModel(views, projection, events, findings);
        checked.models.push(opened.checked);
        if (projection.name === "tasks") checked.openWork = await checkWork(opened.model, findings);
      } catch (error) {
        findings.push(findingOf(projection.name, error));
      }
    }
  } finally {
    await views.close();
  }
  return checked;
}

async function openedViews(
  events: EventStore,
  config: Config,
  findings: Finding[],
): Promise<ViewStore | undefined> {
  try {
    return (await openViews(backendsOf(config), events.logId, "reading")).views;
  } catch (error) {
    findings.push(findingOf("read models", error));
    return undefined;
  }
}

async function checkModel(
  views: ViewStore,
  projection: AnyProjection,
  events: EventStore,
  findings: Finding[],
): Promise<{ checked: CheckedModel; model: ViewModel }> {
  const { name } = projection;
  const model = await views.open(projection);
  const checkpoint = await model.checkpoint();
  const parked = await model.parked();
  const head = await events.head();
  if (checkpoint > head)
    findings.push({
      level: "problem",
      about: name,
      message: `has applied the log up to ${checkpoint}, and the log ends at ${head}: events are missing from it`,
    });
  for (const { key, eventType, position, reason } of parked.slice(0, parkedShownMax))
    findings.push({
      level: "problem",
      about: name,
      message: `document ${key} is parked at the ${eventType} at ${position}: ${reason}`,
    });
  const behind = (await events.countBetween(checkpoint, head)) ?? null;
  if (behind !== null && behind > behindUsualMax)
    findings.push({
      level: "note",
      about: name,
      message: `${counted(behind, "event")} behind; the next start catches up`,
    });
  return {
    model,
    checked: { name, documents: await model.count(), checkpoint, behind, parked: parked.length },
  };
}

/** A model that is missing or of another version is made by the next start; anything else is not right. */
function findingOf(about: string, error: unknown): Finding {
  const message = error instanceof Error ? error.message : String(error);
  const mended = error instanceof ModelOutdated || error instanceof StoreUnavailable;
  return mended
    ? { level: "note", about, message: `${message}; the next start makes it` }
    : { level: "problem", about, message };
}

async function checkWork(model: ViewModel, findings: Finding[]): Promise<OpenWork> {
  const open: OpenWork = {};
  for (const kind of taskKinds) {
    // A cart that has not run out is no task yet, and a publication whose time has not come.
    const dueBy = kind === "cart" || kind === "publication" ? { dueBy: Date.now() } : {};
    const { tasks } = await tasksOf(model, kind, { ...dueBy, limit: workCountedMax });
    if (tasks.length > 0) open[kind] = tasks.length;
  }
  const { cart: expired = 0, ...unfinished } = open;
  const underWay = Object.values(unfinished).reduce((sum, count) => sum + count, 0);
  if (underWay > 0)
    findings.push({
      level: "note",
      about: "tasks",
      message: `${counted(underWay, "task")} under way; the next start takes them up`,
    });
  const { tasks: refunds } = await tasksOf(model, "refund", { limit: workCountedMax });
  if (refunds.length > 0)
    findings.push({
      level: "note",
      about: "refunds",
      message: `${counted(refunds.length, "order")} with money that a gateway did not give back; staff refund it again`,
    });
  if (expired > 0)
    findings.push({
      level: "note",
      about: "tasks",
      message: `${counted(expired, "cart")} run out; the next start closes them`,
    });
  return open;
}
