import { stockLedger } from "../../../projections/stock/ledger.ts";
import { notFound } from "../../values/problem.ts";
import { header } from "../auth.ts";
import { noQuery, problemSchema, skuParams } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { listOf, listText, sendJson } from "./pages.ts";
import { ledgerAnswer, pageQuery, stockDetailAnswer, stockListAnswer, stocksQuery } from "./schemas.ts";

export function stockQueries(app: App, { runtime, staffOnly, fresh, asOfNow, cursors }: Deps): void {
  const { models, queries, hotStock } = runtime;
  const security = [{ bearer: [] }];

  app.get(
    "/v1/stock",
    {
      ...staffOnly,
      schema: {
        tags: ["stock"],
        summary: "List the stock of all SKUs, or of those with one status",
        security,
        querystring: stocksQuery,
        response: { 200: stockListAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { limit, cursor, ...filters } = request.query;
      const { page, next } = listOf(cursors, "stock", filters, { limit, cursor });
      await fresh(request, reply, "stock");
      const found = await queries.run("stock", { ...filters, ...page });
      sendJson(reply, listText(found.texts, next(found.next)));
    },
  );

  app.get(
    "/v1/stock/:sku",
    {
      schema: {
        tags: ["stock"],
        summary: "The stock of a SKU as of now",
        security: [],
        querystring: noQuery,
        params: skuParams,
        response: { 200: stockDetailAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { sku } = request.params;
      // A SKU that is for sale has a stock before anything has happened to it: only the model knows.
      if (header(request, "min-position") === undefined) await asOfNow(request, reply, "stock");
      else await fresh(request, reply, "stock");
      const json = await hotStock.get(sku);
      if (json === undefined) throw notFound("stock of SKU", sku);
      sendJson(reply, json);
    },
  );

  app.get(
    "/v1/stock/:sku/ledger",
    {
      ...staffOnly,
      schema: {
        tags: ["stock"],
        summary: "What moved the pieces of a SKU, newest first",
        security,
        querystring: pageQuery,
        params: skuParams,
        response: { 200: ledgerAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { sku } = request.params;
      const { page, next } = listOf(cursors, "ledger", [sku], request.query);
      await fresh(request, reply, "stock-ledger");
      const found = await stockLedger(await models.model("stock-ledger"), sku, page);
      sendJson(reply, JSON.stringify({ items: found.items, nextCursor: next(found.next) }));
    },
  );
}
