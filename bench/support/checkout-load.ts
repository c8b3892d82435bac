import type autocannon from "autocannon";
import { type LoadResult, runLoad } from "./load.ts";
import { checkoutRequest, inTurn } from "./shop.ts";

const requestsPerCheckout = 3;
const json = { "content-type": "application/json" };

interface CheckoutContext {
  cartId?: string;
  cartToken?: string;
}

/**
 * Opens a cart, puts one item in, checks out, and begins again, on every connection.
 * @param checkouts how many, over all connections
 */
export async function runCheckouts(
  url: string,
  skus: readonly string[],
  { connections, checkouts }: { connections: number; checkouts: number },
): Promise<LoadResult & { checkouts: number }> {
  const nextSku = inTurn(skus);
  let confirmed = 0;
  const onCart =
    (path: string, body: () => string): NonNullable<autocannon.Request["setupRequest"]> =>
    (request, context) => {
      // Without a cart the answer before was a wrong one, and that is what will be told.
      const { cartId = "none", cartToken = "none" } = context as CheckoutContext;
      return {
        ...request,
        path: `/v1/carts/${cartId}/${path}`,
        headers: { ...request.headers, "cart-token": cartToken },
        body: body(),
      };
    };
  const checkoutText = JSON.stringify(checkoutRequest);
  const result = await runLoad({
    url,
    connections,
    // Each connection does whole checkouts.
    until: { requests: Math.ceil(checkouts / connections) * connections * requestsPerCheckout },
    expected: [200, 201],
    requests: [
      {
        method: "POST",
        path: "/v1/carts",
        onResponse: (status, body, context) => {
          if (status !== 201) return;
          const { id, cartToken } = JSON.parse(body) as { id: string; cartToken: string };
          Object.assign(context, { cartId: id, cartToken });
        },
      },
      {
        method: "POST",
        headers: json,
        setupRequest: onCart("items", () => JSON.stringify({ sku: nextSku(), quantity: 1 })),
      },
      {
        method: "POST",
        headers: json,
        setupRequest: onCart("checkout", () => checkoutText),
        onResponse: (status) => {
          if (status === 201) confirmed++;
        },
      },
    ],
  });
  return { ...result, checkouts: confirmed };
}
