import type { z } from "zod";
import {
  addVariants,
  addVariantsStep,
  createProduct,
  createStep,
  describeProduct,
  describeStep,
  productIdOf,
} from "../../../commands/processes/listing.ts";
import { openSku, skuToStock, spellingOf, stockedSku } from "../../../commands/processes/skus.ts";
import {
  newProductSchema,
  priceChangeSchema,
  productChangesSchema,
  variantSchema,
} from "../../../commands/product/fields.ts";
import { type ProductState, product } from "../../../commands/product/product.ts";
import type { Stock } from "../../../commands/stock/state.ts";
import { stock } from "../../../commands/stock/stock.ts";
import type { CommandContext, Outcome } from "../../engine/write/engine.ts";
import type { Money } from "../../values/money.ts";
import { notFound } from "../../values/problem.ts";
import { type Found, foundIn, type RequestCommand } from "../edge/commands.ts";
import { invalid } from "../problems.ts";
import { productSummary, productSummaryOf } from "../resources/products.ts";
import { staffStockOf, stockAnswer } from "../resources/stock.ts";
import {
  adjustmentBody,
  emptyBody,
  idAndSkuParams,
  idParams,
  noQuery,
  policyBody,
  problemSchema,
  receiptBody,
  skuParams,
} from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { stockView } from "./views.ts";

const security = [{ bearer: [] }];

const tag = (of: string, summary: string, status: number, answer: z.ZodType) => ({
  tags: [of],
  summary,
  security,
  querystring: noQuery,
  response: { [status]: answer, "4xx": problemSchema },
});
const describe = (summary: string, status: number) => tag("products", summary, status, productSummary);

/** A shop sells in one currency: sums over others would mean nothing. */
function requireCurrency({ runtime }: Deps, prices: readonly { path: string; price: Money }[]): void {
  const currency = runtime.config.STORE_CURRENCY;
  const foreign = prices.filter(({ price }) => price.currency !== currency);
  if (foreign.length > 0)
    throw invalid(
      foreign.map(({ path }) => ({ path: `${path}.currency`, message: `this shop sells in ${currency}` })),
    );
}

type Respond<State> = (state: State, revision: number) => Found<State>;

/** A command on one product, answered by its summary right after it. */
function productCommand(
  id: string,
  status: number,
  run: (context: CommandContext, respond: Respond<ProductState>) => Promise<Outcome<Found<ProductState>>>,
  { step, extra = {} }: { step?: string; extra?: { sku?: string; price?: Money } } = {},
): RequestCommand<ProductState> {
  return {
    aim: { decider: product, id },
    ...(step !== undefined && { steps: [step] }),
    run: async (context) => {
      return foundIn(await run(context, (state, revision) => ({ state, revision })));
    },
    answer: ({ state, ...where }) => {
      if (!state.exists) throw notFound("product", id);
      const summary = { id, slug: state.slug, status: state.status, ...extra };
      return { status, body: productSummaryOf(summary), ...where };
    },
  };
}

export function productCommands(app: App, deps: Deps): void {
  const { runtime, staffOnly, commands } = deps;
  const { engine } = runtime;

  app.post(
    "/v1/products",
    { ...staffOnly, schema: { ...describe("Create a product", 201), body: newProductSchema } },
    (request, reply) => {
      const { variants } = request.body;
      requireCurrency(
        deps,
        variants.map(({ price }, index) => ({ path: `variants.${index}.price`, price })),
      );
      return commands.run(request, reply, (commandId) =>
        productCommand(
          productIdOf(commandId),
          201,
          (context, respond) => createProduct(engine, context, request.body, respond),
          { step: createStep(commandId) },
        ),
      );
    },
  );

  app.patch(
    "/v1/products/:id",
    {
      ...staffOnly,
      schema: {
        ...describe("Change what describes a product", 200),
        params: idParams,
        body: productChangesSchema,
      },
    },
    (request, reply) => {
      const { id } = request.params;
      return commands.run(request, reply, (commandId) =>
        productCommand(
          id,
          200,
          (context, respond) => describeProduct(engine, context, id, request.body, respond),
          { step: describeStep(commandId) },
        ),
      );
    },
  );

  app.post(
    "/v1/products/:id/variants",
    { ...staffOnly, schema: { ...describe("Add a variant", 200), params: idParams, body: variantSchema } },
    (request, reply) => {
      const { id } = request.params;
      requireCurrency(deps, [{ path: "price", price: request.body.price }]);
      return commands.run(request, reply, (commandId) =>
        productCommand(
          id,
          200,
          (context, respond) => addVariants(engine, context, id, [request.body], respond),
          { step: addVariantsStep(commandId) },
        ),
      );
    },
  );

  pricing(app, deps);
  publishing(app, deps);
}

function pricing(app: App, deps: Deps): void {
  const { runtime, staffOnly, commands } = deps;
  const { engine } = runtime;

  app.put(
    "/v1/products/:id/variants/:sku/price",
    {
      ...staffOnly,
      schema: { ...describe("Set a price", 200), params: idAndSkuParams, body: priceChangeSchema },
    },
    (request, reply) => {
      const { id, sku } = request.params;
      const { price, compareAtPrice } = request.body;
      requireCurrency(deps, [{ path: "price", price }]);
      return commands.run(request, reply, async () => {
        const known = await spellingOf(engine, sku);
        const command = { sku: known, price, ...(compareAtPrice && { compareAtPrice }) };
        return productCommand(
          id,
          200,
          (context, respond) => engine.execute(product, id, "Reprice", command, context, respond),
          { extra: { sku: known, price } },
        );
      });
    },
  );
}

function publishing(app: App, { runtime, staffOnly, commands }: Deps): void {
  const { engine } = runtime;

  for (const [path, name] of [
    ["publish", "Publish"],
    ["archive", "Archive"],
  ] as const) {
    app.post(
      `/v1/products/:id/${path}`,
      { ...staffOnly, schema: { ...describe(`${name} a product`, 200), params: idParams, body: emptyBody } },
      (request, reply) => {
        const { id } = request.params;
        return commands.run(request, reply, () =>
          productCommand(id, 200, (context, respond) =>
            engine.execute(product, id, name, {}, context, respond),
          ),
        );
      },
    );
  }
}

const describeStock = (summary: string, status: number) => ({
  ...tag("stock", summary, status, stockAnswer),
  params: skuParams,
});

/** A command on the stock of one SKU, answered by the stock right after it. */
function stockCommand(
  sku: string,
  status: number,
  run: (context: CommandContext, respond: Respond<Stock>) => Promise<Outcome<Found<Stock>>>,
): RequestCommand<Stock> {
  return {
    aim: { decider: stock, id: sku },
    run: async (context) => {
      return foundIn(await run(context, (state, revision) => ({ state, revision })));
    },
    answer: ({ state, ...where }) => ({ status, body: staffStockOf(stockView(sku, state)), ...where }),
  };
}

export function stockCommands(app: App, { runtime, staffOnly, commands }: Deps): void {
  const { engine } = runtime;

  app.post(
    "/v1/stock/:sku/receipts",
    { ...staffOnly, schema: { ...describeStock("Receive stock", 201), body: receiptBody } },
    (request, reply) => {
      const { quantity, reference } = request.body;
      const command = { quantity, ...(reference !== undefined && { reference }) };
      return commands.run(request, reply, async () => {
        const sku = await stockedSku(engine, request.params.sku);
        return stockCommand(sku, 201, (context, respond) =>
          engine.execute(stock, sku, "Receive", command, context, respond),
        );
      });
    },
  );

  app.post(
    "/v1/stock/:sku/adjustments",
    { ...staffOnly, schema: { ...describeStock("Correct stock", 201), body: adjustmentBody } },
    (request, reply) =>
      commands.run(request, reply, async () => {
        const sku = await stockedSku(engine, request.params.sku);
        const command = { sku, ...request.body };
        return stockCommand(sku, 201, (context, respond) =>
          engine.execute(stock, sku, "Adjust", command, context, respond),
        );
      }),
  );

  app.put(
    "/v1/stock/:sku/policy",
    { ...staffOnly, schema: { ...describeStock("Set how a SKU is stocked", 200), body: policyBody } },
    (request, reply) => {
      const command = given(request.body);
      return commands.run(request, reply, async () => {
        const sku = await skuToStock(engine, request.params.sku);
        return stockCommand(sku, 200, async (context, respond) => {
          await openSku(engine, sku, context);
          return engine.execute(stock, sku, "SetPolicy", command, context, respond);
        });
      });
    },
  );
}

/** Without the fields that were not sent. */
function given<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
