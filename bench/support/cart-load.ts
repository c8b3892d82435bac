import type autocannon from "autocannon";
import { inTurn, type OpenCart, type SoldProduct } from "./shop.ts";

/** A cart holds this many different SKUs at most, so that the answers stay of one size. */
const skusPerCart = 4;

/** Each adds one item to one cart after the other. */
export function addRequests(
  carts: readonly OpenCart[],
  products: readonly SoldProduct[],
): autocannon.Request[] {
  const nextCart = inTurn(carts.map((cart, index) => ({ ...cart, index })));
  let sent = 0;
  return [
    {
      method: "POST",
      headers: { "content-type": "application/json" },
      setupRequest: (request) => {
        const { id, cartToken, index } = nextCart();
        const sku = products[(index * skusPerCart + (sent++ % skusPerCart)) % products.length]?.sku;
        return {
          ...request,
          path: `/v1/carts/${id}/items`,
          headers: { ...request.headers, "cart-token": cartToken },
          body: JSON.stringify({ sku, quantity: 1 }),
        };
      },
    },
  ];
}
