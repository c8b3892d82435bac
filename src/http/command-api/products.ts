import { addVariants, createProduct, describeProduct } from "../../../commands/processes/listing.ts";
import {
  newProductSchema,
  priceChangeSchema,
  productChangesSchema,
  variantSchema,
} from "../../../commands/product/fields.ts";
import { type ProductState, product } from "../../../commands/product/product.ts";
import { stock } from "../../../commands/stock/stock.ts";
import type { Money } from "../../values/money.ts";
import { notFound } from "../../values/problem.ts";
import { invalid } from "../problems.ts";
import {
  adjustmentBody,
  emptyBody,
  idAndSkuParams,
  idParams,
  noQuery,
  policyBody,
  problemSchema,
  productAnswer,
  receiptBody,
  skuParams,
  stockAnswer,
} from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { stockView } from "./views.ts";

const security = [{ bearer: [] }];

export function productCommands(app: App, { runtime, staffOnly, commands }: Deps): void {
  const { engine, config } = runtime;
  /** A shop sells in one currency: sums over others would mean nothing. */
  const requireCurrency = (prices: readonly { path: string; price: Money }[]) => {
    const currency = config.STORE_CURRENCY;
    const foreign = prices.filter(({ price }) => price.currency !== currency);
    if (foreign.length > 0)
      throw invalid(
        foreign.map(({ path }) => ({ path: `${path}.currency`, message: `this shop sells in ${currency}` })),
      );
  };
  const describe = (summary: string, status: number) => ({
    tags: ["products"],
    summary,
    security,
    querystring: noQuery,
    response: { [status]: productAnswer, "4xx": problemSchema },
  });
  const summary = (id: string) => (state: ProductState) => {
    if (!state.exists) throw notFound("product", id);
    return { id, slug: state.slug, status: state.status };
  };

  app.post(
    "/v1/products",
    { ...staffOnly, schema: { ...describe("Create a product", 201), body: newProductSchema } },
    (request, reply) =>
      commands.run(request, reply, async (context) => {
        const { variants } = request.body;
        requireCurrency(variants.map(({ price }, index) => ({ path: `variants.${index}.price`, price })));
        const { result, revision, position } = await createProduct(engine, context, request.body);
        return { status: 201, body: result, revision, position };
      }),
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
    (request, reply) =>
      commands.run(request, reply, async (context) => {
        const { result, revision, position } = await describeProduct(
          engine,
          context,
          request.params.id,
          request.body,
        );
        return { status: 200, body: result, revision, position };
      }),
  );

  app.post(
    "/v1/products/:id/variants",
    { ...staffOnly, schema: { ...describe("Add a variant", 200), params: idParams, body: variantSchema } },
    (request, reply) =>
      commands.run(request, reply, async (context) => {
        requireCurrency([{ path: "price", price: request.body.price }]);
        const { result, revision, position } = await addVariants(engine, context, request.params.id, [
          request.body,
        ]);
        return { status: 200, body: result, revision, position };
      }),
  );

  app.put(
    "/v1/products/:id/variants/:sku/price",
    {
      ...staffOnly,
      schema: { ...describe("Set a price", 200), params: idAndSkuParams, body: priceChangeSchema },
    },
    (request, reply) =>
      commands.run(request, reply, async (context) => {
        const { id, sku } = request.params;
        const { price, compareAtPrice } = request.body;
        requireCurrency([{ path: "price", price }]);
        const command = { sku, price, ...(compareAtPrice && { compareAtPrice }) };
        const outcome = await engine.execute(product, id, "Reprice", command, context, summary(id));
        return { status: 200, body: { ...outcome.result, sku, price }, ...positionOf(outcome) };
      }),
  );

  for (const [path, name] of [
    ["publish", "Publish"],
    ["archive", "Archive"],
  ] as const) {
    app.post(
      `/v1/products/:id/${path}`,
      { ...staffOnly, schema: { ...describe(`${name} a product`, 200), params: idParams, body: emptyBody } },
      (request, reply) =>
        commands.run(request, reply, async (context) => {
          const { id } = request.params;
          const outcome = await engine.execute(product, id, name, {}, context, summary(id));
          return { status: 200, body: outcome.result, ...positionOf(outcome) };
        }),
    );
  }
}

export function stockCommands(app: App, { runtime, staffOnly, commands }: Deps): void {
  const { engine } = runtime;
  const describe = (summary: string, status: number) => ({
    tags: ["stock"],
    summary,
    security,
    querystring: noQuery,
    params: skuParams,
    response: { [status]: stockAnswer, "4xx": problemSchema },
  });

  app.post(
    "/v1/stock/:sku/receipts",
    { ...staffOnly, schema: { ...describe("Receive stock", 201), body: receiptBody } },
    (request, reply) =>
      commands.run(request, reply, async (context) => {
        const { sku } = request.params;
        const { quantity, reference } = request.body;
        const command = { quantity, ...(reference !== undefined && { reference }) };
        const outcome = await engine.execute(stock, sku, "Receive", command, context, (state) =>
          stockView(sku, state),
        );
        return { status: 201, body: outcome.result, ...positionOf(outcome) };
      }),
  );

  app.post(
    "/v1/stock/:sku/adjustments",
    { ...staffOnly, schema: { ...describe("Correct stock", 201), body: adjustmentBody } },
    (request, reply) =>
      commands.run(request, reply, async (context) => {
        const { sku } = request.params;
        const command = { sku, ...request.body };
        const outcome = await engine.execute(stock, sku, "Adjust", command, context, (state) =>
          stockView(sku, state),
        );
        return { status: 201, body: outcome.result, ...positionOf(outcome) };
      }),
  );

  app.put(
    "/v1/stock/:sku/policy",
    { ...staffOnly, schema: { ...describe("Set how a SKU is stocked", 200), body: policyBody } },
    (request, reply) =>
      commands.run(request, reply, async (context) => {
        const { sku } = request.params;
        const outcome = await engine.execute(stock, sku, "SetPolicy", given(request.body), context, (state) =>
          stockView(sku, state),
        );
        return { status: 200, body: outcome.result, ...positionOf(outcome) };
      }),
  );
}

/** Without the fields that were not sent. */
function given<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function positionOf({ revision, position }: { revision: number; position: string }) {
  return { revision, position };
}
