import { type ShopEvents, shopEvents } from "../commands/events.ts";
import { type Handler, type ProjectedEvent, projectionOf } from "../src/engine/projection.ts";
import type { Condition, ViewModel } from "../src/stores/view-store/view-store.ts";
import { endOf, startOf } from "../src/values/calendar.ts";
import { type PageRequest, pageQuery, type TextPage, textPageOf } from "./page.ts";

/** Who did what, when and from where. What was changed stands on the stream, and is not copied from it. */
export interface AuditEntry {
  stream: string;
  revision: number;
  type: string;
  at: string;
  actor: string;
  correlationId: string;
  causationId?: string;
  ip?: string;
  userAgent?: string;
}

type EventType = keyof ShopEvents & string;

/**
 * What follows by itself from what somebody has decided, and is on the log for the shop's own bookkeeping. It is looked
 * at on the thing's own stream; left out here, nearly all that guests bring about need not even be asked whose it is.
 */
const followUps: readonly EventType[] = [
  ...(["KeyTaken", "KeyDone", "AnswerStored", "Claimed", "ClaimReleased"] as const),
  ...(["WebhookReceived", "WebhookHandled", "SettingsKept", "UpgradeDone"] as const),
  ...(["ImportWeekDone", "InvoicesListed", "OpeningStockListed", "InvoiceRunListed"] as const),
  ...(["OpeningStockReceived", "InvoiceWeekDone", "ImportFilePartReceived", "ProductImported"] as const),
  ...(["ProductImportLookedThrough", "ProductImportReached"] as const),
  ...(["LogFilling", "LogFilled", "LogMoved", "LogReopened"] as const),
  ...(["CheckoutStarted", "CheckoutFailed", "CartConverted", "CartExpired"] as const),
  ...(["PaymentInitiated", "PaymentActionRequired", "PaymentAuthorized", "PaymentCaptured"] as const),
  ...(["OrderTold", "OrderConfirmed", "OrderPaid", "EffectsApplied", "ReservationExtended"] as const),
  ...(["StockReserved", "ReservationCommitted", "ReservationReleased", "ReservationExpired"] as const),
  ...(["ClaimShrunk", "ClaimGrown", "StockShipped", "StockShort", "LowStockReached"] as const),
  ...(["BackorderQueued", "BackorderFilled", "DeliveriesReached", "DeliveriesFailing"] as const),
];

/** Imports are run by operators, on the command line. */
const byOperators: readonly string[] = [
  ...(["ImportStarted", "ImportFinished", "InvoiceRunStarted", "InvoiceRunFinished"] as const),
] satisfies EventType[];
/** Guests, what the shop does by itself, and what gateways tell it. */
const nobodysActors = /^(?:guest|system|gateway)(?::|$)/;
const shoppers = /^(?:guest$|customer:)/;

/** What customers put in their carts is no more looked at than what guests do. */
function isAudited({ type, stream, metadata: { actor } }: ProjectedEvent): boolean {
  if (byOperators.includes(type)) return true;
  return !nobodysActors.test(actor) && !(shoppers.test(actor) && stream.startsWith("cart-"));
}

/** An event as the audit trail tells it. Where a guest or customer was is not told. */
export function entryOf({ stream, revision, type, time, metadata }: Audited): AuditEntry {
  const { actor, correlationId, causationId, ip, userAgent } = metadata;
  const isTold = !shoppers.test(actor);
  return {
    stream,
    revision,
    type,
    at: new Date(time).toISOString(),
    actor,
    correlationId,
    ...(causationId !== undefined && { causationId }),
    ...(isTold && ip !== undefined && { ip }),
    ...(isTold && userAgent !== undefined && { userAgent }),
  };
}

type Audited = Pick<ProjectedEvent, "stream" | "revision" | "type" | "time" | "metadata">;

const handler: Handler<AuditEntry, unknown> = {
  keys: (event) => (isAudited(event) ? event.position : []),
  change: (_, event) => entryOf(event),
};

const audited = (Object.keys(shopEvents) as EventType[]).filter((type) => !followUps.includes(type));

/**
 * One small document for each event that staff, a customer, an API key or an operator has brought about: none for guests,
 * nor for carts of customers.
 */
export const auditProjection = projectionOf<ShopEvents>()<AuditEntry>({
  name: "audit",
  readsMetadata: true,
  version: 1,
  columns: { actor: "text", at: "number" },
  indexes: [["at"], ["actor", "at"]],
  columnsOf: ({ actor, at }) => ({ actor, at: Date.parse(at) }),
  on: Object.fromEntries(audited.map((type) => [type, handler])),
});

export interface AuditQuery extends PageRequest {
  actor?: string | undefined;
  /** Days of the store, both included, or instants: at or after `from` and before `to`. */
  from?: string | undefined;
  to?: string | undefined;
}

/** What was done, newest first. @throws RangeError for what is neither day nor instant */
export async function listAudit(
  model: ViewModel,
  query: AuditQuery,
  timeZone: string,
): Promise<TextPage<AuditEntry>> {
  const { actor, from, to } = query;
  const where: Condition[] = [];
  if (actor !== undefined) where.push({ column: "actor", eq: actor });
  if (from !== undefined) where.push({ column: "at", gte: startOf(from, timeZone) });
  if (to !== undefined) where.push({ column: "at", lt: endOf(to, timeZone) });
  const sort = [{ column: "at", descending: true }];
  return textPageOf(await model.find({ where, sort, ...pageQuery(query) }));
}
