import { order } from "../../../commands/order/order.ts";
import type { ProcessContext } from "../../../commands/processes/process.ts";
import { spelledNames } from "../../../commands/processes/skus.ts";
import { deriveId } from "../../values/ids.ts";
import { failureBody, reshipmentBody, shipmentParams, shipmentReturnBody } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { describeOrder, orderCommand } from "./orders.ts";

const onShipment = { ...describeOrder("", 201), params: shipmentParams };

/** What becomes of parcels that do not arrive. */
export function shipmentCommands(app: App, deps: Deps): void {
  const { runtime, commands } = deps;
  const { engine } = runtime.shop;

  app.post(
    "/v1/orders/:id/shipments/:shipmentId/failures",
    {
      schema: { ...onShipment, summary: "Record that a shipment came to nothing", body: failureBody },
    },
    (request, reply) =>
      commands.run(request, reply, (commandId) => {
        const { id, shipmentId } = request.params;
        const run = async ({ clock, ...context }: ProcessContext) => {
          const { outcome, lines } = request.body;
          const named = lines && (await spelledNames(engine, lines));
          const command = { shipmentId, outcome, lines: named };
          await engine.execute(order, id, "FailDelivery", command, { ...context, now: clock() });
        };
        return orderCommand(deps, id, commandId, { status: 201, run, extra: { shipmentId } });
      }),
  );

  app.post(
    "/v1/orders/:id/shipments/:shipmentId/returns",
    {
      schema: {
        ...onShipment,
        summary: "Take back what came to nothing, inspected",
        body: shipmentReturnBody,
      },
    },
    (request, reply) =>
      commands.run(request, reply, (commandId) => {
        const { id, shipmentId } = request.params;
        const run = async ({ clock, ...context }: ProcessContext) => {
          const lines = await spelledNames(engine, request.body.lines);
          const command = { shipmentId, backId: deriveId(commandId, "back"), lines };
          await engine.execute(order, id, "TakeBack", command, { ...context, now: clock() });
        };
        return orderCommand(deps, id, commandId, { status: 201, run, extra: { shipmentId } });
      }),
  );

  app.post(
    "/v1/orders/:id/reshipments",
    {
      schema: { ...describeOrder("Send once more what came to nothing", 201), body: reshipmentBody },
    },
    (request, reply) =>
      commands.run(request, reply, (commandId) => {
        const { id } = request.params;
        const run = async ({ clock, ...context }: ProcessContext) => {
          const lines = await spelledNames(engine, request.body.lines);
          const command = { reshipmentId: deriveId(commandId, "reshipment"), lines };
          await engine.execute(order, id, "Reship", command, { ...context, now: clock() });
        };
        return orderCommand(deps, id, commandId, { status: 201, run });
      }),
  );
}
