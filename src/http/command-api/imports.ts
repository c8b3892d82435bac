import { z } from "zod";
import {
  importFile,
  type ProductImportState,
  productImport,
} from "../../../commands/productimport/productimport.ts";
import { tasksOf } from "../../../projections/tasks/queries.ts";
import type { CommandContext, Outcome } from "../../engine/write/engine.ts";
import { isEncoding } from "../../importers/csv/decoding.ts";
import { deriveId } from "../../values/ids.ts";
import { illegalTransition, notFound } from "../../values/problem.ts";
import { type Found, foundIn, type RequestCommand, unconditional } from "../edge/commands.ts";
import { acceptUploads, type Upload, uploadTypes } from "../edge/uploads.ts";
import { invalid } from "../problems.ts";
import { importDetails, importView } from "../resources/imports.ts";
import { emptyBody, idParams, importQuery, noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";

/** That wait: each keeps a file on the log. */
const importsOpenMax = 20;
/** Gzipped bytes of a file in one event: half as many again as the text that they are there. */
const partBytesMax = 256 * 1024;

const described = (summary: string, status: number) => ({
  tags: ["imports"],
  summary,
  security: [{ bearer: [] }],
  response: { [status]: importDetails, "4xx": problemSchema },
});

type Respond = (state: ProductImportState, revision: number) => Found<ProductImportState>;
type Run = (context: CommandContext, respond: Respond) => Promise<Outcome<Found<ProductImportState>>>;

/** A command on one import, answered by the import right after it. */
function importCommand(
  id: string,
  status: number,
  run: Run,
  isNew = false,
): RequestCommand<ProductImportState> {
  return {
    aim: { decider: productImport, id, ...(isNew && { isNew }) },
    run: async (context) => foundIn(await run(context, (state, revision) => ({ state, revision }))),
    answer: ({ state, ...where }) => {
      if (state.state === "absent") throw notFound("import", id);
      return { status, body: importView(id, state), ...where };
    },
  };
}

/** Imports of products: a file is handed in and imported beside the shop, a few products at a time. Staff only. */
export function importCommands(app: App, deps: Deps): void {
  const { runtime, commands } = deps;
  const { engine } = runtime;

  app.register(async (uploads) => {
    acceptUploads(uploads as App);
    handingIn(uploads as App, deps);
  });

  app.post(
    "/v1/imports/:id/cancel",
    {
      schema: {
        ...described("Cancel an import: what it has done stays done", 200),
        querystring: noQuery,
        params: idParams,
        body: emptyBody,
      },
    },
    (request, reply) => {
      const { id } = request.params;
      const run: Run = (context, respond) =>
        engine.execute(productImport, id, "Cancel", {}, context, respond);
      return commands.run(request, reply, () => importCommand(id, 200, run));
    },
  );
}

function handingIn(app: App, deps: Deps): void {
  const { runtime, commands } = deps;
  const { engine } = runtime;

  app.post(
    "/v1/imports/products",
    {
      config: { askedBy },
      schema: {
        ...described(
          "Import products from a file: in the columns of the products' export, of Shopify's or of WooCommerce's",
          202,
        ),
        querystring: importQuery,
        consumes: uploadTypes,
        body: z
          .any()
          .meta({ description: "The file; in JSON, products or rows of the export, one or a list" }),
      },
    },
    async (request, reply) => {
      const upload = request.body as Upload | undefined;
      if (!upload || upload.bytes === 0) throw invalid([{ path: "body", message: "the file is empty" }]);
      const { dryRun, publish, encoding: named } = request.query;
      const encoding = named ?? upload.charset;
      if (encoding !== undefined && !isEncoding(encoding))
        throw invalid([
          { path: "encoding", message: "a name of the Encoding Standard, such as windows-1252" },
        ]);
      const parts = partsOf(upload.gzipped);
      const command = {
        kind: upload.kind,
        bytes: upload.bytes,
        parts: parts.length,
        ...(encoding !== undefined && { encoding }),
        isDry: dryRun,
        isPublishing: publish,
      };
      return commands.run(request, reply, (commandId) => {
        const id = deriveId(commandId, "import");
        const run: Run = async (context, respond) => {
          await requireRoom(deps);
          for (const [part, bytes] of parts.entries()) {
            const { since: _, ...own } = unconditional(context);
            const step = { ...own, commandId: deriveId(commandId, "part", part) };
            await engine.execute(importFile, id, "Receive", { part, bytes }, step);
          }
          return engine.execute(productImport, id, "Request", command, context, respond);
        };
        return importCommand(id, 202, run, true);
      });
    },
  );
}

/** The same bytes are another file where they are to be read otherwise. */
function askedBy(body: unknown): string | undefined {
  const upload = body as Upload | undefined;
  return upload && [upload.digest, upload.kind, upload.charset].join(" ");
}

/** @throws Problem illegal_transition */
async function requireRoom({ runtime: { models } }: Deps): Promise<void> {
  const { tasks } = await tasksOf(await models.model("tasks"), "import", { limit: importsOpenMax });
  if (tasks.length >= importsOpenMax)
    throw illegalTransition(`${importsOpenMax} imports are waiting: cancel one, or wait for it`);
}

function partsOf(gzipped: Buffer): string[] {
  return Array.from({ length: Math.ceil(gzipped.length / partBytesMax) }, (_, part) =>
    gzipped.subarray(part * partBytesMax, (part + 1) * partBytesMax).toString("base64"),
  );
}
