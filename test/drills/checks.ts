import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { taskKinds } from "../../projections/tasks/documents.ts";
import { type EventStore, logStart, type RecordedEvent } from "../../src/stores/event-store/event-store.ts";
import { openEventStoreDb } from "../../src/stores/event-store/eventstoredb/store.ts";
import { auditEvents } from "../simulation/audit.ts";
import { inherited } from "../support/inherited.ts";
import type { Body } from "./client.ts";
import type { Acknowledged } from "./load.ts";
import type { Stores } from "./stores.ts";

/** What a fault has left open is taken up after 30 s, and undone after 120 s at the latest. */
const settlesMs = 180_000;
const settleLookMs = 1_000;
const askTimeoutMs = 10_000;
const verifyTimeoutMs = 120_000;
const pageEvents = 5_000;

const cli = join(import.meta.dirname, "../../src/cli/cartwright.ts");

export interface CheckOptions {
  stores: Stores;
  /** What the commands of the shop are started with. */
  env: Readonly<Record<string, string>>;
  staff: Record<string, string>;
  apiUrl: string;
  workerUrl: string;
  acknowledged: Acknowledged;
}

/** What must be true once a drill is over and everything runs again, within the time that the shop gives itself. */
export async function checkAll(options: CheckOptions): Promise<void> {
  const log = await openEventStoreDb({ url: options.stores.direct.EVENTSTOREDB_URL });
  try {
    await settled(() => auditBooks(log, options));
    await settled(() => checkTasks(options.workerUrl, options.staff));
    await settled(() => checkShelves(log, options));
  } finally {
    await log.close();
  }
  await verify(options);
}

/** Tries it again until it holds. @throws what it has said last */
export async function settled(check: () => Promise<void>): Promise<void> {
  const endsAt = performance.now() + settlesMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > endsAt) throw error;
    }
    await sleep(settleLookMs);
  }
}

async function auditBooks(log: EventStore, { acknowledged }: CheckOptions): Promise<void> {
  const events = await readLog(log);
  auditEvents(events, undefined, { waitingForCustomers: false });
  const placed = Map.groupBy(
    events.filter(({ type }) => type === "OrderPlaced"),
    ({ data }) => (data as { cartId: string }).cartId,
  );
  const live = new Set(
    events.filter(({ type }) => type === "OrderConfirmed").map(({ stream }) => stream.slice("order-".length)),
  );
  for (const { cartId, orderId, number } of acknowledged.purchases) {
    const own = (placed.get(cartId) ?? []).filter(({ stream }) => live.has(stream.slice("order-".length)));
    const orders = own.map(({ stream, data }) => [stream, (data as { number: string }).number]);
    expect(orders, `orders of cart ${cartId}`).toEqual([[`order-${orderId}`, number]]);
  }
  const carts = [...placed].flatMap(([cartId, of]) =>
    of.filter(({ stream }) => live.has(stream.slice("order-".length))).map(() => cartId),
  );
  expect(new Set(carts).size, "carts that have become two orders").toBe(carts.length);
  const left = new Set(acknowledged.leftCarts);
  const told = carts.filter((cartId) => !left.has(cartId));
  expect(told.length, "orders that somebody was told of").toBe(acknowledged.purchases.length);
  const numbers = [...placed.values()].flat().map(({ data }) => (data as { number: string }).number);
  expect(new Set(numbers).size, "an order number came twice").toBe(numbers.length);
  const received = Map.groupBy(
    events.filter(({ type }) => type === "StockReceived"),
    ({ data }) => (data as { reference?: string }).reference,
  );
  for (const { reference, quantity } of acknowledged.receipts) {
    const own = (received.get(reference) ?? []).map(({ data }) => (data as { quantity: number }).quantity);
    expect(own, `receipts ${reference}`).toEqual([quantity]);
  }
}

/** Nothing that is due stays. @param url of a process that answers staff */
export async function checkTasks(url: string, staff: Record<string, string>): Promise<void> {
  for (const kind of taskKinds) {
    const { items } = await get(`${url}/v1/ops/tasks?kind=${kind}&limit=100`, staff);
    const due = items.filter(({ dueAt }: { dueAt: string }) => Date.parse(dueAt) < Date.now());
    expect(due, `${kind} tasks that are due`).toEqual([]);
  }
}

/** The shop tells of each SKU what its events amount to: all that came in is there, what was sold is promised. */
async function checkShelves(log: EventStore, { apiUrl, staff }: CheckOptions): Promise<void> {
  const shelves = new Map<string, { onHand: number; committed: number }>();
  for (const { stream, type, data } of await readLog(log)) {
    if (!stream.startsWith("stock-")) continue;
    const sku = stream.slice("stock-".length);
    const shelf = shelves.get(sku) ?? { onHand: 0, committed: 0 };
    shelves.set(sku, shelf);
    const { quantity = 0 } = data as { quantity?: number };
    if (type === "StockReceived") shelf.onHand += quantity;
    if (type === "ReservationCommitted") shelf.committed += quantity;
  }
  for (const [sku, { onHand, committed }] of shelves) {
    const told = await get(`${apiUrl}/v1/stock/${sku}`, staff);
    const available = onHand - committed;
    expect(told, `stock of ${sku}`).toMatchObject({ onHand, committed, available, reserved: 0 });
  }
}

async function readLog(log: EventStore): Promise<RecordedEvent[]> {
  const all: RecordedEvent[] = [];
  for (let after = logStart; ; ) {
    const { events, scannedTo } = await log.readAll({ after, maxCount: pageEvents });
    all.push(...events);
    if (scannedTo === after) return all;
    after = scannedTo;
  }
}

async function get(url: string, headers: Record<string, string>): Promise<Body> {
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(askTimeoutMs) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

/** `cartwright verify`, beside the running shop: the read models are what the log gives. */
async function verify({ stores, env }: CheckOptions): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "cartwright-drills-verify-"));
  try {
    const own = { ROLE: "all", DATA_DIR: folder, LOG_LEVEL: "warn" };
    const command = { ...inherited(), ...env, ...stores.direct, ...own };
    expectClean(await run([cli, "verify", "--json"], command));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What a program has printed, and how it ended. */
export interface Ran {
  code: number;
  out: string;
  err: string;
}

/** Of `cartwright verify --json`. */
export function expectClean({ code, out, err }: Ran): void {
  const models = out.startsWith("{") ? JSON.parse(out).models : out;
  const unclean = Array.isArray(models)
    ? models.filter(({ differing, parked, broken }) => differing > 0 || parked > 0 || broken)
    : models;
  expect({ code, unclean, err: code === 0 ? "" : err }, "cartwright verify").toEqual({
    code: 0,
    unclean: [],
    err: "",
  });
}

function run(args: readonly string[], env: Record<string, string>): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { env, timeout: verifyTimeoutMs, maxBuffer: 64 * 1024 * 1024 };
    execFile(process.execPath, [...args], options, (error, out, err) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, out, err });
    });
  });
}
