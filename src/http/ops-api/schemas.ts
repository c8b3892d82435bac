import { z } from "zod";
import { staffTaskKinds, taskKinds } from "../../../projections/tasks/documents.ts";
import { pageFields } from "../query-api/schemas.ts";
import { money } from "../resources/money.ts";

const taskKind = z.enum([...taskKinds, "stock"]);
export const taskParams = z.strictObject({ kind: taskKind, id: z.string().min(1).max(300) });
/** What staff sees to has commands of its own. */
const listedKind = z.enum([...taskKind.options, ...staffTaskKinds]);
export const taskQuery = z.strictObject({ kind: listedKind.optional(), ...pageFields });
export const settleBody = z.strictObject({
  as: z.enum(["done", "failed"]),
  reason: z.string().trim().min(1).max(500),
});
const openTask = z.strictObject({
  kind: listedKind,
  id: z.string(),
  /** Of what is staff's to do. */
  orderId: z.string().optional(),
  paymentId: z.string().optional(),
  refundId: z.string().optional(),
  amount: money.optional(),
  dueAt: z.string().nullable(),
  /** Tries that failed, one after the other, by this process. */
  failures: z.int(),
  reason: z.string().nullable(),
  lastTriedAt: z.string().nullable(),
  notBefore: z.string().nullable(),
});
export const tasksAnswer = z
  .strictObject({ items: z.array(openTask), nextCursor: z.string().nullable() })
  .meta({ id: "Tasks" });
export const retriedAnswer = z
  .strictObject({ kind: taskKind, id: z.string(), done: z.boolean(), reason: z.string().nullable() })
  .meta({ id: "RetriedTask" });
export const settledAnswer = z
  .strictObject({ kind: taskKind, id: z.string(), left: z.array(z.string()) })
  .meta({ id: "SettledTask" });

export const projectionParams = z.strictObject({ name: z.string().min(1).max(64) });
export const parkedBody = z.strictObject({ key: z.string().min(1).max(1_000) });

const instant = z.iso
  .datetime({ offset: true })
  .transform((text) => ({ timeMs: Date.parse(text) }))
  .refine(({ timeMs }) => Number.isFinite(timeMs));
const revision = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform((text) => ({ revision: Number(text) }));

export const streamParams = z.strictObject({ stream: z.string().min(1).max(300) });
export const streamQuery = z.strictObject({
  at: z.union([revision, instant], "a revision, or a time such as 2026-01-15T12:00:00Z").optional(),
  ...pageFields,
});

const rebuild = z.looseObject({
  state: z.enum(["rebuilding", "done", "failed", "stopped"]),
  /** What is under way once the log was read. */
  lastStep: z.string().optional(),
  startedAt: z.string(),
  progress: z.number(),
  events: z.int(),
  eventsPerSecond: z.number(),
});

export const projectionsAnswer = z
  .array(
    z.looseObject({
      name: z.string(),
      version: z.int(),
      state: z.enum(["live", "rebuilding", "catching_up", "failed"]),
      position: z.string(),
      head: z.string(),
      lagEvents: z.int().nullable(),
      lagMs: z.number(),
      /** Null when they cannot be counted. */
      documents: z.int().nullable(),
      parked: z.int(),
      /** Why the model does not go on; it tries again by itself. */
      failure: z.strictObject({ message: z.string(), failures: z.int(), since: z.string() }).optional(),
      progress: z.number().optional(),
      eventsPerSecond: z.number().optional(),
      rebuild: rebuild.optional(),
    }),
  )
  .meta({ id: "Projections" });
export const rebuildAnswer = z
  .strictObject({ name: z.string(), state: z.literal("rebuilding") })
  .meta({ id: "Rebuild" });
export const stoppedAnswer = z
  .strictObject({ name: z.string(), stopping: z.literal(true) })
  .meta({ id: "StoppingRebuild" });
export const rolledBackAnswer = z
  .strictObject({ name: z.string(), rolledBack: z.literal(true) })
  .meta({ id: "RolledBack" });
export const parkedListAnswer = z
  .strictObject({
    items: z.array(
      z.strictObject({
        key: z.string(),
        position: z.string(),
        eventType: z.string(),
        reason: z.string(),
        waiting: z.int(),
      }),
    ),
    nextCursor: z.string().nullable(),
  })
  .meta({ id: "ParkedDocuments" });
export const unparkAnswer = z
  .strictObject({
    name: z.string(),
    key: z.string(),
    parked: z.boolean(),
    /** Documents that had gone on without it: a rebuild puts them right. Null where an answer is given again. */
    outdated: z.int().nullable(),
  })
  .meta({ id: "UnparkedDocument" });

export const streamAnswer = z
  .strictObject({
    stream: z.string(),
    category: z.string(),
    items: z.array(
      z.strictObject({
        revision: z.int(),
        position: z.string(),
        id: z.string(),
        type: z.string(),
        time: z.string(),
        data: z.unknown(),
        metadata: z.looseObject({}),
      }),
    ),
    nextCursor: z.string().nullable(),
    at: z.strictObject({ revision: z.int(), time: z.string().nullable() }).optional(),
    state: z.unknown().optional(),
  })
  .meta({ id: "Stream" });

export const liveAnswer = z.strictObject({ status: z.literal("ok") }).meta({ id: "Alive" });
export const readyAnswer = z
  .strictObject({
    status: z.enum(["ready", "degraded"]),
    stores: z.record(z.string(), z.enum(["ok", "away"])),
    /** What does not work, by name; empty when all is well. */
    troubles: z.array(z.strictObject({ about: z.string(), reason: z.string() })),
  })
  .meta({ id: "Ready" });
