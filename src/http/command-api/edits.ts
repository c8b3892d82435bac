import { editOrder, exchangeLines } from "../../../commands/processes/edit-order.ts";
import { placedOrder } from "../../../commands/processes/fulfilment.ts";
import { refundSteps } from "../../../commands/processes/settle-payment.ts";
import { spelledLines, spelledNames } from "../../../commands/processes/skus.ts";
import { deriveId } from "../../values/ids.ts";
import { requireCurrency } from "../../values/money.ts";
import { editBody, exchangeBody } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { describeOrder, orderCommand } from "./orders.ts";

export function editCommands(app: App, deps: Deps): void {
  const { commands, runtime } = deps;
  const { shop } = runtime;

  app.post(
    "/v1/orders/:id/edits",
    {
      schema: { ...describeOrder("Change what has not left: lines, address, method", 201), body: editBody },
    },
    (request, reply) =>
      commands.run(request, reply, async (commandId) => {
        const { id } = request.params;
        const order = await placedOrder(shop, id);
        const editId = deriveId(commandId, "edit");
        return orderCommand(deps, id, commandId, {
          status: 201,
          steps: refundSteps(order, editId),
          run: async (context) => {
            const { add, remove, ...changes } = request.body;
            requireCurrency(changes.acceptedTotal, order.currency);
            const lines = {
              add: add && (await spelledLines(shop.engine, add)),
              remove: remove && (await spelledNames(shop.engine, remove)),
            };
            await editOrder(shop, id, { editId, ...lines, ...changes }, context);
          },
          extra: { editId },
        });
      }),
  );

  app.post(
    "/v1/orders/:id/exchanges",
    {
      schema: {
        ...describeOrder("Send other pieces for some that are to come back", 201),
        body: exchangeBody,
      },
    },
    (request, reply) =>
      commands.run(request, reply, (commandId) => {
        const { id } = request.params;
        const returnId = deriveId(commandId, "return");
        return orderCommand(deps, id, commandId, {
          status: 201,
          run: async (context) => {
            const { returns, adds, advance } = request.body;
            const lines = {
              returns: await spelledNames(shop.engine, returns),
              add: await spelledLines(shop.engine, adds),
            };
            await exchangeLines(shop, id, { returnId, advance, ...lines }, context);
          },
          extra: { returnId },
        });
      }),
  );
}
