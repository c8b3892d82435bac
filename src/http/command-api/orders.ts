import { claim } from "../../../commands/claim/claim.ts";
import { order, type PlacedOrder } from "../../../commands/order/order.ts";
import { type InitiatedPayment, payment } from "../../../commands/payment/payment.ts";
import { runCheckout } from "../../../commands/processes/checkout.ts";
import {
  applyEffects,
  cancelOrder,
  deliverOrder,
  refundOrder,
  shipOrder,
  voidPayment,
} from "../../../commands/processes/fulfilment.ts";
import { capturePayment, resumeRefunds } from "../../../commands/processes/payments.ts";
import { decidingStep, stepContext } from "../../../commands/processes/shop.ts";
import type { CommandContext } from "../../engine/write/engine.ts";
import { deriveId } from "../../values/ids.ts";
import { notFound, Problem } from "../../values/problem.ts";
import { type CommandAnswer, processContext } from "../command.ts";
import {
  cancelBody,
  deliveryBody,
  emptyBody,
  idParams,
  noQuery,
  noteBody,
  orderAnswer,
  paymentAnswer,
  problemSchema,
  receiveReturnBody,
  refundBody,
  rejectReturnBody,
  returnBody,
  returnParams,
  shipmentBody,
} from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { orderView, paymentView } from "./views.ts";

const security = [{ bearer: [] }];

export function orderCommands(app: App, { runtime, auth, staffOnly, commands }: Deps): void {
  const { engine, shop } = runtime;
  const describe = (summary: string, status: number) => ({
    tags: ["orders"],
    summary,
    security,
    querystring: noQuery,
    params: idParams,
    response: { [status]: orderAnswer, "4xx": problemSchema },
  });

  const read = <R>(id: string, select: (state: PlacedOrder, revision: number) => R): Promise<R> =>
    engine.read(order, id, (state, revision) => {
      if (state.phase === "absent") throw notFound("order", id);
      return select(state, revision);
    });
  const answer = async (status: number, id: string, extra: object = {}): Promise<CommandAnswer> => {
    const { body, revision } = await read(id, (state, revision) => ({
      body: orderView(id, state),
      revision,
    }));
    return { status, body: { ...body, ...extra }, revision };
  };

  app.post(
    "/v1/orders/:id/cancel",
    {
      schema: {
        ...describe("Cancel an order", 200),
        security: [{ cartToken: [] }, { bearer: [] }],
        body: cancelBody,
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      // A guest cancels with the token of the cart that became the order.
      if (auth.principal(request).kind !== "staff") {
        const cartId = await read(id, (state) => state.cartId).catch(() => id);
        auth.requireCart(request, cartId);
      }
      return commands.run(request, reply, async (context) => {
        const reason = request.body?.reason ?? "cancelled on request";
        await cancelOrder(shop, id, reason, processContext(runtime, context));
        return answer(200, id);
      });
    },
  );

  app.post(
    "/v1/orders/:id/shipments",
    { ...staffOnly, schema: { ...describe("Ship an order or a part of it", 201), body: shipmentBody } },
    (request, reply) =>
      commands.run(request, reply, async (context) => {
        const { id } = request.params;
        const shipmentId = deriveId(context.commandId, "shipment");
        const { lines, carrier, trackingNumber } = request.body ?? {};
        const shipment = {
          shipmentId,
          ...(lines && { lines }),
          ...(carrier !== undefined && { carrier }),
          ...(trackingNumber !== undefined && { trackingNumber }),
        };
        await shipOrder(shop, id, shipment, processContext(runtime, context));
        return answer(201, id, { shipmentId });
      }),
  );

  app.post(
    "/v1/orders/:id/deliveries",
    { ...staffOnly, schema: { ...describe("Record that shipments arrived", 201), body: deliveryBody } },
    (request, reply) =>
      commands.run(request, reply, async (context) => {
        const { id } = request.params;
        await deliverOrder(shop, id, request.body?.shipmentId, processContext(runtime, context));
        return answer(201, id);
      }),
  );

  app.post(
    "/v1/orders/:id/refunds",
    { ...staffOnly, schema: { ...describe("Give money back", 201), body: refundBody } },
    (request, reply) =>
      commands.run(request, reply, async (context) => {
        const { id } = request.params;
        const { amount, reason } = request.body;
        const { currency, revision } = await read(id, ({ currency }, revision) => ({ currency, revision }));
        requireRevision(context, revision);
        if (amount && amount.currency !== currency)
          throw new Problem(
            "currency_mismatch",
            `the order was paid in ${currency}, not in ${amount.currency}`,
          );
        const refundId = deriveId(context.commandId, "refund");
        const refund = {
          refundId,
          reason,
          cause: "goodwill" as const,
          ...(amount && { amount: amount.amount }),
        };
        await refundOrder(shop, id, refund, processContext(runtime, context));
        return answer(201, id, { refundId });
      }),
  );

  app.post(
    "/v1/orders/:id/notes",
    { ...staffOnly, schema: { ...describe("Add a note", 201), body: noteBody } },
    (request, reply) =>
      commands.run(request, reply, async (context) => {
        const { id } = request.params;
        await engine.execute(order, id, "AddNote", request.body, context);
        return answer(201, id);
      }),
  );

  returnCommands(app, { staffOnly, describe, answer });

  function returnCommands(
    app: App,
    shared: { staffOnly: typeof staffOnly; describe: typeof describe; answer: typeof answer },
  ): void {
    const { staffOnly, describe, answer } = shared;

    app.post(
      "/v1/orders/:id/returns",
      {
        ...staffOnly,
        schema: {
          ...describe("Register a return; with `sellable`, one that is here and inspected", 201),
          body: returnBody,
        },
      },
      (request, reply) =>
        commands.run(request, reply, async (context) => {
          const { id } = request.params;
          const { lines, reason } = request.body;
          const returnId = deriveId(context.commandId, "return");
          const process = processContext(runtime, context);
          // Before anything is registered: a refused request leaves nothing behind.
          const isHere = lines.some(({ sellable }) => sellable !== undefined);
          const found = isHere ? inspected(lines) : [];
          const command = { returnId, lines, ...(reason !== undefined && { reason }) };
          const step = decidingStep(process, id, "return", returnId);
          await engine.execute(order, id, "RequestReturn", command, step);
          if (!isHere) return answer(201, id, { returnId });
          await engine.execute(
            order,
            id,
            "ApproveReturn",
            { returnId },
            stepContext(process, id, "approve", returnId),
          );
          const received = { returnId, lines: found };
          await engine.execute(
            order,
            id,
            "ReceiveReturn",
            received,
            stepContext(process, id, "receive", returnId),
          );
          await applyEffects(shop, id, process);
          return answer(201, id, { returnId });
        }),
    );

    const onReturn = { ...describe("", 200), params: returnParams };

    app.post(
      "/v1/orders/:id/returns/:returnId/approve",
      { ...staffOnly, schema: { ...onReturn, summary: "Approve a return", body: emptyBody } },
      (request, reply) =>
        commands.run(request, reply, async (context) => {
          const { id, returnId } = request.params;
          await engine.execute(order, id, "ApproveReturn", { returnId }, context);
          return answer(200, id, { returnId });
        }),
    );

    app.post(
      "/v1/orders/:id/returns/:returnId/reject",
      { ...staffOnly, schema: { ...onReturn, summary: "Reject a return", body: rejectReturnBody } },
      (request, reply) =>
        commands.run(request, reply, async (context) => {
          const { id, returnId } = request.params;
          const { reason } = request.body;
          await engine.execute(order, id, "RejectReturn", { returnId, reason }, context);
          return answer(200, id, { returnId });
        }),
    );

    app.post(
      "/v1/orders/:id/returns/:returnId/receive",
      {
        ...staffOnly,
        schema: { ...onReturn, summary: "Receive returned goods as inspected", body: receiveReturnBody },
      },
      (request, reply) =>
        commands.run(request, reply, async (context) => {
          const { id, returnId } = request.params;
          const { lines } = request.body;
          await engine.execute(order, id, "ReceiveReturn", { returnId, lines }, context);
          await applyEffects(shop, id, processContext(runtime, context));
          return answer(200, id, { returnId });
        }),
    );
  }
}

/** What is not sellable of a returned line is damaged. */
function inspected(lines: readonly { sku: string; quantity: number; sellable?: number | undefined }[]) {
  const bySku = new Map<string, { sku: string; sellable: number; damaged: number }>();
  for (const { sku, quantity, sellable = 0 } of lines) {
    if (sellable > quantity)
      throw new Problem("validation_failed", `of ${quantity} of ${sku}, ${sellable} cannot be sellable`, {
        errors: [{ path: "lines", message: `sellable of ${sku} is at most its quantity` }],
      });
    const found = bySku.get(sku) ?? { sku, sellable: 0, damaged: 0 };
    found.sellable += sellable;
    found.damaged += quantity - sellable;
    bySku.set(sku, found);
  }
  return [...bySku.values()];
}

function requireRevision({ expectedRevision }: CommandContext, revision: number): void {
  if (expectedRevision !== undefined && expectedRevision !== revision)
    throw new Problem("revision_mismatch", `expected revision ${expectedRevision}, it is at ${revision}`, {
      revision,
    });
}

export function paymentCommands(app: App, { runtime, staffOnly, commands }: Deps): void {
  const { engine, shop, clock } = runtime;
  const describe = (summary: string) => ({
    tags: ["payments"],
    summary,
    security,
    querystring: noQuery,
    params: idParams,
    body: emptyBody,
    response: { 200: paymentAnswer, "4xx": problemSchema },
  });
  const read = <R>(id: string, select: (state: InitiatedPayment, revision: number) => R): Promise<R> =>
    engine.read(payment, id, (state, revision) => {
      if (state.phase === "absent") throw notFound("payment", id);
      return select(state, revision);
    });
  const answer = async (id: string): Promise<CommandAnswer> => {
    const { body, revision } = await read(id, (state, revision) => ({
      body: paymentView(id, state),
      revision,
    }));
    return { status: 200, body, revision };
  };

  app.post(
    "/v1/payments/:id/capture",
    { ...staffOnly, schema: describe("Capture a payment, or book a transfer that came in") },
    (request, reply) =>
      commands.run(request, reply, async (context) => {
        const { id } = request.params;
        requireRevision(context, await read(id, (_, revision) => revision));
        const captured = await capturePayment(shop, id, processContext(runtime, context));
        if (!captured) throw new Problem("payment_declined", "the gateway did not capture the payment");
        return answer(id);
      }),
  );

  app.post(
    "/v1/payments/:id/void",
    { ...staffOnly, schema: describe("Give an authorization back and cancel its order") },
    (request, reply) =>
      commands.run(request, reply, async (context) => {
        const { id } = request.params;
        requireRevision(context, await read(id, (_, revision) => revision));
        const { expectedRevision: _, ...unconditional } = context;
        await voidPayment(shop, id, "voided by staff", processContext(runtime, unconditional));
        return answer(id);
      }),
  );

  app.register(async (scope) => {
    // The signature is over the bytes as they were sent.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
    scope.post<{ Params: { gateway: string }; Body: string }>(
      "/v1/webhooks/:gateway",
      { schema: { tags: ["payments"], summary: "Take a payment gateway's event, raw and signed" } },
      async (request, reply) => {
        if (request.params.gateway !== shop.gateway.name) throw notFound("gateway", request.params.gateway);
        const signature = request.headers["webhook-signature"];
        const event = shop.gateway.readWebhook(
          request.body ?? "",
          typeof signature === "string" ? signature : undefined,
          clock(),
        );
        const context = {
          clock,
          actor: `gateway:${shop.gateway.name}`,
          correlationId: request.id,
          causationId: event.id,
        };
        const orderId = await read(event.paymentId, (state) => state.orderId);
        // One event of the gateway is about one payment: the claim is the first thing that is written.
        await engine.execute(
          claim,
          `webhook-${shop.gateway.name}/${event.id}`,
          "Claim",
          { holder: event.paymentId },
          stepContext(context, "webhook claim", event.id, event.paymentId),
        );
        const step = stepContext(context, "webhook", event.id, event.paymentId);
        if (event.outcome.status === "authorized") {
          const { reference } = event.outcome;
          await engine.execute(payment, event.paymentId, "Authorize", { reference }, step);
        } else {
          const { reason } = event.outcome;
          await engine.execute(payment, event.paymentId, "Fail", { reason }, step);
        }
        // The event is on the log; what follows is done now, or when it is found unfinished.
        void resumeRefunds(shop, event.paymentId, context)
          .then(() => cartOf(orderId))
          .then((cartId) => runCheckout(shop, cartId, context))
          .catch((error) => request.log.warn({ err: error, orderId }, "the checkout goes on later"));
        return reply.code(200).send({ received: true });
      },
    );
  });

  function cartOf(orderId: string): Promise<string> {
    return engine.read(order, orderId, (state) => {
      if (state.phase === "absent") throw notFound("order", orderId);
      return state.cartId;
    });
  }
}
