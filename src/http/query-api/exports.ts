import { once } from "node:events";
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { ExportFormat } from "../../../projections/exported.ts";
import { type ExportName, type ExportRequest, exportOf } from "../../runtime/exports.ts";
import { Problem } from "../../values/problem.ts";
import { problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";
import type { Sent } from "./pages.ts";
import { ordersExportQuery, productsExportQuery, stockExportQuery } from "./schemas.ts";

/** At once, of this process: each holds some megabytes and takes its turns in the thread of queries. */
const exportsMax = 4;
const retryAfterSeconds = 30;

const types: Record<ExportFormat, string> = {
  csv: "text/csv; charset=utf-8; header=present",
  jsonl: "application/x-ndjson; charset=utf-8",
};

const table = z.string();
const described = {
  tags: ["exports"],
  security: [{ bearer: [] }],
  response: {
    200: {
      description: "The table; one that breaks off ends without the end of its last chunk",
      content: { "text/csv": { schema: table }, "application/x-ndjson": { schema: table } },
    },
    "4xx": problemSchema,
  },
};

/** Tables for other programs, sent while they are read and no faster than they are taken. Staff only. */
export function exportQueries(app: App, deps: Deps): void {
  const { fresh, runtime } = deps;
  const send = createSend(app, deps);

  app.get(
    "/v1/exports/orders",
    {
      schema: {
        ...described,
        summary: "Orders as a table, oldest first: a row for each line, or for each order",
        querystring: ordersExportQuery,
      },
    },
    async (request, reply) => {
      const { bom, ...asked } = request.query;
      await fresh(request, reply, "orders");
      return send(request, reply, "exportOrders", { ...asked, placedBefore: runtime.clock() }, bom);
    },
  );
  app.get(
    "/v1/exports/products",
    {
      schema: {
        ...described,
        summary: "Products as a table: a row for each variant",
        querystring: productsExportQuery,
      },
    },
    async (request, reply) => {
      const { bom, ...asked } = request.query;
      await fresh(request, reply, "catalog");
      return send(request, reply, "exportProducts", asked, bom);
    },
  );
  app.get(
    "/v1/exports/stock",
    {
      schema: {
        ...described,
        summary: "Stock as a table: a row for each SKU",
        querystring: stockExportQuery,
      },
    },
    async (request, reply) => {
      const { bom, ...asked } = request.query;
      await fresh(request, reply, "stock");
      return send(request, reply, "exportStock", asked, bom);
    },
  );
}

const fileOf: Record<ExportName, string> = {
  exportOrders: "orders",
  exportProducts: "products",
  exportStock: "stock",
};

type Send = <K extends ExportName>(
  request: FastifyRequest,
  reply: FastifyReply,
  name: K,
  asked: ExportRequest<K>,
  bom: boolean,
) => Promise<Sent>;

function createSend(app: App, { runtime: { queries } }: Deps): Send {
  const underWay = new Set<Readable>();
  // Whoever reads one is told that it broke off; a close that waited for slow readers would never end.
  app.addHook("preClose", async () => {
    for (const stream of underWay) stream.destroy(new Error("the server is closing"));
  });

  return async (request, reply, name, asked, bom) => {
    if (underWay.size >= exportsMax) {
      reply.header("Retry-After", retryAfterSeconds);
      throw new Problem("unavailable", `${exportsMax} exports are under way`);
    }
    const { format } = asked;
    // One page is sent while the next is read.
    const pages = exportOf(queries, name, asked, bom && format === "csv");
    const stream = Readable.from(pages, { highWaterMark: 1 });
    underWay.add(stream);
    stream.once("close", () => underWay.delete(stream));
    // What keeps the first page from being read can still be told.
    await once(stream, "readable");
    reply.header("Content-Type", types[format]);
    reply.header("Content-Disposition", `attachment; filename="${fileOf[name]}.${format}"`);
    if (request.method !== "HEAD") return reply.send(stream) as unknown as Sent;
    stream.destroy();
    return reply.send() as unknown as Sent;
  };
}
