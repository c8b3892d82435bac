import {
  addVariants,
  addVariantsStep,
  createProduct,
  createStep,
  describeProduct,
  describeStep,
  productIdOf,
} from "../../../commands/processes/listing.ts";
import { spellingOf } from "../../../commands/processes/skus.ts";
import {
  newProductSchema,
  priceChangeSchema,
  productChangesSchema,
  variantChangesSchema,
  variantSchema,
} from "../../../commands/product/fields.ts";
import { type ProductState, product } from "../../../commands/product/product.ts";
import type { CommandContext, Outcome } from "../../engine/write/engine.ts";
import type { Money } from "../../values/money.ts";
import { notFound } from "../../values/problem.ts";
import { type Found, foundIn, type RequestCommand } from "../edge/commands.ts";
import { invalid } from "../problems.ts";
import { productSummary, productSummaryOf } from "../resources/products.ts";
import { emptyBody, idAndSkuParams, idParams, noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";

const security = [{ bearer: [] }];

const describe = (summary: string, status: number) => ({
  tags: ["products"],
  summary,
  security,
  querystring: noQuery,
  response: { [status]: productSummary, "4xx": problemSchema },
});

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
  const { runtime, commands } = deps;
  const { engine } = runtime;

  app.post(
    "/v1/products",
    { schema: { ...describe("Create a product", 201), body: newProductSchema } },
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
    { schema: { ...describe("Add a variant", 200), params: idParams, body: variantSchema } },
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

  variantChanges(app, deps);
  pricing(app, deps);
  publishing(app, deps);
}

function variantChanges(app: App, { runtime: { engine }, commands }: Deps): void {
  app.patch(
    "/v1/products/:id/variants/:sku",
    {
      schema: { ...describe("Change a variant", 200), params: idAndSkuParams, body: variantChangesSchema },
    },
    (request, reply) => {
      const { id, sku } = request.params;
      return commands.run(request, reply, async () => {
        const command = { ...request.body, sku: await spellingOf(engine, sku) };
        return productCommand(
          id,
          200,
          (context, respond) => engine.execute(product, id, "ChangeVariant", command, context, respond),
          { extra: { sku: command.sku } },
        );
      });
    },
  );

  app.delete(
    "/v1/products/:id/variants/:sku",
    {
      schema: {
        ...describe("Retire a variant: it is not for sale any more", 200),
        params: idAndSkuParams,
      },
    },
    (request, reply) => {
      const { id, sku } = request.params;
      return commands.run(request, reply, async () => {
        const command = { sku: await spellingOf(engine, sku) };
        return productCommand(
          id,
          200,
          (context, respond) => engine.execute(product, id, "RetireVariant", command, context, respond),
          { extra: command },
        );
      });
    },
  );
}

function pricing(app: App, deps: Deps): void {
  const { runtime, commands } = deps;
  const { engine } = runtime;

  app.put(
    "/v1/products/:id/variants/:sku/price",
    {
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

function publishing(app: App, { runtime, commands }: Deps): void {
  const { engine } = runtime;

  for (const [path, name] of [
    ["publish", "Publish"],
    ["archive", "Archive"],
  ] as const) {
    app.post(
      `/v1/products/:id/${path}`,
      { schema: { ...describe(`${name} a product`, 200), params: idParams, body: emptyBody } },
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
