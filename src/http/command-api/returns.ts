import { order } from "../../../commands/order/order.ts";
import { placedOrder } from "../../../commands/processes/fulfilment.ts";
import type { ProcessContext } from "../../../commands/processes/process.ts";
import { registerReturn, takeReturn } from "../../../commands/processes/returns.ts";
import { refundSteps } from "../../../commands/processes/settle-payment.ts";
import { spelledNames } from "../../../commands/processes/skus.ts";
import { deriveId } from "../../values/ids.ts";
import { requireCurrency } from "../../values/money.ts";
import { Problem } from "../../values/problem.ts";
import {
  emptyBody,
  inspectReturnBody,
  receiveReturnBody,
  rejectReturnBody,
  returnBody,
  returnParams,
} from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { askerOf, describeOrder, orderCommand } from "./orders.ts";

const onReturn = { ...describeOrder("", 200), params: returnParams };

const byCustomer = { security: [{ cartToken: [] }, { bearer: [] }] };

export function returnCommands(app: App, deps: Deps): void {
  announcing(app, deps);
  withdrawing(app, deps);
  decisions(app, deps);
  receiving(app, deps, "receive", "Receive returned goods, inspected or not", receiveReturnBody);
  receiving(app, deps, "inspect", "Record what inspection of returned goods found", inspectReturnBody);
}

/** By staff always, by the customer for a time, who says why. */
function announcing(app: App, deps: Deps): void {
  const { runtime, commands } = deps;
  const { shop } = runtime;

  app.post(
    "/v1/orders/:id/returns",
    {
      schema: {
        ...describeOrder("Register a return; with `sellable`, one that is here and inspected", 201),
        ...byCustomer,
        body: returnBody,
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { byStaff, scope } = await askerOf(deps, request, id);
      if (!byStaff) requireAnnounced(request.body.lines);
      const withinMs = byStaff ? undefined : shop.settings.returnMs;
      return commands.run(
        request,
        reply,
        async (commandId) => {
          const returnId = deriveId(commandId, "return");
          const refunded = refundSteps(await placedOrder(shop, id), returnId);
          return orderCommand(deps, id, commandId, {
            status: 201,
            steps: refunded,
            byGuest: !byStaff,
            run: async (context) => {
              const lines = await spelledNames(shop.engine, request.body.lines);
              await registerReturn(shop, id, { returnId, ...request.body, lines, withinMs }, context);
            },
            extra: { returnId },
          });
        },
        scope,
      );
    },
  );
}

/** @throws Problem forbidden, validation_failed */
function requireAnnounced(
  lines: readonly { reason?: string | undefined; sellable?: number | undefined }[],
): void {
  if (lines.some(({ sellable }) => sellable !== undefined))
    throw new Problem("forbidden", "what comes back is inspected by staff");
  const errors = lines.flatMap(({ reason }, index) =>
    reason === undefined ? [{ path: `lines.${index}.reason`, message: "says why it comes back" }] : [],
  );
  if (errors.length > 0) throw new Problem("validation_failed", "each line has its reason", { errors });
}

function withdrawing(app: App, deps: Deps): void {
  const { runtime, commands } = deps;
  const { engine } = runtime;

  app.post(
    "/v1/orders/:id/returns/:returnId/withdraw",
    {
      schema: {
        ...onReturn,
        ...byCustomer,
        summary: "Withdraw a return of which nothing has come",
        body: emptyBody,
      },
    },
    async (request, reply) => {
      const { id, returnId } = request.params;
      const { byStaff, scope } = await askerOf(deps, request, id);
      return commands.run(
        request,
        reply,
        (commandId) => {
          const run = async ({ clock, ...context }: ProcessContext) => {
            await engine.execute(order, id, "WithdrawReturn", { returnId }, { ...context, now: clock() });
          };
          return orderCommand(deps, id, commandId, {
            status: 200,
            byGuest: !byStaff,
            run,
            extra: { returnId },
          });
        },
        scope,
      );
    },
  );
}

/** Goods that are here; what is not rejected of them is refunded. */
function receiving(
  app: App,
  deps: Deps,
  action: "receive" | "inspect",
  summary: string,
  body: typeof receiveReturnBody | typeof inspectReturnBody,
): void {
  const { runtime, commands } = deps;
  const { shop } = runtime;
  const step = action === "receive" ? "ReceiveReturn" : "InspectReturn";

  app.post(
    `/v1/orders/:id/returns/:returnId/${action}`,
    { schema: { ...onReturn, summary, body } },
    (request, reply) =>
      commands.run(request, reply, async (commandId) => {
        const { id, returnId } = request.params;
        const { lines, refund, fee } = request.body;
        const order = await placedOrder(shop, id);
        const { currency } = order;
        const receiptId = deriveId(commandId, "receipt");
        return orderCommand(deps, id, commandId, {
          status: 200,
          steps: refundSteps(order, receiptId),
          run: async (context) => {
            requireCurrency(fee, currency);
            const named = await spelledNames(shop.engine, lines);
            const received = { returnId, receiptId, lines: named, refund, fee: fee?.amount };
            await takeReturn(shop, id, step, received, context);
          },
          extra: { returnId },
        });
      }),
  );
}

/** What staff says of a return that was asked for. */
function decisions(app: App, deps: Deps): void {
  const { runtime, commands } = deps;
  const { engine } = runtime;

  app.post(
    "/v1/orders/:id/returns/:returnId/approve",
    { schema: { ...onReturn, summary: "Approve a return", body: emptyBody } },
    (request, reply) =>
      commands.run(request, reply, (commandId) => {
        const { id, returnId } = request.params;
        const run = async ({ clock, ...context }: ProcessContext) => {
          await engine.execute(order, id, "ApproveReturn", { returnId }, { ...context, now: clock() });
        };
        return orderCommand(deps, id, commandId, { status: 200, run, extra: { returnId } });
      }),
  );

  app.post(
    "/v1/orders/:id/returns/:returnId/reject",
    { schema: { ...onReturn, summary: "Reject a return", body: rejectReturnBody } },
    (request, reply) =>
      commands.run(request, reply, (commandId) => {
        const { id, returnId } = request.params;
        const { reason } = request.body;
        const run = async ({ clock, ...context }: ProcessContext) => {
          const command = { returnId, reason };
          await engine.execute(order, id, "RejectReturn", command, { ...context, now: clock() });
        };
        return orderCommand(deps, id, commandId, { status: 200, run, extra: { returnId } });
      }),
  );

  app.post(
    "/v1/orders/:id/returns/:returnId/close",
    {
      schema: { ...onReturn, summary: "Close a return of which the rest will not come", body: emptyBody },
    },
    (request, reply) =>
      commands.run(request, reply, (commandId) => {
        const { id, returnId } = request.params;
        const run = async ({ clock, ...context }: ProcessContext) => {
          await engine.execute(order, id, "CloseReturn", { returnId }, { ...context, now: clock() });
        };
        return orderCommand(deps, id, commandId, { status: 200, run, extra: { returnId } });
      }),
  );
}
