import { getOrder, getRefundable } from "../../../projections/orders/queries.ts";
import { notFound } from "../../values/problem.ts";
import {
  guestOrderListAnswer,
  guestOrderOf,
  guestOrderSummaryText,
  orderDetailAnswer,
  orderListAnswer,
  orderSummaryText,
  refundableAnswer,
  staffOrderOf,
  staffRefundableOf,
} from "../resources/orders.ts";
import { paymentAnswer, staffPaymentText } from "../resources/payments.ts";
import { idParams, noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { createAnswerCache, sendAnswer } from "./answer-cache.ts";
import { listOf, listText, sendJson, sendTagged } from "./pages.ts";
import { orderParams, ordersQuery, pageQuery } from "./schemas.ts";

const security = [{ bearer: [] }];

export function orderQueries(app: App, deps: Deps): void {
  ordersOfCustomer(app, deps);
  const { runtime, auth, recency, positions, fresh, unparked, cursors } = deps;
  const { models, queries } = runtime;
  const standsAt = () => models.progress("orders").position;
  const answers = createAnswerCache(recency, positions, standsAt);

  app.get(
    "/v1/orders",
    {
      schema: {
        tags: ["orders"],
        summary: "List orders, newest first",
        security,
        querystring: ordersQuery,
        response: { 200: orderListAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const cached = await answers.find(request, "staff");
      if (cached) return sendAnswer(request, reply, positions, cached);
      const { limit, cursor, ...filters } = request.query;
      const { page, next } = listOf(cursors, "orders", filters, { limit, cursor });
      await fresh(request, reply, "orders");
      const position = standsAt();
      const found = await queries.run("orders", { ...filters, ...page });
      const json = listText(found.texts.map(orderSummaryText), next(found.next));
      return sendAnswer(request, reply, positions, answers.keep(request, "staff", position, json));
    },
  );

  app.get(
    "/v1/orders/:id",
    {
      schema: {
        tags: ["orders"],
        summary: "One order, by its id or its number; for a guest with the Cart-Token of its cart",
        security: [{ cartToken: [] }, { bearer: [] }],
        querystring: noQuery,
        params: orderParams,
        response: { 200: orderDetailAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await fresh(request, reply, "orders", "payments", "reservations");
      const [orders, payments, reservations] = await Promise.all([
        models.model("orders"),
        models.model("payments"),
        models.model("reservations"),
      ]);
      const order = await getOrder({ orders, payments, reservations }, id);
      // A guest is told the same of an order that is not there and of one that is another's.
      await auth.requireCart(request, order?.cartId ?? "", { what: "order", id });
      const paidBy = (order?.payments ?? []).map(({ id }) => ["payments", id] as const);
      await unparked(request, ["orders", order?.id], ...paidBy);
      if (!order) throw notFound("order", id);
      const orderOf = auth.isStaff(request) ? staffOrderOf : guestOrderOf;
      return sendTagged(request, reply, JSON.stringify(orderOf(order)), order.revision);
    },
  );

  refundableQuery(app, deps);
  paymentQueries(app, deps);
}

function refundableQuery(app: App, { runtime: { models }, fresh, unparked }: Deps): void {
  app.get(
    "/v1/orders/:id/refundable",
    {
      schema: {
        tags: ["orders"],
        summary: "What can still be refunded of an order, by its id or its number",
        security,
        querystring: noQuery,
        params: orderParams,
        response: { 200: refundableAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await fresh(request, reply, "orders", "payments");
      const [orders, payments] = await Promise.all([models.model("orders"), models.model("payments")]);
      const found = await getRefundable(orders, payments, id);
      await unparked(request, ["orders", found?.id]);
      if (!found) throw notFound("order", id);
      return sendJson(reply, JSON.stringify(staffRefundableOf(found)));
    },
  );
}

function paymentQueries(app: App, { runtime: { models }, fresh, unparked }: Deps): void {
  app.get(
    "/v1/payments/:id",
    {
      schema: {
        tags: ["payments"],
        summary: "One payment",
        security,
        querystring: noQuery,
        params: idParams,
        response: { 200: paymentAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await fresh(request, reply, "payments");
      await unparked(request, ["payments", id]);
      const found = await (await models.model("payments")).get(id);
      if (!found) throw notFound("payment", id);
      return sendJson(reply, staffPaymentText(found.json));
    },
  );
}

/** By themselves, what an account has bought. */
function ordersOfCustomer(app: App, { runtime, auth, fresh, cursors }: Deps): void {
  app.get(
    "/v1/me/orders",
    {
      schema: {
        tags: ["customers"],
        summary: "Your orders, newest first",
        security,
        querystring: pageQuery,
        response: { 200: guestOrderListAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { customerId: customer } = auth.requireCustomer(request);
      const { page, next } = listOf(cursors, "my orders", { customer }, request.query);
      await fresh(request, reply, "orders");
      const found = await runtime.queries.run("orders", { customer, ...page });
      return sendTagged(request, reply, listText(found.texts.map(guestOrderSummaryText), next(found.next)));
    },
  );
}
