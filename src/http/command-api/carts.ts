import { cart } from "../../../commands/cart/cart.ts";
import { itemOf } from "../../../commands/cart/quote.ts";
import { order } from "../../../commands/order/order.ts";
import { runCheckout } from "../../../commands/processes/checkout.ts";
import { startCheckout } from "../../../commands/processes/start-checkout.ts";
import { deriveId } from "../../values/ids.ts";
import { Problem } from "../../values/problem.ts";
import { type CommandAnswer, processContext } from "../command.ts";
import {
  addItemBody,
  cartAnswer,
  changeItemBody,
  checkoutBody,
  idAndSkuParams,
  idParams,
  noQuery,
  openCartBody,
  orderAnswer,
  problemSchema,
} from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { cartView, orderView } from "./views.ts";

export function cartCommands(app: App, { runtime, auth, commands }: Deps): void {
  const { engine, shop } = runtime;
  const { settings } = shop;
  const { cartLifeMs: lifeMs } = settings;
  const describe = (summary: string, status: number) => ({
    tags: ["carts"],
    summary,
    security: [{ cartToken: [] }, { bearer: [] }],
    querystring: noQuery,
    response: { [status]: cartAnswer, "4xx": problemSchema },
  });
  const answer = (
    status: number,
    { result, revision, position }: { result: unknown; revision: number; position: string },
  ): CommandAnswer => ({ status, body: result, revision, position });

  app.post(
    "/v1/carts",
    { schema: { ...describe("Open a cart", 201), security: [], body: openCartBody } },
    (request, reply) =>
      commands.run(request, reply, async (context) => {
        const currency = request.body?.currency ?? settings.currency;
        if (currency !== settings.currency)
          throw new Problem(
            "currency_mismatch",
            `this shop sells in ${settings.currency}, not in ${currency}`,
          );
        const id = deriveId(context.commandId, "cart");
        const { expectedRevision: _, ...fresh } = context;
        const opened = await engine.execute(cart, id, "Open", { currency, lifeMs }, fresh, (state) =>
          cartView(id, state, settings),
        );
        return answer(201, { ...opened, result: { ...opened.result, cartToken: auth.cartToken(id) } });
      }),
  );

  app.post(
    "/v1/carts/:id/items",
    { schema: { ...describe("Add an item", 200), params: idParams, body: addItemBody } },
    (request, reply) => {
      const { id } = request.params;
      auth.requireCart(request, id);
      return commands.run(request, reply, async (context) => {
        const { sku, quantity, unitPrice } = request.body;
        if (unitPrice) auth.requireStaff(request);
        const { item, currency } = await itemOf(engine, sku, quantity, unitPrice?.amount);
        if (unitPrice && unitPrice.currency !== currency)
          throw new Problem("currency_mismatch", `${sku} is priced in ${currency}`);
        const command = { cartId: id, items: [item], currency, lifeMs };
        return answer(
          200,
          await engine.execute(cart, id, "Add", command, context, (state) => cartView(id, state, settings)),
        );
      });
    },
  );

  app.patch(
    "/v1/carts/:id/items/:sku",
    {
      schema: { ...describe("Change an item's quantity", 200), params: idAndSkuParams, body: changeItemBody },
    },
    (request, reply) => {
      const { id, sku } = request.params;
      auth.requireCart(request, id);
      return commands.run(request, reply, async (context) => {
        const byStaff = auth.principal(request).kind === "staff";
        const command = { cartId: id, sku, quantity: request.body.quantity, byStaff, lifeMs };
        return answer(
          200,
          await engine.execute(cart, id, "ChangeQuantity", command, context, (state) =>
            cartView(id, state, settings),
          ),
        );
      });
    },
  );

  app.delete(
    "/v1/carts/:id/items/:sku",
    { schema: { ...describe("Remove an item", 200), params: idAndSkuParams } },
    (request, reply) => {
      const { id, sku } = request.params;
      auth.requireCart(request, id);
      return commands.run(request, reply, async (context) =>
        answer(
          200,
          await engine.execute(cart, id, "Remove", { cartId: id, sku, lifeMs }, context, (state) =>
            cartView(id, state, settings),
          ),
        ),
      );
    },
  );

  app.delete(
    "/v1/carts/:id",
    { schema: { ...describe("Abandon a cart", 200), params: idParams } },
    (request, reply) => {
      const { id } = request.params;
      auth.requireCart(request, id);
      return commands.run(request, reply, async (context) =>
        answer(
          200,
          await engine.execute(cart, id, "Abandon", { cartId: id }, context, (state) =>
            cartView(id, state, settings),
          ),
        ),
      );
    },
  );

  app.post(
    "/v1/carts/:id/checkout",
    {
      schema: {
        ...describe("Check out: reserve, pay, order", 201),
        params: idParams,
        body: checkoutBody,
        response: { 201: orderAnswer, "4xx": problemSchema },
      },
    },
    (request, reply) => {
      const { id } = request.params;
      auth.requireCart(request, id);
      return commands.run(request, reply, async (context) => {
        await startCheckout(shop, id, request.body, context);
        const result = await runCheckout(shop, id, processContext(runtime, context));
        if (result.status === "failed") throw result.problem;
        const { orderId } = result;
        const { body, revision } = await engine.read(order, orderId, (state, revision) => {
          if (state.phase === "absent") throw new Error(`order ${orderId} was not placed`);
          return { body: orderView(orderId, state), revision };
        });
        const waiting = result.status === "pending" && { nextAction: { url: result.actionUrl ?? null } };
        return { status: 201, body: { ...body, ...waiting }, revision };
      });
    },
  );
}
