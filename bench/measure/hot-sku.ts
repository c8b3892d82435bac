import { shopEvents } from "../../commands/events.ts";
import { availableOf } from "../../commands/stock/state.ts";
import { stock } from "../../commands/stock/stock.ts";
import { createCodec } from "../../src/engine/codec.ts";
import { type CommandContext, Engine } from "../../src/engine/write/engine.ts";
import { openEmbeddedEventStore } from "../../src/stores/event-store/embedded/log.ts";
import { newId } from "../../src/values/ids.ts";
import { inParallel } from "../../src/values/in-parallel.ts";
import { type Append, bareAppends, copyEvents } from "../support/bare-appends.ts";
import { type Answer, createClient, unexpected } from "../support/client.ts";
import {
  type BenchOptions,
  cost,
  expectThat,
  type Measurement,
  rate,
  secondsOf,
} from "../support/measurement.ts";
import { withFolder } from "../support/resources.ts";
import {
  addProduct,
  checkoutRequest,
  type OpenCart,
  openCarts,
  type ShopServer,
  type Stage,
} from "../support/shop.ts";

const full = { buyers: 2_000, reservations: 50_000 };
const quick = { buyers: 500, reservations: 10_000 };
const pieces = 100;
const sku = "HOT";
/** New connections at once: a server's queue of them is short. */
const connectingAtOnce = 100;
const reservationsAtOnce = 256;
/** The last piece would make one event more: that there is none left. */
const piecesLeft = 1;
const holdMs = 15 * 60_000;

/** Many buyers want the last pieces of one SKU at the same moment. */
export async function measureHotSku(options: BenchOptions, { server, bare }: Stage): Promise<Measurement[]> {
  const { buyers, reservations } = options.quick ? quick : full;
  options.say(`${buyers} buyers want ${pieces} pieces`);
  await addProduct(server, { sku, price: 1_000, quantity: pieces, category: "hot" });
  const carts = await openCarts(server, buyers);
  await inParallel(carts, connectingAtOnce, async ({ id, cartToken }) => {
    const call = { headers: { "cart-token": cartToken }, body: { sku, quantity: 1 } };
    await server.client.ask(200, "POST", `/v1/carts/${id}/items`, call);
  });
  await server.caughtUp();

  const ours = await rush(server.url, carts);
  requireOutcome(ours.answers);
  await requireSoldOut(server, ours.answers);
  const bytes = ours.answers.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  await bare.answerWith(Math.round(bytes / buyers));
  await rush(bare.url, carts);
  const ceiling = await rush(bare.url, carts);
  options.say("reserving one SKU");
  return [
    cost({
      name: `${buyers} buyers, ${pieces} pieces of one SKU`,
      value: ours.seconds,
      unit: "s",
      ceiling: ceiling.seconds,
      ceilingIs: "bare fastify, same body schema, constant answer",
      note: `${pieces} orders, ${buyers - pieces} out of stock, nothing reserved; ${buyers} connections`,
    }),
    await measureReservations(reservations),
  ];
}

/** Everybody connects first, then all check out at once. */
async function rush(
  url: string,
  carts: readonly OpenCart[],
): Promise<{ answers: Answer[]; seconds: number }> {
  const client = createClient(url, carts.length);
  try {
    for (
      let connected = connectingAtOnce;
      connected < carts.length + connectingAtOnce;
      connected += connectingAtOnce
    )
      await Promise.all(
        Array.from({ length: Math.min(connected, carts.length) }, () => client.call("GET", "/health/live")),
      );
    let answers: Answer[] = [];
    const seconds = await secondsOf(async () => {
      answers = await Promise.all(
        carts.map(({ id, cartToken }) =>
          client.call("POST", `/v1/carts/${id}/checkout`, {
            headers: { "cart-token": cartToken },
            body: checkoutRequest,
          }),
        ),
      );
    });
    return { answers, seconds };
  } finally {
    client.close();
  }
}

function requireOutcome(answers: readonly Answer[]): void {
  for (const answer of answers) {
    if (answer.status === 201) continue;
    const code = answer.status === 409 ? (JSON.parse(answer.text) as { code: string }).code : undefined;
    if (code !== "out_of_stock") throw unexpected("a checkout of the hot SKU", 201, answer);
  }
  const orders = answers.filter(({ status }) => status === 201).length;
  expectThat(orders === pieces, `${orders} orders were made of ${pieces} pieces`);
}

async function requireSoldOut(server: ShopServer, answers: readonly Answer[]): Promise<void> {
  const stocked = await server.ask<{ available: number; reserved: number; committed: number }>(
    200,
    "GET",
    `/v1/stock/${sku}`,
  );
  const { available, reserved, committed } = stocked;
  expectThat(
    available === 0 && reserved === 0 && committed === pieces,
    `after the rush the stock is ${JSON.stringify(stocked)}`,
  );
  await server.caughtUp();
  const path = `/v1/orders?sku=${sku}&limit=${pieces}`;
  const listed = await server.ask<{ items: { id: string }[]; nextCursor: string | null }>(200, "GET", path);
  const sold = new Set(
    answers.flatMap(({ status, text }) => (status === 201 ? [(JSON.parse(text) as { id: string }).id] : [])),
  );
  const same = listed.items.length === pieces && listed.items.every(({ id }) => sold.has(id));
  expectThat(
    same && listed.nextCursor === null,
    "the orders that are listed are not those that were answered",
  );
}

/** Reservations per second of one SKU, by the engine alone. */
function measureReservations(count: number): Promise<Measurement> {
  return withFolder(async (directory) => {
    const events = openEmbeddedEventStore({ directory });
    const engine = new Engine({ events, codec: createCodec(shopEvents) });
    const context = (): CommandContext => ({
      commandId: newId(),
      now: Date.now(),
      actor: "guest",
      correlationId: newId(),
    });
    const reserve = async (sku: string, times: number) => {
      await engine.execute(stock, sku, "Receive", { quantity: times + piecesLeft }, context());
      await inParallel(Array.from({ length: times }), reservationsAtOnce, async () => {
        const command = { sku, reservationId: newId(), quantity: 1, holdMs };
        await engine.execute(stock, sku, "Reserve", command, context());
      });
    };
    try {
      await reserve("WARM-UP", Math.round(count / 4));
      const before = await events.head();
      const seconds = await secondsOf(() => reserve(sku, count));
      const left = await engine.read(stock, sku, availableOf);
      expectThat(left === piecesLeft, `${left} pieces are left instead of ${piecesLeft}`);
      const upTo = await events.head();
      const written = (await events.countBetween(before, upTo)) ?? 0;
      expectThat(written === count + 1, `${count} reservations became ${written - 1} events`);
      const copies = await copyEvents(events, { after: before, upTo, max: count + 1 });
      const appends: Append[] = [];
      for (let at = 0; at < copies.length; at += reservationsAtOnce)
        appends.push({
          stream: sku,
          events: copies.slice(at, at + reservationsAtOnce).map(({ event }) => event),
        });
      return rate({
        name: "reservations of one SKU, in process",
        value: count / seconds,
        unit: "commands/s",
        ceiling: await bareAppends(appends, 1),
        ceilingIs: `bare appends of ${reservationsAtOnce} events to one stream`,
        note: `${reservationsAtOnce} commands under way`,
      });
    } finally {
      await events.close();
    }
  });
}
