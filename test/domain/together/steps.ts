import fc from "fast-check";
import { isOver } from "../../../commands/order/book.ts";
import { order } from "../../../commands/order/order.ts";
import { runCheckout } from "../../../commands/processes/checkout.ts";
import { applyEffects } from "../../../commands/processes/effects.ts";
import { cancelOrder, deliverOrder, shipOrder, voidPayment } from "../../../commands/processes/fulfilment.ts";
import { addPayment } from "../../../commands/processes/further-payment.ts";
import { capturePayment } from "../../../commands/processes/payments.ts";
import type { ProcessContext } from "../../../commands/processes/process.ts";
import { judgeRefund, refundOrder, refundOrderAgain } from "../../../commands/processes/refunds.ts";
import { registerReturn, takeReturn } from "../../../commands/processes/returns.ts";
import type { Shop } from "../../../commands/processes/shop.ts";
import { type ProcessKind, processes } from "../../../commands/processes/tasks.ts";
import { handleWebhook, keepWebhook } from "../../../commands/processes/webhooks.ts";
import { stockConditions } from "../../../commands/stock/events.ts";
import { stock } from "../../../commands/stock/stock.ts";
import { type TaskKind, taskKinds } from "../../../projections/tasks/documents.ts";
import { newId } from "../../../src/values/ids.ts";
import { Problem } from "../../../src/values/problem.ts";
import type { Work, World } from "./world.ts";

const hourMs = 3_600_000;
/** When a task is looked at again that is still open. */
const retriedAfterMs = 120_000;

/** What any step may be told; each takes of it what it needs. */
const argsArbitrary = fc.record({
  /** Which of all there are. */
  pick: fc.nat(5),
  which: fc.nat(1),
  /** A few names, so that some come twice. */
  id: fc.integer({ min: 1, max: 3 }),
  lineId: fc.constantFrom(...[1, 1, 2, 3]),
  quantity: fc.integer({ min: 1, max: 3 }),
  amount: fc.integer({ min: 1, max: 4_000 }),
  all: fc.boolean(),
  yes: fc.boolean(),
  some: fc.nat(2),
});
type Args = typeof argsArbitrary extends fc.Arbitrary<infer A> ? A : never;

interface Step {
  world: World;
  shop: Shop;
  context: ProcessContext;
  /** The order that it is about. */
  orderId: string;
  cartId: string;
  args: Args;
}

function pickOf<T>(items: Iterable<T>, { pick }: Args): T | undefined {
  const all = [...items];
  return all[pick % Math.max(1, all.length)];
}

const linesOf = ({ all, lineId, quantity }: Args) => (all ? {} : { lines: [{ lineId, quantity }] });

/** A command to a stream of the order, as the HTTP edge sends it. */
function ask({ shop, context, orderId }: Step, name: string, command: object): Promise<unknown> {
  const { clock, ...who } = context;
  return shop.engine.execute(order, orderId, name as "Reship", command as never, { ...who, now: clock() });
}

/** One whose effects follow. */
async function askAndApply(step: Step, name: string, command: object): Promise<void> {
  await ask(step, name, command);
  await applyEffects(step.shop, step.orderId, step.context);
}

const placedOf = ({ world, orderId }: Step) => world.order(orderId);

/** A payment of the order. */
function paymentOf({ world, orderId, args }: Step): string {
  const started = world.orders.find((each) => each.orderId === orderId);
  const found = started && pickOf(world.payments(started), args);
  return found?.[0] ?? started?.paymentId ?? "";
}

const fulfilment = {
  ship: ({ shop, context, orderId, args }: Step) =>
    shipOrder(shop, orderId, { shipmentId: `s-${args.id}`, ...linesOf(args) }, context),
  deliver: ({ shop, context, orderId }: Step) => deliverOrder(shop, orderId, {}, context),
  deliverPart: (step: Step) => {
    const { shop, context, orderId, args } = step;
    const shipmentId = pickOf(placedOf(step)?.book.parcels ?? [], args)?.shipmentId ?? "s-1";
    const cash = args.yes ? {} : { cash: args.amount };
    return deliverOrder(shop, orderId, { shipmentId, ...linesOf(args), ...cash }, context);
  },
  fail: (step: Step) => {
    const { args } = step;
    const shipmentId = pickOf(placedOf(step)?.book.parcels ?? [], args)?.shipmentId ?? "s-1";
    const outcome = (["refused", "undeliverable", "lost"] as const)[args.some];
    return ask(step, "FailDelivery", { shipmentId, outcome, ...linesOf(args) });
  },
  takeBack: (step: Step) => {
    const { args } = step;
    const [shipmentId, [share] = []] = pickOf(placedOf(step)?.book.strays ?? [], args) ?? ["s-1"];
    const [lineId, quantity] = share ?? [args.lineId, args.quantity];
    const sellable = Math.min(quantity, args.some);
    const lines = [{ lineId, sellable, damaged: quantity - sellable }];
    return askAndApply(step, "TakeBack", { shipmentId, backId: newId(), lines });
  },
  reship: (step: Step) =>
    askAndApply(step, "Reship", { reshipmentId: `a-${step.args.id}`, ...linesOf(step.args) }),
  process: (step: Step) => ask(step, "StartProcessing", {}),
};

const returns = {
  announce: ({ shop, context, orderId, args }: Step) => {
    const { lineId, quantity, all, some, id } = args;
    const here = all ? { sellable: Math.min(some, quantity) } : {};
    const lines = [{ lineId, quantity, reason: "other" as const, ...here }];
    return registerReturn(shop, orderId, { returnId: `r-${id}`, lines }, context);
  },
  judgeReturn: (step: Step) => {
    const returnId = returnOf(step);
    if (step.args.some > 0) return ask(step, "ApproveReturn", { returnId });
    return ask(step, step.args.yes ? "RejectReturn" : "WithdrawReturn", { returnId, reason: "r" });
  },
  receive,
  inspect: (step: Step) => {
    const { shop, context, orderId, args } = step;
    const [returnId, [share] = []] = pickOf(placedOf(step)?.book.inspections ?? [], args) ?? ["r-1"];
    const [lineId, most] = share ?? [args.lineId, args.quantity];
    const good = Math.min(most, args.some);
    const found = args.yes ? { damaged: most - good } : { rejected: most - good };
    const lines = [{ lineId, sellable: good, ...found }];
    return takeReturn(shop, orderId, "InspectReturn", { returnId, receiptId: newId(), lines }, context);
  },
  closeReturn: (step: Step) => ask(step, "CloseReturn", { returnId: returnOf(step) }),
};

/** A return of the order. */
function returnOf(step: Step): string {
  return pickOf(placedOf(step)?.returns.keys() ?? [], step.args) ?? "r-1";
}

function receive(step: Step): Promise<void> {
  const { shop, context, orderId, args } = step;
  const { lineId, quantity, some, all, yes, amount } = args;
  const found = [{ quantity }, { sellable: quantity }, { damaged: 1, rejected: quantity - 1 }][some];
  const lines = [{ lineId, ...found }];
  const how = all ? { refund: "none" as const } : yes ? { fee: amount % 300 } : {};
  const received = { returnId: returnOf(step), receiptId: newId(), lines, ...how };
  return takeReturn(shop, orderId, "ReceiveReturn", received, context);
}

const money = {
  cancel: ({ shop, context, orderId, args }: Step) => {
    const credit = args.some === 0 && args.yes ? { credit: "none" as const } : {};
    return cancelOrder(
      shop,
      orderId,
      { cancelId: `x-${args.id}`, reason: "r", ...linesOf(args), ...credit },
      context,
    );
  },
  refund: ({ shop, context, orderId, args }: Step) => {
    const { id, all, some, yes, amount, lineId, quantity } = args;
    const lines = [{ lineId, quantity }];
    const of = yes ? { of: "delivered" as const } : {};
    const what = [{ amount }, { lines, ...of }, { shipping: yes ? (true as const) : amount % 500 || 1 }][
      some
    ];
    const request = {
      refundId: `f-${id}`,
      reason: "r",
      cause: "goodwill" as const,
      ...(all && yes ? {} : what),
    };
    return refundOrder(shop, orderId, request, context);
  },
  retry: (step: Step) => {
    const { shop, context, orderId, args } = step;
    const failed = pickOf(placedOf(step)?.unpaid ?? [], args)?.split("#")[0] ?? "f-1";
    const manual = args.yes ? { manual: true as const } : {};
    return refundOrderAgain(shop, orderId, { refundId: `g-${args.id}`, failed, ...manual }, context);
  },
  judge: (step: Step) => {
    const { world, shop, context, orderId, args } = step;
    const held = world
      .payments(
        world.orders.find((each) => each.orderId === orderId) ?? { cartId: "", orderId, paymentId: "" },
      )
      .flatMap(([, { refunds }]) => [...refunds])
      .filter(([, { status }]) => status === "awaiting_approval");
    const refundId = pickOf(held, args)?.[0] ?? "f-1";
    return judgeRefund(shop, orderId, { refundId, rejection: args.yes ? "no" : undefined }, context);
  },
  pay: ({ shop, context, orderId, args }: Step) => {
    // The same again is the same.
    const method = args.id === 2 ? "bank_transfer" : "credit_card";
    const token = ["ok", "declined", "action", "single", "ok", "ok"][args.pick] ?? "ok";
    return addPayment(
      shop,
      orderId,
      { paymentId: `${orderId}/p-${args.id}`, method, token, byStaff: true },
      context,
    );
  },
  capture: async (step: Step) => {
    const { shop, context, args } = step;
    const book = placedOf(step)?.book;
    // Money that staff book after they have cancelled an order and kept what it had: nobody has said what it is for.
    if (book && isOver(book) && book.due > 0) return;
    const amount = args.all ? {} : { amount: args.amount };
    await capturePayment(shop, paymentOf(step), { movementId: `m-${args.id}`, ...amount }, context);
  },
  void: (step: Step) => voidPayment(step.shop, paymentOf(step), "r", step.context),
};

const gateway = {
  fate: async ({ world, args }: Step) => {
    if (args.all) world.gateway.next("capture", "refused");
    else world.gateway.next("refund", args.yes ? "refused" : "pending");
  },
  act: async (step: Step) => {
    const id = paymentOf(step);
    const state = step.world.payment(id);
    // What a customer has not been asked for yet, because its answer was lost, is at the bank once already.
    const isUnheard = state?.reference === undefined && step.world.gateway.holds(id);
    if (state?.gateway === "bank" && !isUnheard) step.world.gateway.act(id, state.amount, step.args.some > 0);
  },
  endRefund: async ({ world, args }: Step) => world.gateway.endRefund(args.pick, args.yes),
  dispute: async ({ world, args }: Step) => world.gateway.dispute(args.pick, args.amount),
  endDispute: async ({ world, args }: Step) => world.gateway.endDispute(args.pick, args.yes),
  /** One that was told, in whatever order; it may come again. */
  webhook: async ({ world, shop, context, args }: Step) => {
    const { webhooks } = world.gateway;
    const event = pickOf(webhooks, args);
    if (!event) return;
    const id = await keepWebhook(shop, event, context);
    if (args.yes) webhooks.splice(webhooks.indexOf(event), 1);
    await handleWebhook(shop, id, context);
  },
};

const timers = {
  checkOut: ({ shop, context, cartId }: Step) => runCheckout(shop, cartId, context),
  effects: ({ shop, context, orderId }: Step) => processes.order(shop, orderId, context),
  settle: (step: Step) => processes.payment(step.shop, paymentOf(step), step.context),
  pass: async ({ world, args }: Step) => {
    world.now += args.all ? args.quantity * 24 * hourMs : args.amount * 1_000;
  },
};

const shelves = {
  receiveStock: (step: Step) => onStock(step, "Receive", { quantity: step.args.quantity }),
  count: (step: Step) => {
    const { onHand } = step.world.stock(skuOf(step));
    return onStock(step, "Count", { counted: Math.max(0, onHand + step.args.quantity - 3) });
  },
  move: (step: Step) => {
    const { some, pick, quantity } = step.args;
    const from = stockConditions[some];
    const to = ([...stockConditions, "out"] as const)[pick % 4];
    return onStock(step, "Move", { sku: skuOf(step), from, to, quantity, reason: "r" });
  },
  policy: (step: Step) => onStock(step, "SetPolicy", { backorders: step.args.yes }),
  expire: ({ shop, context, args, world }: Step) =>
    processes.stock(shop, world.skus[args.pick % world.skus.length] ?? "A", context),
};

const skuOf = ({ world, args }: Step) => world.skus[args.lineId % world.skus.length] ?? "A";

function onStock(step: Step, name: string, command: object): Promise<unknown> {
  const { clock, ...who } = step.context;
  const context = { ...who, now: clock() };
  return step.shop.engine.execute(stock, skuOf(step), name as "Count", command as never, context);
}

const actions = { ...fulfilment, ...returns, ...money, ...gateway, ...timers, ...shelves };
export type ActionName = keyof typeof actions;

/** What goes on with an order, more often than what goes wrong with it. */
const often: readonly ActionName[] = [
  ...(["checkOut", "checkOut", "ship", "ship", "ship", "deliver", "deliver", "capture", "capture"] as const),
  ...([
    "refund",
    "refund",
    "cancel",
    "webhook",
    "webhook",
    "webhook",
    "announce",
    "announce",
    "pay",
  ] as const),
  ...(["receive", "receive", "inspect", "fail", "takeBack", "reship"] as const),
];

export interface Asked {
  name: ActionName;
  args: Args;
}

export const askedArbitrary: fc.Arbitrary<Asked> = fc.record({
  name: fc.constantFrom(...often, ...(Object.keys(actions) as ActionName[])),
  args: argsArbitrary,
});

/** What one process does that was asked for something. */
export function workOf(world: World, { name, args }: Asked): Work {
  const started = world.orders[args.which % world.orders.length];
  if (!started) throw new Error("nothing was bought");
  const { orderId, cartId } = started;
  return (shop, context) => actions[name]({ world, shop, context, orderId, cartId, args });
}

/** All that is open is done, by who does it: customers, the gateway, staff, and tasks when they are due. */
export async function finish(world: World): Promise<void> {
  const { gateway, models } = world;
  gateway.calm();
  for (let rounds = 0; rounds < 60; rounds++) {
    for (let refunds = 0; refunds < 10; refunds++) gateway.endRefund(0, true);
    for (const event of gateway.webhooks.splice(0))
      await world.run(async (shop, context) => {
        await handleWebhook(shop, await keepWebhook(shop, event, context), context);
      });
    for (const started of world.orders) await judgeAll(world, started.orderId);
    const tasks = [...models.tasks.all()] as [string, { kind: TaskKind; dueAt: number }][];
    // What is owed is staff's to pay, and what is refused for good staff's to see to.
    const open = tasks.filter(([, { kind }]) => kind !== "cart" && taskKinds.some((each) => each === kind));
    if (open.length === 0 && gateway.webhooks.length === 0) break;
    world.now = Math.max(world.now + retriedAfterMs, Math.min(...open.map(([, { dueAt }]) => dueAt)));
    for (const [key, { kind, dueAt }] of open)
      if (dueAt <= world.now)
        await world.run((shop, context) =>
          processes[kind as ProcessKind](shop, key.slice(key.indexOf("/") + 1), context),
        );
  }
  for (const sku of world.skus) await world.run((shop, context) => processes.stock(shop, sku, context));
}

async function judgeAll(world: World, orderId: string): Promise<void> {
  const started = world.orders.find((each) => each.orderId === orderId);
  for (const [, { refunds }] of started ? world.payments(started) : [])
    for (const [refundId, { status }] of refunds)
      if (status === "awaiting_approval")
        await world.run(async (shop, context) => {
          const judge = (rejection: string | undefined) =>
            judgeRefund(shop, orderId, { refundId, rejection }, context);
          // What is not owed any more, or was taken back by a bank, can only be rejected.
          await judge(undefined).catch((error) => {
            if (!(error instanceof Problem) || error.code !== "illegal_transition") throw error;
            return judge("not owed any more");
          });
        });
}
