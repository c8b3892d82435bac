import type { z } from "zod";
import { expireAll } from "../../../commands/processes/expiry.ts";
import { processOf } from "../../../commands/processes/process.ts";
import { openSku, skuToStock, stockedSku } from "../../../commands/processes/skus.ts";
import { overclaimedOf, type Stock } from "../../../commands/stock/state.ts";
import { stock } from "../../../commands/stock/stock.ts";
import type { CommandContext, Outcome } from "../../engine/write/engine.ts";
import { type Found, foundIn, processContext, type RequestCommand } from "../edge/commands.ts";
import { changedStockAnswer, changedStockOf, staffStockOf, stockAnswer } from "../resources/stock.ts";
import {
  adjustmentBody,
  countBody,
  moveBody,
  noQuery,
  policyBody,
  problemSchema,
  receiptBody,
  skuParams,
} from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { changedStockView, stockView } from "./views.ts";

const describe = (summary: string, status: number, answer: z.ZodType) => ({
  tags: ["stock"],
  summary,
  security: [{ bearer: [] }],
  querystring: noQuery,
  params: skuParams,
  response: { [status]: answer, "4xx": problemSchema },
});

type Respond = (state: Stock, revision: number) => Found<Stock>;
type Run = (context: CommandContext, respond: Respond) => Promise<Outcome<Found<Stock>>>;

/** A command on the stock of one SKU, answered by the stock right after it. */
function stockCommand(
  { runtime }: Deps,
  sku: string,
  status: number,
  run: Run,
  shown: (sku: string, state: Stock) => unknown = (...stock) => changedStockOf(changedStockView(...stock)),
): RequestCommand<Stock> {
  return {
    aim: { decider: stock, id: sku },
    run: async (context) => {
      const found = foundIn(await run(context, (state, revision) => ({ state, revision })));
      // What is promised to more orders than one append can name. What fails here the next command does.
      if (overclaimedOf(found.state) > 0)
        await expireAll(processOf(runtime.shop, sku, processContext(runtime, context)), sku).catch(() => {});
      return found;
    },
    answer: ({ state, ...where }) => ({ status, body: shown(sku, state), ...where }),
  };
}

export function stockCommands(app: App, deps: Deps): void {
  const { runtime, commands } = deps;
  const { engine } = runtime;

  app.post(
    "/v1/stock/:sku/receipts",
    { schema: { ...describe("Receive stock", 201, stockAnswer), body: receiptBody } },
    (request, reply) => {
      const { quantity, reference } = request.body;
      const command = { quantity, ...(reference !== undefined && { reference }) };
      return commands.run(request, reply, async () => {
        const sku = await stockedSku(engine, request.params.sku);
        const run: Run = (context, respond) =>
          engine.execute(stock, sku, "Receive", command, context, respond);
        return stockCommand(deps, sku, 201, run, (...stock) => staffStockOf(stockView(...stock)));
      });
    },
  );

  correcting(app, deps);

  app.put(
    "/v1/stock/:sku/policy",
    {
      schema: { ...describe("Set how a SKU is stocked", 200, changedStockAnswer), body: policyBody },
    },
    (request, reply) => {
      const command = given(request.body);
      return commands.run(request, reply, async () => {
        const sku = await skuToStock(engine, request.params.sku);
        const run: Run = async (context, respond) => {
          await openSku(engine, sku, context);
          return engine.execute(stock, sku, "SetPolicy", command, context, respond);
        };
        return stockCommand(deps, sku, 200, run, (...stock) => {
          const { atRisk, ...shown } = changedStockOf(changedStockView(...stock));
          // What an earlier change has put at risk is not this one's.
          return { ...shown, atRisk: command.counted === undefined ? [] : atRisk };
        });
      });
    },
  );
}

/** Facts, whatever is promised: the answer names the orders that they leave without their pieces. */
function correcting(app: App, deps: Deps): void {
  const { runtime, commands } = deps;
  const { engine } = runtime;

  app.post(
    "/v1/stock/:sku/adjustments",
    { schema: { ...describe("Correct stock", 201, changedStockAnswer), body: adjustmentBody } },
    (request, reply) =>
      commands.run(request, reply, async () => {
        const sku = await stockedSku(engine, request.params.sku);
        const command = { sku, ...request.body };
        return stockCommand(deps, sku, 201, (context, respond) =>
          engine.execute(stock, sku, "Adjust", command, context, respond),
        );
      }),
  );

  app.post(
    "/v1/stock/:sku/counts",
    {
      schema: { ...describe("Say how many pieces were counted", 201, changedStockAnswer), body: countBody },
    },
    (request, reply) => {
      const { counted, reason } = request.body;
      const command = { counted, ...(reason !== undefined && { reason }) };
      return commands.run(request, reply, async () => {
        const sku = await stockedSku(engine, request.params.sku);
        return stockCommand(deps, sku, 201, (context, respond) =>
          engine.execute(stock, sku, "Count", command, context, respond),
        );
      });
    },
  );

  app.post(
    "/v1/stock/:sku/moves",
    {
      schema: {
        ...describe("Move pieces between conditions, or out of the house", 201, changedStockAnswer),
        body: moveBody,
      },
    },
    (request, reply) =>
      commands.run(request, reply, async () => {
        const sku = await stockedSku(engine, request.params.sku);
        const command = { sku, ...request.body };
        return stockCommand(deps, sku, 201, (context, respond) =>
          engine.execute(stock, sku, "Move", command, context, respond),
        );
      }),
  );
}

/** Without the fields that were not sent. */
function given<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
