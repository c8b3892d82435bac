import { addRequests } from "../support/cart-load.ts";
import { inTurns, runLoad } from "../support/load.ts";
import { type BenchOptions, type Measurement, rate } from "../support/measurement.ts";
import { connections, type OpenCart, openCarts, type ShopServer, type Stage } from "../support/shop.ts";

const full = { carts: 4_000, warmUpSeconds: 4, rounds: 3, seconds: 8 };
const quick = { carts: 2_000, warmUpSeconds: 1.5, rounds: 2, seconds: 2 };

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
