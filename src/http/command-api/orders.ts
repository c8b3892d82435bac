import type { FastifyRequest } from "fastify";
import { cancellationRefund } from "../../../commands/order/book.ts";
import { order } from "../../../commands/order/order.ts";
import type { Order, PlacedOrder } from "../../../commands/order/state.ts";
import { applyEffects } from "../../../commands/processes/effects.ts";
import { cancelOrder, deliverOrder, placedOrder, shipOrder } from "../../../commands/processes/fulfilment.ts";
import type { ProcessContext } from "../../../commands/processes/process.ts";
import { paidStep, refundSteps } from "../../../commands/processes/settle-payment.ts";
import { spelledNames } from "../../../commands/processes/skus.ts";
import { deriveId } from "../../values/ids.ts";
import { requireCurrency } from "../../values/money.ts";
import { notFound, Problem } from "../../values/problem.ts";
import { processContext, type RequestCommand } from "../edge/commands.ts";
import { guestOrderAnswerOf, orderAnswer, staffOrderAnswerOf } from "../resources/orders.ts";
import {
  cancelBody,
  deliveryBody,
  idParams,
  noQuery,
  noteBody,
  problemSchema,
  shipmentBody,
} from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { orderView } from "./views.ts";

const security = [{ bearer: [] }];

export const describeOrder = (summary: string, status: number) => ({
  tags: ["orders"],
  summary,
  security,
  querystring: noQuery,
  params: idParams,
  response: { [status]: orderAnswer, "4xx": problemSchema },
});

interface OrderCommand {
  status: number;
  /** Beside the command's own: what its answer waits for on the order's stream. */
  steps?: string[];
  run: (context: ProcessContext) => Promise<void>;
  /** Commands that follow from what it has done, and that its answer waits for. */
  follow?: (state: PlacedOrder) => string[];
  /** Asked for by its customer, who is told what a customer may know. */
  byGuest?: boolean;
  /** Members of the answer beside the order's. */
  extra?: { shipmentId?: string; returnId?: string; editId?: string };
}

/**
 * A command that is decided on an order's stream, and answered by the order right after it. What it started
 * elsewhere is finished before, should a crash have left it open.
 */
export function orderCommand(
  { runtime }: Deps,
  id: string,
  commandId: string,
  { status, steps = [], run, follow, byGuest = false, extra = {} }: OrderCommand,
): RequestCommand<Order> {
  const { engine } = runtime.shop;
  const all = [commandId, ...steps];
  return {
    aim: { decider: order, id },
    steps: all,
    run: async (context) => {
      await run(processContext(runtime, context));
      return undefined;
    },
    answer: async (found, context) => {
      const process = processContext(runtime, context);
      await applyEffects(runtime.shop, id, process);
      const following = follow?.(placed(id, found.state)) ?? [];
      const { state, revision } =
        following.length > 0 ? ((await engine.find(order, id, following, found.revision)) ?? found) : found;
      const body = { ...orderView(id, placed(id, state)), ...extra };
      return { status, body: byGuest ? guestOrderAnswerOf(body) : staffOrderAnswerOf(body), revision };
    },
  };
}

export function placed(id: string, state: Order): PlacedOrder {
  if (state.phase !== "placed") throw notFound("order", id);
  return state;
}

export function orderCommands(app: App, deps: Deps): void {
  const { runtime, commands } = deps;
  const { shop } = runtime;

  cancelling(app, deps);

  app.post(
    "/v1/orders/:id/shipments",
    { schema: { ...describeOrder("Ship an order or a part of it", 201), body: shipmentBody } },
    (request, reply) =>
      commands.run(request, reply, (commandId) => {
        const { id } = request.params;
        const shipmentId = deriveId(commandId, "shipment");
        const { lines, carrier, trackingNumber } = request.body ?? {};
        const shipment = {
          shipmentId,
          ...(carrier !== undefined && { carrier }),
          ...(trackingNumber !== undefined && { trackingNumber }),
        };
        const run = async (context: ProcessContext) => {
          const spelled = lines && { lines: await spelledNames(shop.engine, lines) };
          await shipOrder(shop, id, { ...shipment, ...spelled }, context);
        };
        return orderCommand(deps, id, commandId, { status: 201, run, extra: { shipmentId } });
      }),
  );

  app.post(
    "/v1/orders/:id/deliveries",
    { schema: { ...describeOrder("Record that shipments arrived", 201), body: deliveryBody } },
    (request, reply) =>
      commands.run(request, reply, async (commandId) => {
        const { id } = request.params;
        const { currency } = await placedOrder(shop, id);
        return orderCommand(deps, id, commandId, {
          status: 201,
          follow: ({ openEffects, paymentId }) =>
            [...openEffects]
              .filter((of) => of.startsWith("cash/"))
              .map((of) => paidStep(paymentId, of.slice("cash/".length))),
          run: async (context) => {
            const { shipmentId, lines, cash } = request.body ?? {};
            requireCurrency(cash, currency);
            const named = lines && (await spelledNames(shop.engine, lines));
            await deliverOrder(shop, id, { shipmentId, lines: named, cash: cash?.amount }, context);
          },
        });
      }),
  );

  notes(app, deps);
}

/**
 * Who asks something of an order: staff, or the guest with the token of the cart that became it.
 * @throws Problem unauthorized, forbidden
 */
export async function askerOf(
  { runtime, auth }: Deps,
  request: FastifyRequest,
  id: string,
): Promise<{ byStaff: boolean; scope: { cartId?: string } }> {
  if (auth.principal(request).kind === "staff") return { byStaff: true, scope: {} };
  const { cartId } = await placedOrder(runtime.shop, id).catch(() => ({ cartId: id }));
  await auth.requireCart(request, cartId, { what: "order", id });
  return { byStaff: false, scope: { cartId } };
}

/** By staff, or by the guest with the token of the cart that became the order. */
function cancelling(app: App, deps: Deps): void {
  const { runtime, commands } = deps;
  const { shop } = runtime;

  app.post(
    "/v1/orders/:id/cancel",
    {
      schema: {
        ...describeOrder("Cancel an order", 200),
        security: [{ cartToken: [] }, { bearer: [] }],
        body: cancelBody,
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { byStaff, scope } = await askerOf(deps, request, id);
      const { reason = "cancelled on request", lines, credit } = request.body ?? {};
      if (!byStaff && (lines || credit))
        throw new Problem("forbidden", "an order is cancelled in parts, or without its money, by staff");
      return commands.run(
        request,
        reply,
        async (commandId) => {
          const order = await placedOrder(shop, id);
          const cancelId = deriveId(commandId, "cancel");
          return orderCommand(deps, id, commandId, {
            status: 200,
            byGuest: !byStaff,
            steps: refundSteps(order, cancellationRefund(id), cancelId),
            run: async (context) => {
              const named = lines && { lines: await spelledNames(shop.engine, lines) };
              const whole = !byStaff && { whole: true as const };
              await cancelOrder(shop, id, { cancelId, reason, credit, ...named, ...whole }, context);
            },
          });
        },
        scope,
      );
    },
  );
}

function notes(app: App, deps: Deps): void {
  const { runtime, commands } = deps;
  const { engine } = runtime;

  app.post(
    "/v1/orders/:id/notes",
    { schema: { ...describeOrder("Add a note", 201), body: noteBody } },
    (request, reply) =>
      commands.run(request, reply, (commandId) => {
        const { id } = request.params;
        return orderCommand(deps, id, commandId, {
          status: 201,
          run: async ({ clock, ...context }) => {
            await engine.execute(order, id, "AddNote", request.body, { ...context, now: clock() });
          },
        });
      }),
  );
}
