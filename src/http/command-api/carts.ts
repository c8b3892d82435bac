import type { FastifyRequest } from "fastify";
import { plainAddress } from "../../../commands/address.ts";
import { cart } from "../../../commands/cart/cart.ts";
import { itemOf, quoteCart, quoteShown, shippingMethodDefault } from "../../../commands/cart/quote.ts";
import type { Cart } from "../../../commands/cart/state.ts";
import { customer, found } from "../../../commands/customer/customer.ts";
import type { AddressUse } from "../../../commands/customer/events.ts";
import { order } from "../../../commands/order/order.ts";
import type { Order } from "../../../commands/order/state.ts";
import { payment } from "../../../commands/payment/payment.ts";
import { runCheckout, settleCheckout } from "../../../commands/processes/checkout.ts";
import {
  type CheckoutResult,
  isByGateway,
  isPaidAtOnce,
} from "../../../commands/processes/checkout-attempt.ts";
import { activeCart } from "../../../commands/processes/customer-carts.ts";
import { orderAsTold } from "../../../commands/processes/place-order.ts";
import type { Shop } from "../../../commands/processes/shop.ts";
import { type CheckoutBody, startCheckout } from "../../../commands/processes/start-checkout.ts";
import type { CommandContext, Outcome } from "../../engine/write/engine.ts";
import { openCustomer } from "../../identity/personal.ts";
import { deriveId } from "../../values/ids.ts";
import { Problem, problemOf } from "../../values/problem.ts";
import {
  type CommandAnswer,
  type Found,
  foundIn,
  problemAnswer,
  processContext,
  type RequestCommand,
  unconditional,
} from "../edge/commands.ts";
import type { Paying } from "../edge/declines.ts";
import { cartAnswer, guestCartOf, staffCartOf } from "../resources/carts.ts";
import { guestOrderAnswerOf, orderAnswer, staffOrderAnswerOf } from "../resources/orders.ts";
import { guestProblemOf } from "../resources/problems.ts";
import { quote } from "../resources/quotes.ts";
import {
  addItemBody,
  cartDetailsBody,
  cartLineParams,
  changeItemBody,
  checkoutBody,
  idParams,
  noQuery,
  openCartBody,
  problemSchema,
  quoteBody,
} from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { cartView, orderView } from "./views.ts";

type CartOutcome = Promise<Outcome<Found<Cart>>>;
type RunCart = (
  context: CommandContext,
  respond: (state: Cart, revision: number) => Found<Cart>,
) => CartOutcome;

const describe = (summary: string, status: number) => ({
  tags: ["carts"],
  summary,
  security: [{ cartToken: [] }, { bearer: [] }],
  querystring: noQuery,
  response: { [status]: cartAnswer, "4xx": problemSchema },
});

/** A command on one cart, answered by the cart right after it. */
function cartCommand(
  { runtime, auth }: Deps,
  request: FastifyRequest,
  id: string,
  run: RunCart,
  status = 200,
  more: { cartToken?: string } = {},
): RequestCommand<Cart> {
  const shown = auth.isStaff(request) ? staffCartOf : guestCartOf;
  return {
    aim: { decider: cart, id },
    run: async (context) => {
      return foundIn(await run(context, (state, revision) => ({ state, revision })));
    },
    answer: ({ state, ...where }) => ({
      status,
      body: shown({ ...cartView(id, state, runtime.shop.settings), ...more }),
      ...where,
    }),
  };
}

export function cartCommands(app: App, deps: Deps): void {
  const { runtime, auth, commands, watchDeclines } = deps;
  const { engine } = runtime;

  opening(app, deps);
  itemCommands(app, deps);
  beforePaying(app, deps);

  app.delete(
    "/v1/carts/:id",
    { schema: { ...describe("Abandon a cart", 200), params: idParams } },
    async (request, reply) => {
      const { id } = request.params;
      await auth.requireCart(request, id);
      const run: RunCart = (context, respond) =>
        engine.execute(cart, id, "Abandon", { cartId: id }, context, respond);
      return commands.run(request, reply, () => cartCommand(deps, request, id, run), { cartId: id });
    },
  );

  app.post(
    "/v1/carts/:id/checkout",
    {
      config: { askedBy: (body) => askedByCheckout(body as CheckoutBody) },
      schema: {
        ...describe("Check out: reserve, pay, order", 201),
        params: idParams,
        body: checkoutBody,
        response: { 201: orderAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await auth.requireCart(request, id);
      const byGuest = auth.principal(request).kind !== "staff";
      return watchDeclines(request, reply, id, (paying) =>
        commands.run(
          request,
          reply,
          (commandId) => checkoutCommand(deps, id, { commandId, byGuest, paying }, request.body),
          { cartId: id },
        ),
      );
    },
  );
}

/** Before carts kept a method, one that was left out was the standard one: keys of then stand for that. */
function askedByCheckout(body: CheckoutBody): CheckoutBody {
  const { email, shippingAddress, billingAddress, shippingMethod = shippingMethodDefault, ...rest } = body;
  return { email, shippingAddress, billingAddress, shippingMethod, ...rest };
}

/** What a checkout needs to know, and what it will come to. */
function beforePaying(app: App, deps: Deps): void {
  const { runtime, auth, commands } = deps;
  const { engine, shop } = runtime;

  app.patch(
    "/v1/carts/:id",
    {
      schema: {
        ...describe("Keep an e-mail address, addresses and a shipping method with the cart", 200),
        params: idParams,
        body: cartDetailsBody,
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await auth.requireCart(request, id);
      const command = { cartId: id, changes: request.body, lifeMs: shop.settings.cartLifeMs };
      const run: RunCart = (context, respond) =>
        engine.execute(cart, id, "ChangeDetails", command, context, respond);
      return commands.run(request, reply, () => cartCommand(deps, request, id, run), { cartId: id });
    },
  );

  app.post(
    "/v1/carts/:id/quote",
    {
      schema: {
        ...describe("What the cart would cost as of now, for its customer to agree to", 200),
        params: idParams,
        body: quoteBody,
        response: { 200: quote, "4xx": problemSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      await auth.requireCart(request, id);
      return quoteShown(shop, await quoteCart(shop, id, request.body?.shippingMethod, performance.now()));
    },
  );
}

/** By anybody; a draft by staff. A customer has one cart at a time. */
function opening(app: App, deps: Deps): void {
  const { runtime, auth, commands } = deps;
  const { engine, shop } = runtime;
  const { currency: shopCurrency, cartLifeMs: lifeMs } = shop.settings;

  app.post(
    "/v1/carts",
    {
      schema: {
        ...describe("Open a cart, or as staff a draft; a customer has one, which is answered", 201),
        security: [{}, { bearer: [] }],
        body: openCartBody,
      },
    },
    (request, reply) => {
      const { currency = shopCurrency, draft = false } = request.body ?? {};
      if (draft && !auth.isAllowed(request, "care"))
        throw new Problem("forbidden", "a draft is opened by staff");
      const who = auth.principal(request);
      return commands.run(request, reply, async (commandId) => {
        if (currency !== shopCurrency)
          throw new Problem("currency_mismatch", `this shop sells in ${shopCurrency}, not in ${currency}`);
        const newId = deriveId(commandId, "cart");
        if (who.kind === "customer") {
          const id = await activeCart(shop, who.customerId, newId, commands.processFor(request));
          // It is open by now: nothing is left to be done.
          const run: RunCart = (context, respond) =>
            engine.execute(cart, id, "Open", { currency, lifeMs }, unconditional(context), respond);
          return cartCommand(deps, request, id, run, 201);
        }
        const id = newId;
        const run: RunCart = (context, respond) =>
          engine.execute(
            cart,
            id,
            "Open",
            { currency, lifeMs, draft },
            { ...unconditional(context), isFirst: true },
            respond,
          );
        const command = cartCommand(deps, request, id, run, 201, { cartToken: auth.cartToken(id) });
        return { ...command, aim: { ...command.aim, isNew: true } };
      });
    },
  );
}

function itemCommands(app: App, deps: Deps): void {
  const { runtime, auth, commands } = deps;
  const { engine, shop } = runtime;
  const { cartLifeMs: lifeMs } = shop.settings;

  app.post(
    "/v1/carts/:id/items",
    {
      schema: {
        ...describe("Add an item, or several: all or none", 200),
        params: idParams,
        body: addItemBody,
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await auth.requireCart(request, id);
      const wanted = "items" in request.body ? request.body.items : [request.body];
      if (wanted.some(({ unitPrice }) => unitPrice)) auth.requireStaff(request, "care");
      const run: RunCart = async (context, respond) => {
        const found = await Promise.all(
          wanted.map(async ({ sku, quantity, unitPrice }) => {
            const { item, currency } = await itemOf(engine, sku, quantity, unitPrice?.amount);
            if (unitPrice && unitPrice.currency !== currency)
              throw new Problem("currency_mismatch", `${sku} is priced in ${currency}`);
            return { item, currency };
          }),
        );
        const { currency } = found[0] as (typeof found)[0];
        const command = { cartId: id, items: found.map(({ item }) => item), currency, lifeMs };
        return engine.execute(cart, id, "Add", command, context, respond);
      };
      return commands.run(request, reply, () => cartCommand(deps, request, id, run), { cartId: id });
    },
  );

  app.patch(
    "/v1/carts/:id/items/:line",
    {
      schema: {
        ...describe("Change an item's quantity, by its line or its SKU", 200),
        params: cartLineParams,
        body: changeItemBody,
      },
    },
    async (request, reply) => {
      const { id, line } = request.params;
      await auth.requireCart(request, id);
      const byStaff = auth.principal(request).kind === "staff";
      const command = { cartId: id, line, quantity: request.body.quantity, byStaff, lifeMs };
      const run: RunCart = (context, respond) =>
        engine.execute(cart, id, "ChangeQuantity", command, context, respond);
      return commands.run(request, reply, () => cartCommand(deps, request, id, run), { cartId: id });
    },
  );

  app.delete(
    "/v1/carts/:id/items/:line",
    {
      schema: { ...describe("Remove an item, by its line, or all of a SKU", 200), params: cartLineParams },
    },
    async (request, reply) => {
      const { id, line } = request.params;
      await auth.requireCart(request, id);
      const run: RunCart = (context, respond) =>
        engine.execute(cart, id, "Remove", { cartId: id, line, lifeMs }, context, respond);
      return commands.run(request, reply, () => cartCommand(deps, request, id, run), { cartId: id });
    },
  );
}

/**
 * Started on the cart's stream, and then taken to its end, as often as it is sent. What it answers is on the log:
 * the order as its checkout told it first, or why it was undone.
 */
function checkoutCommand(
  { runtime }: Deps,
  cartId: string,
  { commandId, byGuest, paying }: { commandId: string; byGuest: boolean; paying: Paying },
  body: CheckoutBody,
): RequestCommand<Cart> {
  const { shop } = runtime;
  let isFirst = false;
  return {
    aim: { decider: cart, id: cartId },
    steps: [commandId],
    run: async (context) => {
      if (isByGateway(body.payment.method)) await paying.begin();
      const whole = await withCustomer(runtime, cartId, body);
      await startCheckout(shop, cartId, whole, processContext(runtime, context));
      isFirst = true;
      return undefined;
    },
    answer: async ({ state }, context) => {
      if (state.phase !== "locked") throw new Error("the checkout was not started");
      const { orderId } = state.checkout;
      const { asOf } = context;
      const isUnderWay = (now: Cart) => now.phase === "locked" && now.checkout.orderId === orderId;
      const underWay = await shop.engine.read(cart, cartId, isUnderWay, asOf);
      const result =
        underWay && (await runCheckout(shop, cartId, processContext(runtime, context), { isFirst }));
      if (isFirst && result && isDeclined(result)) await paying.declined();
      if (!underWay) await settleCheckout(shop, orderId, processContext(runtime, context));
      const justNow = isFirst && result ? result.status : undefined;
      return orderAnswerOf(runtime, orderId, { justNow, byGuest, asOf });
    },
  };
}

/**
 * A checkout of a customer's cart is the customer's: what neither the request nor the cart says, the account does.
 * @throws StoreUnavailable when the vault is away
 */
async function withCustomer(
  { engine, identity }: Deps["runtime"],
  cartId: string,
  body: CheckoutBody,
): Promise<CheckoutBody> {
  const kept = await engine.read(cart, cartId, (state) => (state.phase === "absent" ? undefined : state));
  const customerId = kept?.customerId;
  if (customerId === undefined) return body;
  const state = await engine.read(customer, customerId, found);
  const { email, addresses, defaults } = await openCustomer(identity.sealing, state);
  const byDefault = (use: AddressUse) => {
    const address = addresses.find(({ addressId }) => addressId === defaults[use])?.address;
    return address ? plainAddress(address) : undefined;
  };
  const details = kept?.details ?? {};
  return {
    ...body,
    customerId,
    email: body.email ?? details.email ?? email ?? undefined,
    shippingAddress: body.shippingAddress ?? details.shippingAddress ?? byDefault("shipping"),
    billingAddress: body.billingAddress ?? details.billingAddress ?? byDefault("billing"),
  };
}

function isDeclined(result: CheckoutResult): boolean {
  return result.status === "failed" && result.problem.code === "payment_declined";
}

interface OrderTold {
  /** How a checkout ended that this request has started and taken to its end. */
  justNow: CheckoutResult["status"] | undefined;
  byGuest: boolean;
  asOf: number | undefined;
}

async function orderAnswerOf(
  { shop }: Deps["runtime"],
  orderId: string,
  { justNow, byGuest, asOf }: OrderTold,
): Promise<CommandAnswer> {
  const told = (await toldJustNow(shop, orderId, justNow, asOf)) ?? (await orderAsTold(shop, orderId));
  if (!told) {
    const refusal = await shop.engine.read(order, orderId, (state) =>
      state.phase === "absent" ? undefined : state.refusal,
    );
    if (refusal) {
      const problem = problemOf(refusal);
      return problemAnswer(byGuest ? guestProblemOf(problem) : problem);
    }
    throw new Problem("unavailable", "the checkout was given up by hand; see the cart");
  }
  const { state, revision, waiting } = told;
  const nextAction = waiting && {
    nextAction: {
      url: await shop.engine.read(payment, state.paymentId, (state) =>
        state.phase === "absent" ? null : (state.actionUrl ?? null),
      ),
    },
  };
  const body = { ...orderView(orderId, state), ...nextAction };
  return { status: 201, body: byGuest ? guestOrderAnswerOf(body) : staffOrderAnswerOf(body), revision };
}

/** The order as it stands, if nobody else has written to it since: what `orderAsTold` would look for. */
async function toldJustNow(
  shop: Shop,
  orderId: string,
  justNow: OrderTold["justNow"],
  asOf: OrderTold["asOf"],
) {
  if (justNow !== "confirmed" && justNow !== "pending") return undefined;
  const waiting = justNow === "pending";
  const found = (state: Order, revision: number) => ({ state, revision });
  const { state, revision } = await shop.engine.read(order, orderId, found, asOf);
  if (state.phase !== "placed") return undefined;
  // Placed when it waits; else placed, confirmed and, where that is at once, paid.
  const paidAtOnce = state.paymentStatus === "paid" && isPaidAtOnce(state, shop.settings);
  const isTold = revision === (waiting ? 0 : paidAtOnce ? 2 : 1);
  return isTold ? { state, revision, waiting } : undefined;
}
