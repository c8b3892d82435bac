import { z } from "zod";
import { account } from "../../../commands/account/account.ts";
import { customer, found } from "../../../commands/customer/customer.ts";
import { getCustomer, type ListedCustomer, listCustomers } from "../../../projections/customers.ts";
import { getOrder } from "../../../projections/orders/queries.ts";
import { openCustomer } from "../../identity/personal.ts";
import { isoTime } from "../../values/clock.ts";
import { emailSchema } from "../../values/email.ts";
import { notFound } from "../../values/problem.ts";
import {
  addressOf,
  consentOf,
  customerExportAnswer,
  customerOf,
  listedCustomerAnswer,
  listedCustomersAnswer,
} from "../resources/customers.ts";
import { guestOrderOf } from "../resources/orders.ts";
import { idParams, noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { listOf } from "./pages.ts";
import { pageQuery } from "./schemas.ts";

const security = [{ bearer: [] }];
const exportedOrdersMax = 10_000;
const ordersPerPage = 100;

const customersQuery = pageQuery.extend({
  email: emailSchema.optional().describe("Just this address, however it is written"),
  status: z.enum(["active", "inactive", "suspended"]).optional(),
});

/** Customers as staff finds them, and all that the shop knows of one, for the customer. */
export function customerQueries(app: App, deps: Deps): void {
  const { runtime, fresh, cursors } = deps;
  const { models, identity } = runtime;
  const model = () => models.model("customers");

  app.get(
    "/v1/customers",
    {
      schema: {
        tags: ["customers"],
        summary: "List customers, newest first",
        security,
        querystring: customersQuery,
        response: { 200: listedCustomersAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { limit, cursor, email, status } = request.query;
      const emailRef = email === undefined ? undefined : await identity.emails.refOf(email);
      const { page, next } = listOf(cursors, "customers", { emailRef, status }, { limit, cursor });
      await fresh(request, reply, "customers");
      // An address that nobody has an account with.
      if (email !== undefined && emailRef === undefined) return { items: [], nextCursor: null };
      const listed = await listCustomers(await model(), { emailRef, status, ...page });
      return {
        items: await Promise.all(listed.items.map((each) => shownToStaff(deps, each))),
        nextCursor: next(listed.next),
      };
    },
  );

  app.get(
    "/v1/customers/:id",
    {
      schema: {
        tags: ["customers"],
        summary: "One customer",
        security,
        querystring: noQuery,
        params: idParams,
        response: { 200: listedCustomerAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      await fresh(request, reply, "customers");
      const listed = await getCustomer(await model(), request.params.id);
      if (!listed) throw notFound("customer", request.params.id);
      return shownToStaff(deps, listed);
    },
  );

  exporting(app, deps);
}

async function shownToStaff({ runtime }: Deps, listed: ListedCustomer) {
  const { engine, identity } = runtime;
  const [opened, twoFactor] = await Promise.all([
    openCustomer(identity.sealing, listed),
    engine.read(account, listed.id, ({ totp }) => totp !== undefined),
  ]);
  const { orders, lastOrderAt, reason } = listed;
  return {
    ...customerOf(listed.id, opened, twoFactor),
    ...(reason !== undefined && { suspendedFor: reason }),
    orders,
    ...(lastOrderAt !== undefined && { lastOrderAt: isoTime(lastOrderAt) }),
  };
}

/** By a customer, of all that is theirs. */
function exporting(app: App, deps: Deps): void {
  const { runtime, auth, fresh } = deps;
  const { engine, identity, clock } = runtime;

  app.get(
    "/v1/me/export",
    {
      schema: {
        tags: ["customers"],
        summary: "All that the shop knows of you",
        security,
        querystring: noQuery,
        response: { 200: customerExportAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { customerId } = auth.requireCustomer(request);
      await fresh(request, reply, "orders", "payments", "reservations");
      const opened = await openCustomer(identity.sealing, await engine.read(customer, customerId, found));
      const { twoFactor, sessions } = await engine.read(account, customerId, ({ totp, sessions }) => ({
        twoFactor: totp !== undefined,
        sessions: [...sessions.values()],
      }));
      return {
        format: "cartwright-export/1" as const,
        exportedAt: isoTime(clock()),
        customer: customerOf(customerId, opened, twoFactor),
        addresses: opened.addresses.map((each) => addressOf(each, opened.defaults)),
        consents: opened.consents.map(consentOf),
        sessions: sessions.map((each) => ({
          ...{ id: each.sessionId, startedAt: isoTime(each.startedAt), seenAt: isoTime(each.seenAt) },
        })),
        orders: await ordersOf(deps, customerId),
      };
    },
  );
}

async function ordersOf({ runtime }: Deps, customerId: string) {
  const { models, queries } = runtime;
  const [orders, payments, reservations] = await Promise.all([
    models.model("orders"),
    models.model("payments"),
    models.model("reservations"),
  ]);
  const exported: ReturnType<typeof guestOrderOf>[] = [];
  for (let after: readonly (string | number | null)[] | undefined; exported.length < exportedOrdersMax; ) {
    const page = await queries.run("orders", { customer: customerId, limit: ordersPerPage, after });
    for (const text of page.texts) {
      const { id } = JSON.parse(text) as { id: string };
      const order = await getOrder({ orders, payments, reservations }, id);
      if (order) exported.push(guestOrderOf(order));
    }
    if (page.next === null) break;
    after = page.next;
  }
  return exported;
}
