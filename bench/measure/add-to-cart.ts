import type autocannon from "autocannon";
import { inTurns, runLoad } from "../support/load.ts";
import { type BenchOptions, type Measurement, rate } from "../support/measurement.ts";
import {
  connections,
  inTurn,
  type OpenCart,
  openCarts,
  type ShopServer,
  type SoldProduct,
  type Stage,
} from "../support/shop.ts";

const full = { carts: 4_000, warmUpSeconds: 4, rounds: 3, seconds: 8 };
const quick = { carts: 2_000, warmUpSeconds: 1.5, rounds: 2, seconds: 2 };
/** A cart holds this many different SKUs at most, so that the answers stay of one size. */
const skusPerCart = 4;

/** Commands per second: one item into one of many carts. */
export async function measureAddToCart(
  options: BenchOptions,
  { server, products, bare }: Stage,
): Promise<Measurement[]> {
  const { carts: cartCount, warmUpSeconds, rounds, seconds } = options.quick ? quick : full;
  options.say("adding to carts");
  const carts = await openCarts(server, cartCount);
  const requests = addRequests(carts, products);
  const load = (url: string, duration: number) =>
    runLoad({ url, connections, requests, expected: [200], until: { seconds: duration } });
  await load(server.url, warmUpSeconds);
  const answerBytes = await cartBytes(server, carts);
  await bare.answerWith(answerBytes);
  await load(bare.url, warmUpSeconds / 2);
  const { perSecond, ceiling, note } = await inTurns(
    rounds,
    server,
    () => load(server.url, seconds),
    () => load(bare.url, seconds),
  );
  return [
    rate({
      name: "add to cart",
      value: perSecond,
      unit: "commands/s",
      ceiling,
      ceilingIs: "bare fastify, same body schema, constant answer",
      note: `${note}; ${cartCount} carts, answers of ${answerBytes} bytes`,
    }),
  ];
}

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

/** How long an answer is, over some carts. */
async function cartBytes({ client }: ShopServer, carts: readonly OpenCart[]): Promise<number> {
  const sample = carts.slice(0, 50);
  let bytes = 0;
  for (const { id, cartToken } of sample) {
    const answer = await client.call("GET", `/v1/carts/${id}`, { headers: { "cart-token": cartToken } });
    bytes += Buffer.byteLength(answer.text);
  }
  return Math.round(bytes / sample.length);
}
