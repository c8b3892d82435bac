import { noStream } from "../../src/stores/event-store/event-store.ts";
import { openEventStoreDb } from "../../src/stores/event-store/eventstoredb/store.ts";
import { newId } from "../../src/values/ids.ts";
import { withBare } from "../support/bare.ts";
import { runCheckouts } from "../support/checkout-load.ts";
import { type BenchOptions, expectThat, type Measurement, rate } from "../support/measurement.ts";
import { type BenchMongo, withEmptyLog, withMongo, withServers } from "../support/servers.ts";
import { connections, fillShop, type ShopServer, type SoldProduct, withServer } from "../support/shop.ts";
import { measureAddToCart } from "./add-to-cart.ts";
import { measureLagAt } from "./lag.ts";
import { measureRebuildOnServers } from "./rebuild-on-servers.ts";

const full = { checkouts: 64 * 120, warmUp: 64 * 8, appends: 20_000 };
const quick = { checkouts: 64 * 16, warmUp: 64 * 4, appends: 6_000 };
/** In a checkout with its cart, appended one by one or side by side: see ARCHITECTURE.md. */
const appendsPerCheckout = 11;
const appendsAtOnce = 128;
/** Few enough that a MongoDB that is only at hand for tests keeps their read models. */
const productsOnMongo = 100;

/** Commands, checkouts, rebuilds and what readers wait for on servers, beside the embedded stores in the same run. */
export async function measureOnServers(options: BenchOptions): Promise<Measurement[]> {
  const embedded = await measureShop(options, {}, "embedded", async () => []);
  return withServers(({ env, what }) =>
    withMongo(async (mongo) => {
      const onServers = await measureShop(options, env, what, (server, products) =>
        measureLagAt(options, { server, products }, "servers", what),
      );
      if (!mongo) options.say("no MongoDB is at hand: what is written to it is not measured");
      const lagOnMongo = mongo ? await measureLagOnMongo(options, mongo) : [];
      const rebuilt = await measureRebuildOnServers(options, env.EVENTSTOREDB_URL, mongo);
      // Last, for its events are no shop's.
      const perSecond = await bareAppends(env.EVENTSTOREDB_URL, options.quick ? quick.appends : full.appends);
      return [
        rate({
          name: "add to cart on servers",
          value: onServers.addToCart,
          unit: "commands/s",
          ceiling: embedded.addToCart,
          ceilingIs: "the embedded stores",
          note: what,
        }),
        rate({
          name: "checkouts on servers",
          value: onServers.checkouts,
          unit: "checkouts/s",
          ceiling: embedded.checkouts,
          ceilingIs: "the embedded stores",
          note:
            `${what}; bare appends of one event, ${appendsAtOnce} at once: ${Math.round(perSecond)}/s, enough for ` +
            `${Math.round(perSecond / appendsPerCheckout)} checkouts/s of ${appendsPerCheckout} appends`,
        }),
        ...onServers.lag,
        ...lagOnMongo,
        ...rebuilt,
      ];
    }),
  );
}

async function measureShop(
  options: BenchOptions,
  env: Record<string, string>,
  what: string,
  measureLag: (server: ShopServer, products: readonly SoldProduct[]) => Promise<Measurement[]>,
) {
  const { checkouts, warmUp } = options.quick ? quick : full;
  return withServer(
    options.profileDir,
    async (server) => {
      options.say(`filling a shop: ${what}`);
      const products = await fillShop(server);
      const [added] = await withBare((bare) => measureAddToCart(options, { server, products, bare }));
      expectThat(added !== undefined, "nothing was added to a cart");
      options.say(`checking out: ${what}`);
      const skus = products.map(({ sku }) => sku);
      await runCheckouts(server.url, skus, { connections, checkouts: warmUp });
      const done = await runCheckouts(server.url, skus, { connections, checkouts });
      expectThat(done.checkouts === checkouts, `${done.checkouts} of ${checkouts} checkouts were confirmed`);
      const lag = await measureLag(server, products);
      return { addToCart: added.value, checkouts: done.checkouts / done.seconds, lag };
    },
    env,
  );
}

/** On a log of its own: read models of MongoDB are of one log. */
function measureLagOnMongo(options: BenchOptions, { database, what }: BenchMongo): Promise<Measurement[]> {
  return withEmptyLog((url) =>
    withServer(
      options.profileDir,
      async (server) => {
        options.say(`filling a shop: ${what}`);
        const products = await fillShop(server, productsOnMongo);
        return measureLagAt(options, { server, products }, "MongoDB", what);
      },
      { EVENTSTOREDB_URL: url, MONGODB_URL: database("lag") },
    ),
  );
}

/** What the server appends when nothing is decided: one event to a new stream, again and again. */
async function bareAppends(url: string, count: number): Promise<number> {
  const store = await openEventStoreDb({ url });
  try {
    let left = count;
    const started = performance.now();
    const one = async () => {
      while (left-- > 0) {
        const metadata = { time: Date.now(), commandId: newId(), correlationId: "bench", actor: "bench" };
        const data = JSON.stringify({ file: "x".repeat(200), lines: 1 });
        await store.append(`bench-${newId()}`, noStream, [
          { id: newId(), type: "ImportStarted", data, metadata },
        ]);
      }
    };
    await Promise.all(Array.from({ length: appendsAtOnce }, one));
    return count / ((performance.now() - started) / 1000);
  } finally {
    await store.close();
  }
}
