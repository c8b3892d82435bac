import type { z } from "zod";
import type { Refund } from "../../../commands/order/credits.ts";
import { order } from "../../../commands/order/order.ts";
import { nameAt, noPayment, type Order, paymentsOf } from "../../../commands/order/state.ts";
import { payment } from "../../../commands/payment/payment.ts";
import { isUnderWay, type Refund as PaymentRefund } from "../../../commands/payment/state.ts";
import { applyEffects } from "../../../commands/processes/effects.ts";
import { placedOrder } from "../../../commands/processes/fulfilment.ts";
import type { ProcessContext } from "../../../commands/processes/process.ts";
import { judgeRefund, refundOrder, refundOrderAgain } from "../../../commands/processes/refunds.ts";
import { refundSteps, settlePayment, unlessSilent } from "../../../commands/processes/settle-payment.ts";
import type { Shop } from "../../../commands/processes/shop.ts";
import { spelledNames } from "../../../commands/processes/skus.ts";
import { orderOwing } from "../../../projections/orders/queries.ts";
import { paymentsOfRefund } from "../../../projections/payments.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { noStream } from "../../stores/event-store/event-store.ts";
import { deriveId } from "../../values/ids.ts";
import { requireCurrency } from "../../values/money.ts";
import { notFound, Problem } from "../../values/problem.ts";
import {
  type CommandAnswer,
  type Found,
  problemAnswer,
  processContext,
  type RequestCommand,
} from "../edge/commands.ts";
import { staffOrderAnswerOf } from "../resources/orders.ts";
import { emptyBody, refundBody, rejectRefundBody, retryRefundBody } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { describeOrder, placed } from "./orders.ts";
import { orderView } from "./views.ts";

/** How long a refund that was asked for just now is looked for. */
const refundKnownWithinMs = 5_000;

/** @param statuses the first while the money is on its way, or waits for its approval */
const describe = (summary: string, ...statuses: readonly number[]) => {
  const described = describeOrder(summary, 200);
  const { 200: answer, ...problems } = described.response;
  const answers = Object.fromEntries(statuses.map((status) => [status, answer]));
  return { ...described, response: { ...answers, ...problems } };
};

export function refundCommands(app: App, deps: Deps): void {
  const { commands, runtime } = deps;

  app.post(
    "/v1/orders/:id/refunds",
    { schema: { ...describe("Give money back", 202, 201), body: refundBody } },
    (request, reply) =>
      commands.run(request, reply, async (commandId) => {
        const orderId = request.params.id;
        const refundId = deriveId(commandId, "refund");
        const { currency } = await placedOrder(runtime.shop, orderId);
        return refundCommand(deps, { commandId, orderId, refundId, status: 201 }, async (context) => {
          const refund = await refundOf(runtime.shop, refundId, currency, request.body);
          await refundOrder(runtime.shop, orderId, refund, context);
        });
      }),
  );

  app.post(
    "/v1/refunds/:id/retry",
    {
      schema: { ...describe("Try a refund again that was refused", 202, 201), body: retryRefundBody },
    },
    (request, reply) =>
      commands.run(request, reply, async (commandId) => {
        const failed = request.params.id;
        const orderId = await orderOfRefund(runtime, failed);
        const refundId = deriveId(commandId, "refund");
        const manual = request.body?.manual ? { manual: true as const } : {};
        return refundCommand(deps, { commandId, orderId, refundId, status: 201 }, (context) =>
          refundOrderAgain(runtime.shop, orderId, { refundId, failed, ...manual }, context),
        );
      }),
  );

  judging(app, deps);
}

/** Refunds from REFUND_APPROVAL_FROM up wait until staff have approved or rejected them. */
function judging(app: App, deps: Deps): void {
  const { commands, runtime } = deps;

  app.post(
    "/v1/refunds/:id/approve",
    {
      schema: { ...describe("Approve a refund that waits for it", 202, 200), body: emptyBody },
    },
    (request, reply) =>
      commands.run(request, reply, async () => {
        const refundId = request.params.id;
        const orderId = await orderOfRefund(runtime, refundId);
        return judgement(deps, orderId, refundId, undefined);
      }),
  );

  app.post(
    "/v1/refunds/:id/reject",
    {
      schema: { ...describe("Reject a refund that waits for its approval", 200), body: rejectRefundBody },
    },
    (request, reply) =>
      commands.run(request, reply, async () => {
        const refundId = request.params.id;
        const orderId = await orderOfRefund(runtime, refundId);
        return judgement(deps, orderId, refundId, request.body.reason);
      }),
  );
}

interface Asked {
  commandId: string;
  orderId: string;
  refundId: string;
  /** Of the answer once the money is back. */
  status: number;
}

/** Decided on the order's stream, answered by the order once it has heard of its payments. */
function refundCommand(
  { runtime }: Deps,
  { commandId, orderId, refundId, status }: Asked,
  run: (context: ProcessContext) => Promise<void>,
): RequestCommand<Order> {
  return {
    aim: { decider: order, id: orderId },
    steps: [commandId],
    run: async (context) => {
      await run(processContext(runtime, context));
      return undefined;
    },
    answer: async (found, context) => {
      const process = processContext(runtime, context);
      await applyEffects(runtime.shop, orderId, process);
      const refunds = await settled(runtime.shop, orderId, refundId, process);
      const refusal = await refusalOf(runtime.shop, { orderId, refundId, refunds });
      return refusal ?? answerOf(runtime.shop, { orderId, refundId, status, refunds }, found);
    },
  };
}

/** Judged on its payments' streams. */
function judgement(
  { runtime }: Deps,
  orderId: string,
  refundId: string,
  rejection: string | undefined,
): RequestCommand<Order> {
  const { shop } = runtime;
  return {
    aim: { decider: order, id: orderId },
    run: async (context) => {
      await judgeRefund(shop, orderId, { refundId, rejection }, processContext(runtime, context));
      return undefined;
    },
    answer: async (found, context) => {
      const refunds = await settled(shop, orderId, refundId, processContext(runtime, context));
      const refusal = await refusalOf(shop, { orderId, refundId, refunds });
      return refusal ?? answerOf(shop, { orderId, refundId, status: 200, refunds }, found);
    },
  };
}

/** What has become of a refund at each payment that gives a part of it back. */
async function settled(
  shop: Shop,
  orderId: string,
  refundId: string,
  context: ProcessContext,
): Promise<PaymentRefund[]> {
  const refunds: PaymentRefund[] = [];
  for (const paymentId of paymentsOf(await placedOrder(shop, orderId))) {
    await settlePayment(shop, paymentId, context).catch(unlessSilent);
    const refund = await shop.engine.read(payment, paymentId, (state) =>
      state.phase === "absent" ? undefined : state.refunds.get(refundId),
    );
    if (refund) refunds.push(refund);
  }
  return refunds;
}

/** What a refund was refused with, by a gateway or because there was no money that could go back. */
async function refusalOf(
  shop: Shop,
  { orderId, refundId, refunds }: Pick<Asked, "orderId" | "refundId"> & { refunds: PaymentRefund[] },
): Promise<CommandAnswer | undefined> {
  const refused = refunds.find(({ status }) => status === "failed");
  const { unpaid } = await placedOrder(shop, orderId);
  const isMissing = unpaid.has(nameAt(refundId, noPayment));
  if (!refused && !isMissing) return undefined;
  const detail = refused ? `the gateway said: ${refused.failure}` : "the payments have no more";
  return problemAnswer(new Problem("refund_refused", detail, { refundId }));
}

/** 202 while the money is on its way, or waits for its approval. */
async function answerOf(
  shop: Shop,
  { orderId, refundId, status, refunds }: Omit<Asked, "commandId"> & { refunds: PaymentRefund[] },
  found: Found<Order>,
): Promise<CommandAnswer> {
  const steps = refundSteps(placed(orderId, found.state), refundId);
  const told = await shop.engine.find(order, orderId, steps, noStream);
  const { state, revision }: Found<Order> = told ?? found;
  const body = staffOrderAnswerOf({ ...orderView(orderId, placed(orderId, state)), refundId });
  return { status: refunds.some(isUnderWay) ? 202 : status, body, revision };
}

/** @throws Problem not_found; unavailable when the read model is not there in time */
async function orderOfRefund({ models, events }: Runtime, refundId: string): Promise<string> {
  const head = await events.head();
  const names = ["payments", "orders"];
  const reached = (
    await Promise.all(names.map((name) => models.reached(name, head, refundKnownWithinMs)))
  ).every((each) => each);
  const [found] = await paymentsOfRefund(await models.model("payments"), refundId);
  // Where no payment had anything of it, only the order knows.
  const orderId = found?.orderId ?? (await orderOwing(await models.model("orders"), refundId));
  if (orderId !== undefined) return orderId;
  if (!reached) throw new Problem("unavailable", "the read models are behind the log");
  throw notFound("refund", refundId);
}

async function refundOf(
  { engine }: Shop,
  refundId: string,
  currency: string,
  { lines, shipping, amount, of, reason }: z.output<typeof refundBody>,
): Promise<Refund> {
  for (const money of [shipping, amount]) if (typeof money === "object") requireCurrency(money, currency);
  return {
    refundId,
    reason,
    cause: "goodwill",
    lines: lines && (await spelledNames(engine, lines)),
    shipping: typeof shipping === "object" ? shipping.amount : shipping,
    amount: amount?.amount,
    of,
  };
}
