import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import { checked, countOf, isOver, pendingOf, skusOf } from "../../../commands/order/book.ts";
import type { PlacedOrder } from "../../../commands/order/state.ts";
import type { OrderStatus, PaymentStatus } from "../../../commands/order/status.ts";
import { heldOf, type InitiatedPayment } from "../../../commands/payment/state.ts";
import { availableOf } from "../../../commands/stock/state.ts";
import { moneyIn, quantitiesOf } from "../../../projections/orders/books.ts";
import type { OrderDoc } from "../../../projections/orders/documents.ts";
import type { Started } from "../../support/shop.ts";
import { openOf } from "../open-of.ts";
import { tablePairs } from "../order-table.ts";
import type { World } from "./world.ts";

/** What must be true at any moment, of the deciders, of the read models and between the two. */
export function checkNow(world: World): void {
  for (const started of world.orders) {
    const placed = world.order(started.orderId);
    if (placed) checkOrder(world, started.orderId, placed);
    for (const [id, state] of world.payments(started)) checkPayment(world, id, state);
  }
  for (const sku of world.skus) checkShelf(world, sku);
}

function same(is: unknown, shouldBe: unknown, what: string): void {
  if (!isDeepStrictEqual(is, shouldBe)) expect(is, what).toEqual(shouldBe);
}

function checkOrder(world: World, orderId: string, placed: PlacedOrder): void {
  const { book, status, paymentStatus, openEffects } = placed;
  checked(book);
  if (!tablePairs[status].includes(paymentStatus)) expect.fail(`an order is ${status}, and ${paymentStatus}`);
  const doc = world.models.orders.get(orderId) as OrderDoc;
  const told: [OrderStatus, PaymentStatus] = [doc.status, doc.paymentStatus];
  same(told, [status, paymentStatus], "the statuses that the read model tells");
  same(doc.book.lines.map(quantitiesOf), book.lines.map(quantitiesOf), "the quantities that it tells");
  same(moneyIn(doc.book), moneyIn(book), "the money that it tells");
  same(doc.uncounted ?? { out: [], back: [] }, placed.uncounted, "what it says was not counted");
  const sums = world.sums.get(orderId);
  // One that ends before it is confirmed says with one word that nothing is due.
  const due = book.confirmed || !isOver(book) ? sums?.due : 0;
  same([book.due, book.refunded], [due, sums?.refunded], "due and refunded, as its events say");
  const task = world.models.tasks.get(`order/${orderId}`) as { open: string[] } | undefined;
  same((task?.open ?? []).toSorted(), [...openEffects].toSorted(), "its task");
  if (!book.confirmed || openEffects.size > 0) return;
  for (const sku of skusOf(book)) {
    const claim = world.stock(sku).reservations.get(orderId);
    const claimed = claim ? claim.quantity - claim.shipped : 0;
    same(claimed, countOf(book, sku, "toShip"), `what ${sku} promises of what is to be shipped`);
  }
}

function checkPayment(world: World, id: string, state: InitiatedPayment): void {
  const { captured, refunded, refundPending, refunds, amount } = state;
  const doc = world.models.payments.get(id) as Record<"captured" | "refunded" | "refundPending", number> & {
    authorized: number;
    refunds: { id: string; status: string }[];
  };
  same(
    [doc.captured, doc.refunded, doc.refundPending, doc.refunds.map(({ id, status }) => [id, status])],
    [captured, refunded, refundPending, [...refunds].map(([refundId, { status }]) => [refundId, status])],
    `payment ${id}, as the read model tells it`,
  );
  if (state.gateway === "bank") {
    expect(captured, "captured").toBeLessThanOrEqual(amount);
    if (state.phase === "authorized")
      same(doc.authorized - doc.captured, heldOf(state), "what is authorized");
  }
  expect(refunded + refundPending, "refunded").toBeLessThanOrEqual(captured);
  const task = world.models.tasks.get(`payment/${id}`) as { open: Record<string, number> } | undefined;
  for (const name of openOf(state))
    if (!task || !(name in task.open)) expect.fail(`no task for ${name} of ${id}`);
}

function checkShelf(world: World, sku: string): void {
  const shelf = world.stock(sku);
  const claims = [...shelf.reservations.values()];
  const sum = (of: (claim: (typeof claims)[number]) => number) =>
    claims.reduce((all, claim) => all + of(claim), 0);
  const { onHand, damaged, quarantine, reserved, committed, backordered } = shelf;
  const counts = { onHand, damaged, quarantine, reserved, committed };
  for (const [bucket, pieces] of Object.entries({ ...counts, backordered }))
    if (pieces < 0) expect.fail(`${pieces} of ${sku} are ${bucket}`);
  same(backordered, Math.max(0, -availableOf(shelf)), `what is on backorder of ${sku}`);
  same(
    [reserved, committed, backordered],
    [
      sum((claim) => (claim.committed ? 0 : claim.quantity)),
      sum((claim) => (claim.committed ? claim.quantity - claim.shipped : 0)),
      sum((claim) => claim.backordered),
    ],
    `what the claims of ${sku} amount to`,
  );
  const doc = world.models.stock.get(sku) as typeof counts;
  same(
    {
      onHand: doc.onHand,
      damaged: doc.damaged,
      quarantine: doc.quarantine,
      reserved: doc.reserved,
      committed: doc.committed,
    },
    counts,
    `stock of ${sku}, as the read model tells it`,
  );
}

/** What must be true once nothing is left to do: the books of orders, payments and the bank agree. */
export function checkAtTheEnd(world: World): void {
  const tasks = [...world.models.tasks.all()].filter(([key]) => !/^(cart|refund)\//.test(key));
  same(tasks, [], "what is left to do");
  const held = [...world.models.reservations.all()].filter(([, doc]) => "dueAt" in (doc as object));
  same(held, [], "what is held");
  for (const started of world.orders) {
    const payments = world.payments(started);
    for (const [id, state] of payments) checkAtBank(world, id, state);
    const placed = world.order(started.orderId);
    if (placed) checkMoney(placed, payments);
    else if (payments.some(([, { captured, refunded }]) => captured > refunded))
      expect.fail(`money of an order that was never placed was kept`);
    checkCart(world, started, placed);
  }
}

function checkAtBank({ gateway }: World, id: string, state: InitiatedPayment): void {
  if (state.gateway !== gateway.name) return;
  const accounts = [...gateway.accounts.values()].filter(({ paymentId }) => paymentId === id);
  const sum = (of: (account: (typeof accounts)[number]) => number) =>
    accounts.reduce((all, account) => all + of(account), 0);
  const byHand = [...state.refunds.values()].reduce(
    (all, { manual, status, amount }) => all + (manual && status === "succeeded" ? amount : 0),
    0,
  );
  same(
    [sum(({ captured }) => captured), sum(({ refunded }) => refunded)],
    [state.captured, state.refunded - byHand],
    `what the bank has captured and refunded of ${id}`,
  );
  const open = sum(({ authorized, captured, voided }) => (voided ? 0 : authorized - captured));
  same(open, heldOf(state), `what the bank holds of ${id}`);
}

function checkMoney(
  { book, unpaid, credits }: PlacedOrder,
  payments: readonly [string, InitiatedPayment][],
): void {
  const sum = (of: (state: InitiatedPayment) => number) =>
    payments.reduce((all, [, state]) => all + of(state), 0);
  const lost = sum(({ disputes }) =>
    [...disputes.values()].reduce((all, { amount, status }) => all + (status === "lost" ? amount : 0), 0),
  );
  const givenBack = sum(({ refunded }) => refunded);
  // Of what banks have taken back, as much as was there.
  expect(book.refunded, "what its payments have given back").toBeGreaterThanOrEqual(givenBack);
  expect(book.refunded, "and banks taken back").toBeLessThanOrEqual(givenBack + lost);
  // Each goes back by the refund that it was promised by.
  for (const [creditId, { payout }] of credits)
    if (payout > 0 && unpaid.size === 0)
      same(
        sum(({ refunds }) => refunds.get(creditId)?.amount ?? 0),
        payout,
        `what ${creditId} has given back`,
      );
  const captured = sum((state) => state.captured);
  if (isOver(book)) same(sum(heldOf), 0, "what gateways hold for an order that is over");
  // An order that is over hears of what was captured late only as it goes back.
  if (isOver(book)) expect(captured, "captured").toBeGreaterThanOrEqual(book.captured);
  else same(book.captured, captured, "what its payments have captured");
  const kept = captured - sum(({ refunded }) => refunded);
  const disputed = sum(({ disputes }) => [...disputes.values()].reduce((all, { amount }) => all + amount, 0));
  // What a bank takes back while a gateway is silent about a void stays promised.
  if (disputed === 0) same(pendingOf(book.payouts), 0, "what is on its way back");
  // Unless a refund was refused, or money disputed, nothing is kept that is not owed.
  if (unpaid.size === 0 && disputed === 0) expect(kept, "kept").toBeLessThanOrEqual(book.due);
}

function checkCart({ models }: World, { cartId }: Started, placed: PlacedOrder | undefined): void {
  const task = models.tasks.get(`cart/${cartId}`) as { kind: string } | undefined;
  if (placed && !placed.book.confirmed)
    expect(isOver(placed.book), "an order that waits for ever").toBe(true);
  if (task && task.kind !== "cart") expect.fail(`the checkout of ${cartId} is open`);
}
