import type { FastifyRequest } from "fastify";
import { skuPrefix } from "../../../projections/catalog/catalog.ts";
import { groupsKey, KnownGroups } from "../../../projections/catalog/groups.ts";
import { getProduct } from "../../../projections/catalog/queries.ts";
import type { ProductView } from "../../../projections/catalog/views.ts";
import { notFound, Problem } from "../../values/problem.ts";
import { header } from "../auth.ts";
import { forAll } from "../caching.ts";
import {
  bestSellersAnswer,
  guestItemOf,
  guestProductOf,
  guestProductText,
  guestSellersOf,
  productDetailAnswer,
  productListAnswer,
  recentProductsAnswer,
  staffProductOf,
  staffProductText,
  staffSellersOf,
} from "../resources/products.ts";
import { noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { createAnswerCache, sendAnswer } from "./answer-cache.ts";
import { listOf, listText, sendJson, sendTagged } from "./pages.ts";
import { limitDefault, limitQuery, productParams, productsQuery } from "./schemas.ts";

const recentProductsMax = 20;
const recentProductsTtlMs = 30 * 24 * 60 * 60 * 1_000;
const bestSellersTtlMs = 5_000;
const visitorPattern = /^[\x21-\x7e]{1,64}$/;

const describe = (summary: string) => ({ tags: ["products"], summary, security: [] });
const recentKey = (visitor: string) => `recently-viewed:${visitor}`;

export function productQueries(app: App, deps: Deps): void {
  listOfProducts(app, deps);
  oneProduct(app, deps);
  recentlyViewed(app, deps);
  bestSellers(app, deps);
}

function listOfProducts(app: App, deps: Deps): void {
  const { auth, recency, positions, fresh, cursors } = deps;
  const { models, queries } = deps.runtime;
  const standsAt = () => models.progress("catalog").position;
  const answers = createAnswerCache(recency, positions, standsAt);

  app.get(
    "/v1/products",
    {
      ...forAll,
      schema: {
        ...describe("List products, filtered, searched and counted by facets"),
        querystring: productsQuery,
        response: { 200: productListAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const audience = auth.audience(request, "products");
      const { limit = limitDefault, cursor, facets, ids, skus, ...filters } = request.query;
      if (filters.status) auth.requireStaff(request, "products");
      const cached = await answers.find(request, audience);
      if (cached) return sendAnswer(request, reply, positions, cached);
      const { page, next } = listOf(cursors, "products", filters, { limit, cursor });
      await fresh(request, reply, "catalog");
      const position = standsAt();
      const found = await (ids || skus
        ? queries.run("namedProducts", { ids, skus, status: filters.status })
        : queries.run("products", { ...filters, facets, ...page }));
      const { total, totalIsMore, corrected } = found;
      const counted = {
        total,
        ...(totalIsMore && { totalIsMore }),
        // A word that only drafts have is nobody's business: it finds nothing.
        ...(corrected !== undefined && total > 0 && { corrected }),
        ...(found.facets && { facets: found.facets }),
      };
      const textOf = audience === "staff" ? staffProductText : guestProductText;
      const json = listText(found.texts.map(textOf), next(found.next), counted);
      return sendAnswer(request, reply, positions, answers.keep(request, audience, position, json));
    },
  );
}

function oneProduct(app: App, deps: Deps): void {
  const { auth, recency, positions, fresh, unparked } = deps;
  const { models, hot } = deps.runtime;
  const standsAt = () => models.progress("catalog").position;
  const { changedCatalog: changes } = models;
  const answers = createAnswerCache(recency, positions, standsAt, changes);
  const known = new KnownGroups();
  /** An answer that was kept may be of a document that is parked: good for all but who asks for newer. */
  const mayBeParked = (request: FastifyRequest) =>
    header(request, "min-position") !== undefined && models.progress("catalog").parked > 0;

  app.get(
    "/v1/products/:id",
    {
      ...forAll,
      schema: {
        ...describe("One product, by its id or its slug; drafts and archived ones for staff"),
        querystring: noQuery,
        params: productParams,
        response: { 200: productDetailAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const visitor = visitorOf(request);
      const audience = auth.audience(request, "products");
      const unpublished = audience === "staff";
      // Who is remembered as having looked at it has to be told its id.
      const isAsAnybody = visitor === undefined && !mayBeParked(request);
      const cached = isAsAnybody ? await answers.find(request, audience) : undefined;
      if (cached) return sendAnswer(request, reply, positions, cached);
      await fresh(request, reply, "catalog");
      const position = standsAt();
      const readAt = changes.now;
      const product = await getProduct(await models.model("catalog"), id, { unpublished, known });
      const skus = (product?.variants ?? []).map(({ sku }) => ["catalog", skuPrefix + sku] as const);
      await unparked(request, ["catalog", product?.id], ...skus);
      if (!product) throw notFound("product", id);
      // Only a convenience: a hot store that is away must not keep the product from being shown.
      if (visitor !== undefined)
        await hot
          .pushRecent(recentKey(visitor), product.id, recentProductsMax, recentProductsTtlMs)
          .catch((error: unknown) => request.log.warn({ err: error }, "a viewed product is not remembered"));
      const json = JSON.stringify(unpublished ? staffProductOf(product) : shownToGuests(product));
      return sendAnswer(
        request,
        reply,
        positions,
        answers.keep(request, audience, position, json, {
          revision: product.revision,
          sources: isOfItself(product) ? { readAt, keys: [product.id, groupsKey] } : undefined,
        }),
      );
    },
  );
}

/** Whether a page says nothing of other products, not even that none of them can be shown. */
function isOfItself({ relatedProducts }: ProductView): boolean {
  return relatedProducts === undefined;
}

/** @throws Problem not_found: it is asserted again that no draft is shown, wherever the product was found */
function shownToGuests({ status, ...product }: ProductView) {
  if (status !== "published") throw notFound("product", product.id);
  return guestProductOf({ ...product, status });
}

function recentlyViewed(app: App, { runtime: { models, hot }, fresh }: Deps): void {
  const known = new KnownGroups();

  app.get(
    "/v1/recently-viewed",
    {
      schema: {
        ...describe("What the visitor named by Visitor-Id has looked at, newest first"),
        querystring: noQuery,
        response: { 200: recentProductsAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const visitor = visitorOf(request);
      if (visitor === undefined) throw new Problem("malformed_request", "this needs a Visitor-Id");
      await fresh(request, reply, "catalog");
      const [ids, model] = await Promise.all([
        hot.recent(recentKey(visitor)).catch(() => []),
        models.model("catalog"),
      ]);
      const products = await Promise.all(ids.map((id) => getProduct(model, id, { known })));
      const items = products.flatMap((product) => (product ? [guestItemOf(product)] : []));
      return sendJson(reply, JSON.stringify({ items }));
    },
  );
}

function bestSellers(app: App, { runtime: { queries, hot }, auth, fresh }: Deps): void {
  app.get(
    "/v1/best-sellers",
    {
      ...forAll,
      schema: {
        ...describe("What is for sale and was sold most, of all time, by units"),
        querystring: limitQuery,
        response: { 200: bestSellersAnswer, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { limit } = request.query;
      const isStaff = auth.isAllowed(request, "analytics");
      const key = `best-sellers:for-sale:${isStaff ? "staff" : "guest"}:${limit}`;
      if (header(request, "min-position") === undefined) {
        const cached = await hot.get(key).catch(() => undefined);
        if (cached !== undefined) return sendTagged(request, reply, cached);
      }
      await fresh(request, reply, "product-sales", "catalog");
      const ranked = await queries.run("bestSellers", limit);
      const items = isStaff ? staffSellersOf(ranked) : guestSellersOf(ranked);
      const json = JSON.stringify({ items });
      await hot.set(key, json, bestSellersTtlMs).catch(() => {});
      return sendTagged(request, reply, json);
    },
  );
}

/** @throws Problem malformed_request */
function visitorOf(request: FastifyRequest): string | undefined {
  const visitor = header(request, "visitor-id");
  if (visitor !== undefined && !visitorPattern.test(visitor))
    throw new Problem("malformed_request", "Visitor-Id: 1 to 64 visible ASCII characters");
  return visitor;
}
