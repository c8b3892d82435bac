import { isForSale } from "../../../projections/catalog/queries.ts";
import { stockLedger } from "../../../projections/stock/ledger.ts";
import { type StockView, stockedSpelling } from "../../../projections/stock/stock.ts";
import { Remembered } from "../../runtime/changed-documents.ts";
import { notFound } from "../../values/problem.ts";
import { header } from "../auth.ts";
import { forAll } from "../caching.ts";
import {
  guestStockOf,
  ledgerAnswer,
  movementOf,
  staffStockText,
  stockDetailAnswer,
  stockListAnswer,
} from "../resources/stock.ts";
import { noQuery, problemSchema, skuParams } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { listOf, listText, sendJson, sendTagged } from "./pages.ts";
import { pageQuery, stocksQuery } from "./schemas.ts";

/** SKUs that it is known of whether they are for sale. */
const forSaleMax = 20_000;

export function stockQueries(app: App, deps: Deps): void {
  const { runtime, fresh, cursors } = deps;
  const { models, queries } = runtime;
  const security = [{ bearer: [] }];

  app.get(
    "/v1/stock",
    {
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
      return sendJson(reply, listText(found.texts.map(staffStockText), next(found.next)));
    },
  );

  stockOfOne(app, deps);

  app.get(
    "/v1/stock/:sku/ledger",
    {
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
      const { page, next } = listOf(cursors, "ledger", [request.params.sku], request.query);
      await fresh(request, reply, "stock", "stock-ledger");
      const sku = await stockedSpelling(await models.model("stock"), request.params.sku);
      const found = await stockLedger(await models.model("stock-ledger"), sku, page);
      return sendJson(
        reply,
        JSON.stringify({ items: found.items.map(movementOf), nextCursor: next(found.next) }),
      );
    },
  );
}

function stockOfOne(app: App, { runtime, auth, fresh, asOfNow }: Deps): void {
  const { models, hotStock } = runtime;
  const forSale = new Remembered<boolean>(models.changedCatalog, forSaleMax);
  const catalog = () => models.model("catalog");

  app.get(
    "/v1/stock/:sku",
    {
      ...forAll,
      schema: {
        tags: ["stock"],
        summary: "The stock of a SKU as of now; for others than staff, what is left of one that is for sale",
        security: [],
        querystring: noQuery,
        params: skuParams,
        response: { 200: stockDetailAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const isStaff = auth.isAllowed(request, "stock");
      // Behind what is asked for, a SKU may not be known yet; its pieces are as of now in any case.
      if (!isStaff) await fresh(request, reply, "stock", "catalog");
      else if (header(request, "min-position") !== undefined) await fresh(request, reply, "stock");
      const sku = await stockedSpelling(await models.model("stock"), request.params.sku);
      const isShown = isStaff || (await forSale.get(sku, async () => isForSale(await catalog(), sku)));
      const json = isShown
        ? await asOfNow(request, reply, "stock", (asOf) => hotStock.get(sku, asOf))
        : undefined;
      if (json === undefined) throw notFound("stock of SKU", request.params.sku);
      const shown = isStaff
        ? staffStockText(json)
        : JSON.stringify(guestStockOf(JSON.parse(json) as StockView));
      return sendTagged(request, reply, shown);
    },
  );
}
