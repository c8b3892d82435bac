import { problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { sendJson } from "./pages.ts";
import {
  categorySalesAnswer,
  daysQuery,
  funnelAnswer,
  periodsQuery,
  productSalesAnswer,
  rankedQuery,
  refundsAnswer,
  salesAnswer,
} from "./schemas.ts";

const describe = (summary: string) => ({ tags: ["analytics"], summary, security: [{ bearer: [] }] });

/** Reports by days of the store's time zone, `from` and `to` both included. */
export function analyticsQueries(app: App, deps: Deps): void {
  periodReports(app, deps);
  rankedReports(app, deps);
  funnelReport(app, deps);
}

function periodReports(app: App, { runtime: { queries }, fresh }: Deps): void {
  const periods = { querystring: periodsQuery };

  app.get(
    "/v1/analytics/sales",
    {
      schema: {
        ...describe("Sales by day or by month, oldest first"),
        ...periods,
        response: { 200: salesAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      await fresh(request, reply, "sales");
      return sendJson(reply, JSON.stringify(await queries.run("sales", request.query)));
    },
  );

  app.get(
    "/v1/analytics/refunds",
    {
      schema: {
        ...describe("Money given back by day or by month, oldest first"),
        ...periods,
        response: { 200: refundsAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      await fresh(request, reply, "sales");
      return sendJson(reply, JSON.stringify(await queries.run("refunds", request.query)));
    },
  );
}

function rankedReports(app: App, { runtime: { queries }, fresh }: Deps): void {
  const ranked = { querystring: rankedQuery };

  app.get(
    "/v1/analytics/products",
    {
      schema: {
        ...describe("What was first paid or shipped of each SKU, less what came back, best first"),
        ...ranked,
        response: { 200: productSalesAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      await fresh(request, reply, "product-sales");
      return sendJson(reply, JSON.stringify(await queries.run("productSales", request.query)));
    },
  );

  app.get(
    "/v1/analytics/categories",
    {
      schema: {
        ...describe("What was first paid or shipped of each category, less what came back, best first"),
        ...ranked,
        response: { 200: categorySalesAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      await fresh(request, reply, "category-sales");
      return sendJson(reply, JSON.stringify(await queries.run("categorySales", request.query)));
    },
  );
}

function funnelReport(app: App, { runtime: { queries }, fresh }: Deps): void {
  app.get(
    "/v1/analytics/funnel",
    {
      schema: {
        ...describe("How many carts opened in the days came to each step from cart to order"),
        querystring: daysQuery,
        response: { 200: funnelAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      await fresh(request, reply, "funnel");
      return sendJson(reply, JSON.stringify(await queries.run("funnel", request.query)));
    },
  );
}
