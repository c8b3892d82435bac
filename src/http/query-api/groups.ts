import type { FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import { notFound } from "../../values/problem.ts";
import { forAll } from "../caching.ts";
import {
  brandAnswer,
  brandOf,
  brandsAnswer,
  categoriesAnswer,
  categoryAnswer,
  categoryOf,
} from "../resources/groups.ts";
import { idParams, noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { createAnswerCache, sendAnswer } from "./answer-cache.ts";
import type { Sent } from "./pages.ts";

const describe = (summary: string) => ({ tags: ["categories"], summary, security: [] });

interface Shown {
  id: string;
}

/** Where all of a kind come from, and which of them others than staff may see. */
interface GroupKind<Item extends Shown> {
  what: string;
  all: () => Promise<readonly Item[]>;
  /** What no published product is in is nobody's business. */
  isShown: (item: Item) => boolean;
  view: (item: Item) => object;
}

export function groupQueries(app: App, deps: Deps): void {
  const { queries } = deps.runtime;
  const categories = answering(deps, {
    what: "category",
    all: () => queries.run("categories", undefined),
    isShown: ({ productCountBelow }) => productCountBelow > 0,
    view: categoryOf,
  });
  const brands = answering(deps, {
    what: "brand",
    all: () => queries.run("brands", undefined),
    isShown: ({ productCount }) => productCount > 0,
    view: brandOf,
  });
  list(app, "/v1/categories", "All categories, each before those below it", categoriesAnswer, categories);
  one(app, "/v1/categories/:id", "One category", categoryAnswer, categories);
  list(app, "/v1/brands", "All brands, by name", brandsAnswer, brands);
  one(app, "/v1/brands/:id", "One brand", brandAnswer, brands);
}

type Answer = (request: FastifyRequest, reply: FastifyReply, id?: string) => Promise<Sent>;

/** @returns answers a request with one of the kind, or with all that its client may see */
function answering<Item extends Shown>(
  { auth, recency, positions, fresh, runtime }: Deps,
  { what, all, isShown, view }: GroupKind<Item>,
): Answer {
  const standsAt = () => runtime.models.progress("catalog").position;
  const answers = createAnswerCache(recency, positions, standsAt);
  return async (request, reply, id) => {
    const audience = auth.audience(request, "products");
    let answer = await answers.find(request, audience);
    if (!answer) {
      await fresh(request, reply, "catalog");
      const position = standsAt();
      const items = (await all()).filter((item) => audience === "staff" || isShown(item));
      const found = items.find((item) => item.id === id);
      if (id !== undefined && !found) throw notFound(what, id);
      const body = found ? view(found) : { items: items.map(view) };
      answer = answers.keep(request, audience, position, JSON.stringify(body));
    }
    return sendAnswer(request, reply, positions, answer);
  };
}

function list(app: App, path: string, summary: string, answer: z.ZodType, send: Answer): void {
  app.get(
    path,
    {
      ...forAll,
      schema: {
        ...describe(`${summary}; to others than staff those with published products`),
        querystring: noQuery,
        response: { 200: answer, "4xx": problemSchema },
      },
    },
    (request, reply) => send(request, reply),
  );
}

function one(app: App, path: string, summary: string, answer: z.ZodType, send: Answer): void {
  app.get(
    path,
    {
      ...forAll,
      schema: {
        ...describe(summary),
        querystring: noQuery,
        params: idParams,
        response: { 200: answer, "4xx": problemSchema },
      },
    },
    (request, reply) => send(request, reply, request.params.id),
  );
}
