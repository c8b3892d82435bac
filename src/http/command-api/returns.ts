import { order } from "../../../commands/order/order.ts";
import type { ProcessContext } from "../../../commands/processes/process.ts";
import { receiveReturn, registerReturn, returnSteps } from "../../../commands/processes/returns.ts";
import { spelledLines } from "../../../commands/processes/skus.ts";
import { deriveId } from "../../values/ids.ts";
import { emptyBody, receiveReturnBody, rejectReturnBody, returnBody, returnParams } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { describeOrder, orderCommand } from "./orders.ts";

const onReturn = { ...describeOrder("", 200), params: returnParams };

export function returnCommands(app: App, deps: Deps): void {
  const { runtime, staffOnly, commands } = deps;
  const { shop } = runtime;

  app.post(
    "/v1/orders/:id/returns",
    {
      ...staffOnly,
      schema: {
        ...describeOrder("Register a return; with `sellable`, one that is here and inspected", 201),
        body: returnBody,
      },
    },
    (request, reply) =>
      commands.run(request, reply, (commandId) => {
        const { id } = request.params;
        const returnId = deriveId(commandId, "return");
        return orderCommand(deps, id, commandId, {
          status: 201,
          steps: returnSteps(id, returnId),
          goesOn: true,
          run: async (context) => {
            const lines = await spelledLines(shop.engine, request.body.lines);
            await registerReturn(shop, id, { returnId, ...request.body, lines }, context);
          },
          extra: { returnId },
        });
      }),
  );

  decisions(app, deps);

  app.post(
    "/v1/orders/:id/returns/:returnId/receive",
    {
      ...staffOnly,
      schema: { ...onReturn, summary: "Receive returned goods as inspected", body: receiveReturnBody },
    },
    (request, reply) =>
      commands.run(request, reply, (commandId) => {
        const { id, returnId } = request.params;
        const { lines } = request.body;
        return orderCommand(deps, id, commandId, {
          status: 200,
          run: async (context) => {
            const spelled = await spelledLines(shop.engine, lines);
            await receiveReturn(shop, id, { returnId, lines: spelled }, context);
          },
          extra: { returnId },
        });
      }),
  );
}

/** What staff says of a return that was asked for. */
function decisions(app: App, deps: Deps): void {
  const { runtime, staffOnly, commands } = deps;
  const { engine } = runtime;

  app.post(
    "/v1/orders/:id/returns/:returnId/approve",
    { ...staffOnly, schema: { ...onReturn, summary: "Approve a return", body: emptyBody } },
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
    { ...staffOnly, schema: { ...onReturn, summary: "Reject a return", body: rejectReturnBody } },
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
}
