import type { CartView } from "../../../projections/carts.ts";
import { notFound } from "../../values/problem.ts";
import { cartTotals } from "../command-api/views.ts";
import { cartAnswer, draftListAnswer, draftText, guestCartOf, staffCartOf } from "../resources/carts.ts";
import { idParams, noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { listOf, listText, sendJson } from "./pages.ts";
import { pageQuery } from "./schemas.ts";

export function cartQueries(app: App, deps: Deps): void {
  const { runtime, auth, asOfNow } = deps;
  const { hotCarts, shop } = runtime;

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
      auth.requireCart(request, id);
      const json = await asOfNow(request, reply, "carts", (asOf) => hotCarts.get(id, asOf));
      if (json === undefined) throw notFound("cart", id);
      const cart = JSON.parse(json) as CartView;
      const totals = cartTotals(cart.items, cart.currency, shop.settings);
      const cartOf = auth.isStaff(request) ? staffCartOf : guestCartOf;
      return sendJson(reply, JSON.stringify(cartOf({ ...cart, totals })));
    },
  );
}

function draftsQuery(app: App, { runtime: { queries }, staffOnly, fresh, cursors }: Deps): void {
  app.get(
    "/v1/drafts",
    {
      ...staffOnly,
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
