import { randomUUID } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { taskKinds } from "../../projections/tasks/documents.ts";
import { openEmbeddedEventStore } from "../../src/stores/event-store/embedded/log.ts";
import { logStart } from "../../src/stores/event-store/event-store.ts";
import { cli, temporaryPath } from "../cli/cli.ts";
import { tablePairs } from "../domain/order-table.ts";
import { auditEvents } from "../simulation/audit.ts";
import { settled } from "./checks.ts";
import { type Answer, type Body, Client, type Request, Tally } from "./client.ts";
import { checkOutOnce, checkoutOf, fillCart, sell } from "./load.ts";
import { ShopProcess } from "./processes.ts";

/** Requests of each kind that are sent at once, and how many answers are in when the process is killed. */
const ofEachKind = 200;
const answersBefore = 350;
/** What is prepared, and looked at, at once. */
const atOnce = 100;
const stockedPieces = 10_000;
const piecesOfOrder = 3;
const eventsMax = 1_000_000;

const adminApiKey = "a-key-for-the-drills-only";
const staff = { authorization: `Bearer ${adminApiKey}` };
const skus = ["KILL-A", "KILL-B", "KILL-C"];

const folder = await temporaryPath("data");
const process = new ShopProcess({
  name: "killed",
  env: {
    DATA_DIR: folder,
    ADMIN_API_KEY: adminApiKey,
    SAMPLE_SHOP: "off",
    LOG_LEVEL: "warn",
    RATE_LIMIT_PER_MINUTE: "0",
    DECLINES_PER_HOUR: "0",
  },
});
afterAll(() => process.kill());
const tally = new Tally();
const client = new Client({ urls: () => [process.url] }, tally);

const kinds = ["checkout", "shipment", "cancellation", "refund", "return"] as const;

interface Asked {
  kind: (typeof kinds)[number];
  key: string;
  request: Request;
  /** Of its order, if there was one before. */
  orderId: string | undefined;
  /** Undefined where the process was gone. */
  answer?: Answer;
}

async function inTurns<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  while (made.length < count) {
    const some = Array.from({ length: Math.min(atOnce, count - made.length) }, (_, n) => made.length + n);
    made.push(...(await Promise.all(some.map(make))));
  }
  return made;
}

const skuOf = (index: number) => skus[index % skus.length] as string;
const cartOf = (index: number) => fillCart(client, tally, { sku: skuOf(index), quantity: piecesOfOrder });

/** What is asked for, and that it can be: orders that are paid, or have arrived. */
async function prepared(index: number): Promise<Asked> {
  const kind = kinds[index % kinds.length] as Asked["kind"];
  const cart = await cartOf(index);
  const key = randomUUID();
  if (kind === "checkout") return { kind, key, request: checkoutOf(cart), orderId: undefined };
  const orderId = String((await checkOutOnce(client, cart)).body.id);
  const post = (path: string, body: object): Request => ({
    method: "POST",
    path: `/v1/orders/${orderId}/${path}`,
    body,
    headers: staff,
  });
  const lines = [{ lineId: 1, quantity: 1 }];
  if (kind === "return") {
    await client.command(post("shipments", {}));
    await client.command(post("deliveries", {}));
  }
  const requests = {
    shipment: post("shipments", { lines }),
    cancellation: post("cancel", index % 2 === 0 ? { lines } : {}),
    refund: post("refunds", { lines, reason: "a drill" }),
    return: post("returns", { lines: [{ lineId: 1, quantity: 2, reason: "damaged", sellable: 1 }] }),
  };
  return { kind, key, request: requests[kind], orderId };
}

/** Sent once; nobody asks again. */
async function send({ key, request }: Asked): Promise<Answer | undefined> {
  const { path, method, body, headers } = request;
  const json = { ...headers, "content-type": "application/json", "idempotency-key": key };
  try {
    const response = await fetch(process.url + path, { method, headers: json, body: JSON.stringify(body) });
    return { status: response.status, headers: response.headers, body: await response.json() };
  } catch {
    return undefined;
  }
}

/** All at once; when so many are answered, it is gone. */
async function sendAndKill(all: readonly Asked[]): Promise<void> {
  let answers = 0;
  let killed: Promise<void> | undefined;
  const sent = all.map(async (asked) => {
    const answer = await send(asked);
    if (!answer) return;
    asked.answer = answer;
    answers++;
    if (answers >= answersBefore) killed ??= process.kill();
  });
  await Promise.all(sent);
  await killed;
  expect(process.isRunning, "it was killed").toBe(false);
}

const get = async (path: string): Promise<Body> =>
  (await client.ask({ method: "GET", path, headers: staff })).body;

async function tasksOpen(): Promise<string[]> {
  const ofKinds = taskKinds.filter((kind) => kind !== "cart");
  const pages = await Promise.all(ofKinds.map((kind) => get(`/v1/ops/tasks?kind=${kind}&limit=100`)));
  return pages.flatMap(({ items }) => items.map(({ kind, id }: Body) => `${kind} ${id}`));
}

/** An answer that was given holds; what was not answered has happened once or not at all. */
function checkHeld({ kind, answer, request }: Asked, shown: Body): void {
  const times = {
    checkout: 1,
    shipment: shown.shipments.length,
    cancellation: shown.lines[0].quantities.cancelled > 0 ? 1 : 0,
    refund: shown.refunds.length,
    return: shown.returns.length,
  }[kind];
  const where = `${kind} ${JSON.stringify(request)} of ${JSON.stringify(shown)}`;
  if (answer) expect(times, where).toBe(1);
  else expect(times, where).toBeLessThanOrEqual(1);
  const price = shown.totals.total.amount / piecesOfOrder;
  const pieces = {
    checkout: 0,
    shipment: 0,
    refund: 1,
    return: 2,
    cancellation: request.body && "lines" in request.body ? 1 : 3,
  };
  const back = shown.refunds.reduce((sum: number, { amount }: Body) => sum + amount.amount, 0);
  expect(back, where).toBe(times * pieces[kind] * price);
}

/** Both equations, and a pair of statuses that the table has. */
function checkBooks(shown: Body): void {
  const { status, paymentStatus, money, totals } = shown as {
    status: keyof typeof tablePairs;
    paymentStatus: "paid";
    money: Record<"due" | "captured" | "refunded" | "pending" | "balance", { amount: number }>;
    totals: { total: { amount: number } };
  };
  expect(tablePairs[status], status).toContain(paymentStatus);
  for (const { quantities } of shown.lines) {
    const {
      ordered,
      returned: _,
      allocated: __,
      backordered: ___,
      ...buckets
    } = quantities as Record<string, number>;
    const held = Object.values(buckets).reduce((sum, pieces) => sum + pieces, 0);
    expect(held, JSON.stringify(quantities)).toBe(ordered);
  }
  const { due, captured, refunded, pending, balance } = money;
  expect(balance.amount).toBe(0);
  expect(pending.amount).toBe(0);
  expect([captured.amount, due.amount]).toEqual([totals.total.amount, captured.amount - refunded.amount]);
}

/** What came in is on the shelf, promised, or with customers. */
async function checkShelves(orders: readonly Body[]): Promise<void> {
  for (const sku of skus) {
    const lines = orders.flatMap((order) => order.lines).filter((line) => line.sku === sku);
    const sum = (...of: string[]) =>
      lines.reduce((all, { quantities }) => all + of.reduce((some, name) => some + quantities[name], 0), 0);
    const onHand = stockedPieces - sum("inTransit", "failed", "kept", "announced");
    const committed = sum("toShip");
    const damaged = sum("damaged");
    const available = onHand - damaged - committed;
    expect(await get(`/v1/stock/${sku}`)).toMatchObject({
      onHand,
      damaged,
      committed,
      reserved: 0,
      available,
    });
  }
}

test("1,000 requests of all kinds, and kill -9 in the middle", async () => {
  await process.start();
  await sell(client, staff, skus, stockedPieces);
  const all = await inTurns(kinds.length * ofEachKind, prepared);
  await sendAndKill(all);
  for (const { answer, kind } of all)
    if (answer)
      expect(answer.status, `${kind}: ${JSON.stringify(answer.body)}`).toBe(
        kind === "cancellation" ? 200 : 201,
      );
  await process.start();
  const open = await tasksOpen();
  // Half of those that were not answered ask again.
  const unanswered = all.filter(({ answer }) => !answer);
  console.log(
    `${all.length - unanswered.length} answered, ${unanswered.length} not; ${open.length} tasks are open`,
  );
  expect(unanswered.length).toBeGreaterThan(all.length / 4);
  expect(open.length, "tasks that the kill has left").toBeGreaterThan(0);
  await inTurns(Math.floor(unanswered.length / 2), async (index) => {
    const asked = unanswered[index] as Asked;
    asked.answer = await client.command(asked.request, asked.key);
  });
  await settled(async () => expect(await tasksOpen()).toEqual([]));

  const ids = all.map(({ orderId, answer }) => orderId ?? (answer && String(answer.body.id)));
  const shown = await inTurns(all.length, async (index) => ids[index] && get(`/v1/orders/${ids[index]}`));
  for (const [index, asked] of all.entries()) if (shown[index]) checkHeld(asked, shown[index]);
  const orders = [...shown.filter(Boolean), ...(await othersThan(new Set(ids)))];
  for (const order of orders) checkBooks(order);
  await checkShelves(orders);
  expect(tally.wrong).toEqual([]);
  await process.stop();

  const store = openEmbeddedEventStore({ directory: folder, readOnly: true });
  const { events } = await store.readAll({ after: logStart, maxCount: eventsMax });
  auditEvents(events, undefined, { waitingForCustomers: false });
  await store.close();
  expect(await cli(["verify"], { DATA_DIR: folder })).toMatchObject({ code: 0 });
});

/** Orders whose checkouts were not answered. */
async function othersThan(known: ReadonlySet<string | undefined>): Promise<Body[]> {
  const found: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page = await get(`/v1/orders?limit=100${cursor === "" ? "" : `&cursor=${cursor}`}`);
    found.push(...page.items.map(({ id }: { id: string }) => id).filter((id: string) => !known.has(id)));
    cursor = page.nextCursor;
  }
  return inTurns(found.length, (index) => get(`/v1/orders/${found[index]}`));
}
