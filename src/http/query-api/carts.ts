import type { CartView } from "../../../projections/carts.ts";
import { notFound } from "../../values/problem.ts";
import { cartTotals } from "../command-api/views.ts";
import { cartAnswer, guestCartOf, staffCartOf } from "../resources/carts.ts";
import { idParams, noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { sendJson } from "./pages.ts";

export function cartQueries(app: App, { runtime, auth, asOfNow }: Deps): void {
  const { hotCarts, shop } = runtime;

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
      sendJson(reply, JSON.stringify(cartOf({ ...cart, totals })));
    },
  );
}
