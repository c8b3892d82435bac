import { priceNow, shippingMethodOf, shippingOptions } from "../../../commands/cart/quote.ts";
import type { CartView } from "../../../projections/carts.ts";
import type { Engine } from "../../engine/write/engine.ts";
import type { Money } from "../../values/money.ts";
import { notFound } from "../../values/problem.ts";
import { forAll } from "../caching.ts";
import { cartTotals } from "../command-api/views.ts";
import { cartAnswer, draftListAnswer, draftText, guestCartOf, staffCartOf } from "../resources/carts.ts";
import { shippingMethodsAnswer } from "../resources/quotes.ts";
import { idParams, noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { listOf, listText, sendJson, sendTagged } from "./pages.ts";
import { pageQuery, shippingMethodsQuery } from "./schemas.ts";

export function cartQueries(app: App, deps: Deps): void {
  const { runtime, auth, asOfNow } = deps;
  const { hotCarts, shop } = runtime;
  const { engine } = shop;

  draftsQuery(app, deps);

  app.get(
    "/v1/carts/:id",
    {
      schema: {
        tags: ["carts"],
        summary: "A cart as of now, with what it would cost",
        security: [{ cartToken: [] }, { bearer: [] }],
        querystring: noQuery,
        params: idParams,
        response: { 200: cartAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await auth.requireCart(request, id);
      const json = await asOfNow(request, reply, "carts", (asOf) => hotCarts.get(id, asOf));
      if (json === undefined) throw notFound("cart", id);
      const stored = JSON.parse(json) as CartView;
      const cart = stored.status === "open" ? await atPricesOfNow(engine, stored) : stored;
      const totals = cartTotals(cart.items, cart, shop.settings);
      const cartOf = auth.isStaff(request) ? staffCartOf : guestCartOf;
      const shown = cartOf({ ...cart, totals, shippingMethod: shippingMethodOf(cart) });
      return sendTagged(request, reply, JSON.stringify(shown), cart.revision);
    },
  );

  app.get(
    "/v1/shipping-methods",
    {
      ...forAll,
      schema: {
        tags: ["carts"],
        summary: "How an order can be sent, and what that costs",
        security: [],
        querystring: shippingMethodsQuery,
        response: { 200: shippingMethodsAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => sendTagged(request, reply, JSON.stringify({ items: shippingOptions(shop) })),
  );
}

/** What a checkout would charge: the products' prices of now, but what staff has set stays. */
async function atPricesOfNow(engine: Engine, cart: CartView) {
  const money = (amount: number): Money => ({ amount, currency: cart.currency });
  const items = await Promise.all(
    cart.items.map(async (item) => {
      const now = await priceNow(engine, item.sku);
      if (now === undefined) return { ...item, notForSale: true as const };
      if (item.priceOverridden || now === item.unitPrice.amount) return item;
      const priceChanged = { was: item.unitPrice, now: money(now) };
      return { ...item, unitPrice: money(now), lineTotal: money(now * item.quantity), priceChanged };
    }),
  );
  return { ...cart, items, subtotal: money(items.reduce((sum, { lineTotal }) => sum + lineTotal.amount, 0)) };
}

function draftsQuery(app: App, { runtime: { queries }, fresh, cursors }: Deps): void {
  app.get(
    "/v1/drafts",
    {
      schema: {
        tags: ["carts"],
        summary: "List drafts that are no orders yet, newest first; each is read as a cart",
        security: [{ bearer: [] }],
        querystring: pageQuery,
        response: { 200: draftListAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { page, next } = listOf(cursors, "drafts", {}, request.query);
      await fresh(request, reply, "carts");
      const found = await queries.run("drafts", page);
      return sendJson(reply, listText(found.texts.map(draftText), next(found.next)));
    },
  );
}
