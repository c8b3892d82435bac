import { order } from "../../../commands/order/order.ts";
import type { Order } from "../../../commands/order/state.ts";
import { payment } from "../../../commands/payment/payment.ts";
import { type InitiatedPayment, manualGateway, type Payment } from "../../../commands/payment/state.ts";
import { isByGateway } from "../../../commands/processes/checkout-attempt.ts";
import { applyEffects } from "../../../commands/processes/effects.ts";
import { voidPayment } from "../../../commands/processes/fulfilment.ts";
import { addPayment, type FurtherPayment, pursue } from "../../../commands/processes/further-payment.ts";
import { capturePayment } from "../../../commands/processes/payments.ts";
import { processOf } from "../../../commands/processes/process.ts";
import {
  capturedStep,
  paidStep,
  settlePayment,
  unlessSilent,
} from "../../../commands/processes/settle-payment.ts";
import { noStream } from "../../stores/event-store/event-store.ts";
import { deriveId } from "../../values/ids.ts";
import { type Money, requireCurrency } from "../../values/money.ts";
import { notFound, Problem, requireRevision } from "../../values/problem.ts";
import {
  type CommandAnswer,
  type Found,
  problemAnswer,
  processContext,
  type RequestCommand,
} from "../edge/commands.ts";
import type { Paying } from "../edge/declines.ts";
import { guestOrderAnswerOf, staffOrderAnswerOf } from "../resources/orders.ts";
import { paymentAnswer, staffPaymentOf } from "../resources/payments.ts";
import { guestProblemOf } from "../resources/problems.ts";
import { captureBody, emptyBody, furtherPaymentBody, idParams, noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { askerOf, describeOrder, placed } from "./orders.ts";
import { orderView, paymentView } from "./views.ts";

const describe = (summary: string) => ({
  tags: ["payments"],
  summary,
  security: [{ bearer: [] }],
  querystring: noQuery,
  params: idParams,
  response: { 200: paymentAnswer, "4xx": problemSchema },
});

export function paymentCommands(app: App, deps: Deps): void {
  const { commands } = deps;

  app.post(
    "/v1/payments/:id/capture",
    {
      schema: {
        ...describe("Capture what has still to be paid, or book a transfer that came in"),
        body: captureBody,
      },
    },
    (request, reply) =>
      commands.run(request, reply, (commandId) =>
        captureCommand(deps, request.params.id, commandId, request.body?.amount),
      ),
  );

  app.post(
    "/v1/payments/:id/void",
    {
      schema: {
        ...describe("Give an authorization back, or a transfer up, and cancel an order that has no other"),
        body: emptyBody,
      },
    },
    (request, reply) =>
      commands.run(request, reply, (commandId) => voidCommand(deps, request.params.id, commandId)),
  );

  furtherPayments(app, deps);
}

/** By staff, or by the guest with the token of the cart that became the order. */
function furtherPayments(app: App, deps: Deps): void {
  const { commands, watchDeclines } = deps;

  app.post(
    "/v1/orders/:id/payments",
    {
      schema: {
        ...describeOrder("Pay what is still open of an order", 201),
        security: [{ cartToken: [] }, { bearer: [] }],
        body: furtherPaymentBody,
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { byStaff, scope } = await askerOf(deps, request, id);
      return watchDeclines(request, reply, scope.cartId, (paying) =>
        commands.run(
          request,
          reply,
          (commandId) => {
            const further = { paymentId: deriveId(commandId, "payment"), ...request.body, byStaff };
            return furtherPaymentCommand(deps, id, { commandId, paying }, further);
          },
          scope,
        ),
      );
    },
  );
}

/** Decided on the order's stream; answered by the order once it has heard of the payment. */
function furtherPaymentCommand(
  { runtime }: Deps,
  orderId: string,
  { commandId, paying }: { commandId: string; paying: Paying },
  further: FurtherPayment,
): RequestCommand<Order> {
  const { shop } = runtime;
  const { paymentId, method, byStaff } = further;
  let isFirst = false;
  return {
    aim: { decider: order, id: orderId },
    steps: [commandId],
    run: async (context) => {
      if (isByGateway(method)) await paying.begin();
      await addPayment(shop, orderId, further, processContext(runtime, context));
      isFirst = true;
      return undefined;
    },
    answer: async (found, context) => {
      await pursue(processOf(shop, orderId, processContext(runtime, context)), paymentId);
      const paid = await shop.engine.read(payment, paymentId, (state) => initiated(paymentId, state));
      if (paid.phase === "failed") {
        if (isFirst) await paying.declined();
        const declined = new Problem("payment_declined", paid.failure ?? "the payment failed", { paymentId });
        return problemAnswer(byStaff ? declined : guestProblemOf(declined));
      }
      const told = await shop.engine.find(order, orderId, [paidStep(paymentId)], noStream);
      const { state, revision }: Found<Order> = told ?? found;
      const waits = paid.phase === "action_required" || (paid.phase === "initiated" && isWaitedFor(paid));
      const nextAction = waits && { nextAction: { url: paid.actionUrl ?? null } };
      const body = { ...orderView(orderId, placed(orderId, state)), ...nextAction, paymentId };
      return { status: 201, body: byStaff ? staffOrderAnswerOf(body) : guestOrderAnswerOf(body), revision };
    },
  };
}

/** A gateway has still to answer. */
function isWaitedFor({ gateway }: InitiatedPayment): boolean {
  return gateway !== manualGateway;
}

function initiated(id: string, state: Payment): InitiatedPayment {
  if (state.phase === "absent") throw notFound("payment", id);
  return state;
}

function answerOf(id: string, { state, revision }: Found<Payment>): CommandAnswer {
  return { status: 200, body: staffPaymentOf(paymentView(id, initiated(id, state))), revision };
}

function captureCommand(
  { runtime }: Deps,
  id: string,
  commandId: string,
  amount: Money | undefined,
): RequestCommand<Payment> {
  const { engine, shop } = runtime;
  const movementId = deriveId(commandId, "capture");
  return {
    aim: { decider: payment, id },
    steps: [commandId],
    run: async (context) => {
      const { expectedRevision, ...unconditional } = context;
      const { revision, currency, orderId } = await engine.read(payment, id, (state, revision) => {
        const { currency, orderId } = initiated(id, state);
        return { revision, currency, orderId };
      });
      requireRevision(expectedRevision, revision);
      requireCurrency(amount, currency);
      const capture = { movementId, amount: amount?.amount };
      const process = processContext(runtime, unconditional);
      await capturePayment(shop, id, capture, process);
      // What was too much goes back.
      await applyEffects(shop, orderId, process);
      return undefined;
    },
    answer: async (found, context) => {
      const { capturing, phase, gateway } = initiated(id, found.state);
      if (phase === "captured" || gateway === manualGateway) return answerOf(id, found);
      // Asked for by this command, or by another one: done now, if it is still open. A refusal stays one.
      await settlePayment(shop, id, processContext(runtime, context)).catch(unlessSilent);
      const steps = [capturedStep(id, capturing?.movementId ?? movementId)];
      const captured = await engine.find(payment, id, steps, noStream);
      if (!captured) {
        const failure = await engine.read(payment, id, (state) => initiated(id, state).failure);
        throw new Problem("payment_declined", failure ?? "the gateway did not capture the payment");
      }
      return answerOf(id, captured);
    },
  };
}

async function voidCommand({ runtime }: Deps, id: string, commandId: string): Promise<RequestCommand<Order>> {
  const { engine, shop } = runtime;
  const read = () =>
    engine.read(payment, id, (state, revision) => ({ state: initiated(id, state), revision }));
  const { orderId } = (await read()).state;
  return {
    aim: { decider: order, id: orderId },
    steps: [commandId],
    run: async ({ expectedRevision, ...context }) => {
      // The client's revision is the payment's; the order's stream is what decides.
      requireRevision(expectedRevision, (await read()).revision);
      await voidPayment(shop, id, "voided by staff", processContext(runtime, context));
      return undefined;
    },
    answer: async (_, context) => {
      await applyEffects(shop, orderId, processContext(runtime, context));
      return answerOf(id, await read());
    },
  };
}
