import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { z } from "zod";
import type { ShopEvents } from "../../../commands/events.ts";
import { productImport } from "../../../commands/productimport/productimport.ts";
import { type ListedImport, listImports } from "../../../projections/imports.ts";
import { type DataOf, streamName } from "../../engine/decider.ts";
import { rejectLine, rejectsHeader } from "../../importers/products/rejects.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { notFound } from "../../values/problem.ts";
import { importDetails, importList, importView, summaryView } from "../resources/imports.ts";
import { idParams, noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import { listOf, type Sent } from "./pages.ts";
import { importsQuery } from "./schemas.ts";

const eventsPageMax = 50;
const shared = { tags: ["imports"], security: [{ bearer: [] }] };

export function importQueries(app: App, deps: Deps): void {
  const { runtime, fresh, unparked, cursors } = deps;
  const { models } = runtime;

  app.get(
    "/v1/imports",
    {
      schema: {
        ...shared,
        summary: "Imports of products, newest first",
        querystring: importsQuery,
        response: { 200: importList, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { page, next } = listOf(cursors, "imports", [], request.query);
      await fresh(request, reply, "imports");
      const found = await listImports(await models.model("imports"), page);
      const items = found.imports.map(({ id, ...job }) => summaryView(id, job));
      return { items, nextCursor: next(found.next) };
    },
  );

  app.get(
    "/v1/imports/:id",
    {
      schema: {
        ...shared,
        summary: "One import: how far it is, what it has come to, and the first of what was rejected",
        querystring: noQuery,
        params: idParams,
        response: { 200: importDetails, "4xx": problemSchema },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await fresh(request, reply, "imports");
      await unparked(request, ["imports", id]);
      const found = await (await models.model("imports")).get(id);
      if (!found) throw notFound("import", id);
      const { id: _, ...job } = JSON.parse(found.json) as ListedImport;
      return importView(id, job);
    },
  );

  rejectsOf(app, deps);
}

function rejectsOf(app: App, { runtime }: Deps): void {
  app.get(
    "/v1/imports/:id/rejects",
    {
      schema: {
        ...shared,
        summary: "What an import has rejected so far, as CSV: row, product, field, value and reason",
        querystring: noQuery,
        params: idParams,
        response: {
          200: { description: "The table", content: { "text/csv": { schema: z.string() } } },
          "4xx": problemSchema,
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const state = await runtime.engine.read(productImport, id, ({ state }) => state);
      if (state === "absent") throw notFound("import", id);
      reply.header("Content-Type", "text/csv; charset=utf-8; header=present");
      reply.header("Content-Disposition", 'attachment; filename="rejects.csv"');
      const isHead = request.method === "HEAD";
      return (reply as FastifyReply).send(
        isHead ? "" : Readable.from(rejectLines(runtime, id)),
      ) as unknown as Sent;
    },
  );
}

/** From the log, an event of it at a time. */
async function* rejectLines({ events, codec }: Runtime, id: string): AsyncGenerator<string> {
  yield rejectsHeader;
  const stream = streamName("productimport", id);
  for (let from = 0, isEnd = false; !isEnd; ) {
    const page = await events.readStream(stream, { from, maxCount: eventsPageMax });
    for (const event of page.events) {
      if (event.type !== "ProductImportReached") continue;
      const { rejects } = codec.decode(event) as DataOf<ShopEvents, "ProductImportReached">;
      if (rejects.length > 0) yield rejects.map(rejectLine).join("");
    }
    from += page.events.length;
    isEnd = page.isEnd;
  }
}
