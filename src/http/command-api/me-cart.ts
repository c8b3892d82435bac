import type { FastifyRequest } from "fastify";
import { cart } from "../../../commands/cart/cart.ts";
import { type MergeResult, openCartOf, takeOverCart } from "../../../commands/processes/customer-carts.ts";
import { Problem } from "../../values/problem.ts";
import { mergeBody } from "../customer-schemas.ts";
import { cartAnswer, guestCartOf } from "../resources/carts.ts";
import { mergedAnswer } from "../resources/customers.ts";
import type { App, Deps } from "../server.ts";
import { describeCustomers as describe } from "./customer-answers.ts";
import { cartView } from "./views.ts";

/** The one cart of a customer who is logged in. */
export function cartOfCustomer(app: App, deps: Deps): void {
  const { auth } = deps;

  app.get("/v1/me/cart", { schema: describe("Your cart, as of now", 200, cartAnswer) }, async (request) => {
    const shown = await shownCart(deps, auth.requireCustomer(request).customerId);
    if (!shown) throw new Problem("not_found", "there is no cart: open one");
    return shown;
  });

  app.post(
    "/v1/me/cart/merge",
    {
      schema: {
        ...describe(
          "Take over the cart of the guest that you were, whose Cart-Token comes along",
          200,
          mergedAnswer,
        ),
        body: mergeBody,
      },
    },
    async (request) => {
      const { customerId } = auth.requireCustomer(request);
      const { cartId } = request.body;
      if (!auth.holdsToken(request, cartId))
        throw new Problem("forbidden", "this needs the Cart-Token of that cart");
      return takenOver(deps, request, customerId, cartId);
    },
  );
}

/** What a guest's cart has become, and the customer's cart after it. */
export async function takenOver(
  deps: Deps,
  request: FastifyRequest,
  customerId: string,
  cartId: string,
): Promise<{ merge: MergeResult; cart?: Awaited<ReturnType<typeof shownCart>> }> {
  const { runtime, commands } = deps;
  const merge = await takeOverCart(runtime.shop, customerId, cartId, commands.processFor(request));
  const shown = await shownCart(deps, customerId);
  return { merge, ...(shown && { cart: shown }) };
}

async function shownCart({ runtime }: Deps, customerId: string) {
  const { shop } = runtime;
  const id = await openCartOf(shop, customerId);
  if (id === undefined) return undefined;
  const state = await shop.engine.read(cart, id, (now) => now);
  return guestCartOf(cartView(id, state, shop.settings));
}
