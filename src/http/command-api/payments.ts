import { order } from "../../../commands/order/order.ts";
import type { Order } from "../../../commands/order/state.ts";
import { payment } from "../../../commands/payment/payment.ts";
import type { InitiatedPayment, Payment } from "../../../commands/payment/state.ts";
import { applyEffects } from "../../../commands/processes/effects.ts";
import { voidPayment } from "../../../commands/processes/fulfilment.ts";
import {
  capturedStep,
  capturePayment,
  settlePayment,
  unlessSilent,
} from "../../../commands/processes/payments.ts";
import { systemContext } from "../../../commands/processes/process.ts";
import { handleWebhook, keepWebhook } from "../../../commands/processes/webhooks.ts";
import { noStream } from "../../stores/event-store/event-store.ts";
import { notFound, Problem, requireRevision } from "../../values/problem.ts";
import { type CommandAnswer, type Found, processContext, type RequestCommand } from "../edge/commands.ts";
import { originOf } from "../edge/origin.ts";
import { paymentAnswer, staffPaymentOf, webhookAnswer } from "../resources/payments.ts";
import { emptyBody, idParams, noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { paymentView } from "./views.ts";

const describe = (summary: string) => ({
  tags: ["payments"],
  summary,
  security: [{ bearer: [] }],
  querystring: noQuery,
  params: idParams,
  body: emptyBody,
  response: { 200: paymentAnswer, "4xx": problemSchema },
});

export function paymentCommands(app: App, deps: Deps): void {
  const { staffOnly, commands } = deps;

  app.post(
    "/v1/payments/:id/capture",
    { ...staffOnly, schema: describe("Capture a payment, or book a transfer that came in") },
    (request, reply) =>
      commands.run(request, reply, (commandId) => captureCommand(deps, request.params.id, commandId)),
  );

  app.post(
    "/v1/payments/:id/void",
    { ...staffOnly, schema: describe("Give an authorization back and cancel its order") },
    (request, reply) =>
      commands.run(request, reply, (commandId) => voidCommand(deps, request.params.id, commandId)),
  );

  takeWebhooks(app, deps);
}

function initiated(id: string, state: Payment): InitiatedPayment {
  if (state.phase === "absent") throw notFound("payment", id);
  return state;
}

function answerOf(id: string, { state, revision }: Found<Payment>): CommandAnswer {
  return { status: 200, body: staffPaymentOf(paymentView(id, initiated(id, state))), revision };
}

function captureCommand({ runtime }: Deps, id: string, commandId: string): RequestCommand<Payment> {
  const { engine, shop } = runtime;
  return {
    aim: { decider: payment, id },
    steps: [commandId],
    run: async (context) => {
      const { expectedRevision, ...unconditional } = context;
      const revision = await engine.read(payment, id, (state, at) => {
        initiated(id, state);
        return at;
      });
      requireRevision(expectedRevision, revision);
      await capturePayment(shop, id, processContext(runtime, unconditional), "decide");
      return undefined;
    },
    answer: async (found, context) => {
      const { capturing, phase } = initiated(id, found.state);
      if (phase === "captured") return answerOf(id, found);
      // Asked for by this command, or by another one: done now, if it is still open. A refusal stays one.
      await settlePayment(shop, id, processContext(runtime, context)).catch(unlessSilent);
      const steps = [capturedStep(id, capturing ?? "capture")];
      const captured = await engine.find(payment, id, steps, noStream);
      if (!captured) throw new Problem("payment_declined", "the gateway did not capture the payment");
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

/** Kept on the log before it is answered; what follows is done then, or by its task. */
function takeWebhooks(app: App, { runtime }: Deps): void {
  const { shop, clock } = runtime;
  app.register(async (scope) => {
    // The signature is over the bytes as they were sent.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
    scope.post<{ Params: { gateway: string }; Body: string }>(
      "/v1/webhooks/:gateway",
      {
        schema: {
          tags: ["payments"],
          summary: "Take a payment gateway's event, raw and signed",
          response: { 200: webhookAnswer, "4xx": problemSchema },
        },
      },
      async (request, reply) => {
        const { gateway } = shop;
        if (request.params.gateway !== gateway.name) throw notFound("gateway", request.params.gateway);
        const signature = request.headers["webhook-signature"];
        const given = typeof signature === "string" ? signature : undefined;
        const event = gateway.readWebhook(request.body ?? "", given, clock());
        const context = { ...systemContext(clock, `gateway:${gateway.name}`), ...originOf(request) };
        const id = await keepWebhook(shop, event, context);
        void handleWebhook(shop, id, context).catch((error) =>
          request.log.warn({ err: error, webhook: id }, "the webhook is handled later"),
        );
        return reply.code(200).send({ received: true });
      },
    );
  });
}
