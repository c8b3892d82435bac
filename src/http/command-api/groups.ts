import { z } from "zod";
import { type Brands, brands, brandsId } from "../../../commands/brand/brand.ts";
import { categories, treeId } from "../../../commands/category/category.ts";
import { categoryNameSchema, groupNameSchema } from "../../../commands/category/events.ts";
import { type Categories, namesOf } from "../../../commands/category/state.ts";
import type { CommandContext, Outcome } from "../../engine/write/engine.ts";
import { deriveId } from "../../values/ids.ts";
import { notFound } from "../../values/problem.ts";
import { type Found, foundIn, type RequestCommand } from "../edge/commands.ts";
import { brandSummary, brandSummaryOf, categorySummary, categorySummaryOf } from "../resources/groups.ts";
import { idParams, noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";

const parentId = z.string().min(1).max(64);

const newCategoryBody = z.strictObject({ name: categoryNameSchema, parentId: parentId.optional() });
/** What is left out stays; `parentId: null` puts it under no other. */
const categoryChangesBody = z.strictObject({
  name: categoryNameSchema.optional(),
  parentId: parentId.nullish(),
});
const brandBody = z.strictObject({ name: groupNameSchema });

const describe = (summary: string, status: number, answer: z.ZodType) => ({
  tags: ["categories"],
  summary,
  security: [{ bearer: [] }],
  querystring: noQuery,
  response: { [status]: answer, "4xx": problemSchema },
});

type Respond<State> = (state: State, revision: number) => Found<State>;
type Run<State> = (context: CommandContext, respond: Respond<State>) => Promise<Outcome<Found<State>>>;

/** A command on the tree, answered by one category right after it. */
function categoryCommand(id: string, status: number, run: Run<Categories>): RequestCommand<Categories> {
  return {
    aim: { decider: categories, id: treeId },
    run: async (context) => foundIn(await run(context, (state, revision) => ({ state, revision }))),
    answer: ({ state, ...where }) => {
      const category = state.byId.get(id);
      const names = namesOf(state, id);
      if (!category || !names) throw notFound("category", id);
      const { name, parentId, retired } = category;
      const place = { id, name, ...(parentId !== undefined && { parentId }), level: names.length };
      return { status, body: categorySummaryOf({ ...place, path: names.join("/"), retired }), ...where };
    },
  };
}

/** A command on the brands, answered by one of them right after it. */
function brandCommand(id: string, status: number, run: Run<Brands>): RequestCommand<Brands> {
  return {
    aim: { decider: brands, id: brandsId },
    run: async (context) => foundIn(await run(context, (state, revision) => ({ state, revision }))),
    answer: ({ state, ...where }) => {
      const brand = state.byId.get(id);
      if (!brand) throw notFound("brand", id);
      return { status, body: brandSummaryOf({ id, ...brand }), ...where };
    },
  };
}

export function categoryCommands(app: App, { runtime: { engine }, commands }: Deps): void {
  app.post(
    "/v1/categories",
    {
      schema: { ...describe("Create a category", 201, categorySummary), body: newCategoryBody },
    },
    (request, reply) =>
      commands.run(request, reply, (commandId) => {
        const categoryId = deriveId(commandId, "category");
        return categoryCommand(categoryId, 201, (context, respond) =>
          engine.execute(categories, treeId, "Create", { ...request.body, categoryId }, context, respond),
        );
      }),
  );

  app.patch(
    "/v1/categories/:id",
    {
      schema: {
        ...describe("Rename a category, or move it with all that is below it", 200, categorySummary),
        params: idParams,
        body: categoryChangesBody,
      },
    },
    (request, reply) => {
      const { id } = request.params;
      return commands.run(request, reply, () =>
        categoryCommand(id, 200, (context, respond) =>
          engine.execute(categories, treeId, "Change", { ...request.body, categoryId: id }, context, respond),
        ),
      );
    },
  );

  app.delete(
    "/v1/categories/:id",
    {
      schema: {
        ...describe(
          "Retire a category that has none below it: its products are in what it was in",
          200,
          categorySummary,
        ),
        params: idParams,
      },
    },
    (request, reply) => {
      const { id } = request.params;
      return commands.run(request, reply, () =>
        categoryCommand(id, 200, (context, respond) =>
          engine.execute(categories, treeId, "Retire", { categoryId: id }, context, respond),
        ),
      );
    },
  );
}

export function brandCommands(app: App, { runtime: { engine }, commands }: Deps): void {
  app.post(
    "/v1/brands",
    { schema: { ...describe("Create a brand", 201, brandSummary), body: brandBody } },
    (request, reply) =>
      commands.run(request, reply, (commandId) => {
        const brandId = deriveId(commandId, "brand");
        return brandCommand(brandId, 201, (context, respond) =>
          engine.execute(brands, brandsId, "Create", { ...request.body, brandId }, context, respond),
        );
      }),
  );

  app.patch(
    "/v1/brands/:id",
    {
      schema: { ...describe("Rename a brand", 200, brandSummary), params: idParams, body: brandBody },
    },
    (request, reply) => {
      const { id } = request.params;
      return commands.run(request, reply, () =>
        brandCommand(id, 200, (context, respond) =>
          engine.execute(brands, brandsId, "Rename", { ...request.body, brandId: id }, context, respond),
        ),
      );
    },
  );

  app.delete(
    "/v1/brands/:id",
    {
      schema: {
        ...describe("Retire a brand: its products have none any more", 200, brandSummary),
        params: idParams,
      },
    },
    (request, reply) => {
      const { id } = request.params;
      return commands.run(request, reply, () =>
        brandCommand(id, 200, (context, respond) =>
          engine.execute(brands, brandsId, "Retire", { brandId: id }, context, respond),
        ),
      );
    },
  );
}
