import { z } from "zod";
import {
  type ApiKey,
  type ApiKeys,
  apiKeys,
  apiKeysId,
  keyDaysDefault,
  keyDaysMax,
  overlapMsMax,
} from "../../../commands/apikey/apikey.ts";
import { permissionNames } from "../../../commands/apikey/permissions.ts";
import type { CommandContext, Outcome } from "../../engine/write/engine.ts";
import { isoTime } from "../../values/clock.ts";
import { deriveId } from "../../values/ids.ts";
import { notFound } from "../../values/problem.ts";
import { type Found, foundIn, type RequestCommand } from "../edge/commands.ts";
import { idParams, noQuery, problemSchema } from "../schemas.ts";
import type { App, Deps } from "../server.ts";

const hourMs = 3_600_000;

const days = z.int().min(1).max(keyDaysMax);
const newKeyBody = z.strictObject({
  name: z.string().trim().min(1).max(100).describe("Whose it is, or what for"),
  scopes: z.array(z.enum(permissionNames)).min(1).max(permissionNames.length),
  days: days.default(keyDaysDefault),
});
const rotateKeyBody = z
  .strictObject({
    days: days.optional().describe("As long as it was to live before, where they are left out"),
    overlapHours: z
      .int()
      .min(0)
      .max(overlapMsMax / hourMs)
      .default(24)
      .describe("How long the secret before is good besides"),
  })
  .nullish();

const keyAnswer = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    scopes: z.array(z.enum(permissionNames)),
    status: z.enum(["active", "expired", "revoked"]),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    key: z.string().optional().describe("The bearer token: in the answer that makes it, and nowhere else"),
  })
  .meta({ id: "ApiKey" });
const keyListAnswer = z.strictObject({ items: z.array(keyAnswer) });

const describe = <S extends z.ZodType>(summary: string, status: number, answer: S) => ({
  tags: ["keys"],
  summary,
  security: [{ bearer: [] }],
  querystring: noQuery,
  response: { [status]: answer, "4xx": problemSchema },
});

type Run = (
  context: CommandContext,
  respond: (state: ApiKeys, revision: number) => Found<ApiKeys>,
) => Promise<Outcome<Found<ApiKeys>>>;

/** Keys of programs, each with what it may do. */
export function apiKeyCommands(app: App, deps: Deps): void {
  listing(app, deps);
  making(app, deps);
  ending(app, deps);
}

function shownKey({ keyId: id, name, scopes, createdAt, expiresAt, revokedAt }: ApiKey, now: number) {
  const status = revokedAt !== undefined ? "revoked" : now >= expiresAt ? "expired" : "active";
  const times = { createdAt: isoTime(createdAt), expiresAt: isoTime(expiresAt) };
  return { id, name, scopes: [...scopes], status: status as "active" | "expired" | "revoked", ...times };
}

function keyIn(state: ApiKeys, id: string): ApiKey {
  const key = state.get(id);
  if (!key) throw notFound("API key", id);
  return key;
}

/** A command on the keys, answered by one of them. */
function keyCommand(
  { runtime }: Deps,
  id: string,
  status: number,
  run: Run,
  { withSecret = false } = {},
): RequestCommand<ApiKeys> {
  return {
    aim: { decider: apiKeys, id: apiKeysId },
    run: async (context) => foundIn(await run(context, (state, revision) => ({ state, revision }))),
    answer: async ({ state, ...where }) => {
      const key = keyIn(state, id);
      const secret = withSecret && { key: await runtime.identity.apiKeys.tokenOf(id, key.rotation) };
      return { status, body: { ...shownKey(key, runtime.clock()), ...secret }, ...where };
    },
  };
}

function listing(app: App, { runtime }: Deps): void {
  const { engine, clock } = runtime;

  app.get("/v1/api-keys", { schema: describe("All keys, newest first", 200, keyListAnswer) }, async () => {
    const all = await engine.read(apiKeys, apiKeysId, (state) => [...state.values()]);
    return { items: all.reverse().map((key) => shownKey(key, clock())) };
  });

  app.get(
    "/v1/api-keys/:id",
    { schema: { ...describe("One key", 200, keyAnswer), params: idParams } },
    async (request) =>
      shownKey(await engine.read(apiKeys, apiKeysId, (state) => keyIn(state, request.params.id)), clock()),
  );
}

function making(app: App, deps: Deps): void {
  const { runtime, auth, commands } = deps;
  const { engine } = runtime;

  app.post(
    "/v1/api-keys",
    {
      schema: {
        ...describe("Make a key: it may do what it is given, and no more than its maker", 201, keyAnswer),
        body: newKeyBody,
      },
    },
    (request, reply) => {
      const { permissions: maker } = auth.requireStaff(request);
      return commands.run(request, reply, (commandId) => {
        const keyId = deriveId(commandId, "key");
        const create = { keyId, ...request.body, maker };
        const run: Run = (context, respond) =>
          engine.execute(apiKeys, apiKeysId, "Create", create, context, respond);
        return keyCommand(deps, keyId, 201, run, { withSecret: true });
      });
    },
  );

  app.post(
    "/v1/api-keys/:id/rotate",
    {
      schema: {
        ...describe("Make a key's secret anew; the one before is good for a while", 200, keyAnswer),
        params: idParams,
        body: rotateKeyBody,
      },
    },
    (request, reply) => {
      const { permissions: maker } = auth.requireStaff(request);
      const { id: keyId } = request.params;
      const { days: life, overlapHours = 24 } = request.body ?? {};
      const rotate = { keyId, days: life, overlapMs: overlapHours * hourMs, maker };
      const run: Run = (context, respond) =>
        engine.execute(apiKeys, apiKeysId, "Rotate", rotate, context, respond);
      return commands.run(request, reply, () => keyCommand(deps, keyId, 200, run, { withSecret: true }));
    },
  );
}

function ending(app: App, deps: Deps): void {
  const { runtime, commands } = deps;

  app.delete(
    "/v1/api-keys/:id",
    { schema: { ...describe("End a key, at once and for good", 200, keyAnswer), params: idParams } },
    (request, reply) => {
      const { id: keyId } = request.params;
      const run: Run = (context, respond) =>
        runtime.engine.execute(apiKeys, apiKeysId, "Revoke", { keyId }, context, respond);
      return commands.run(request, reply, () => keyCommand(deps, keyId, 200, run));
    },
  );
}
