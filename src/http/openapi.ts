import swagger from "@fastify/swagger";
import { createJsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import packageJson from "../../package.json" with { type: "json" };
import { eventSchemaName, topicNames, topics } from "../../projections/feed/topics.ts";
import { type ProblemCode, problems } from "../values/problem.ts";
import type { App } from "./server.ts";

type Generated = ReturnType<typeof jsonSchemaTransformObject>;

/** Of an OpenAPI document, what is looked at here. */
interface Document {
  paths?: Record<string, Record<string, Operation>>;
  webhooks?: Record<string, Record<string, object>>;
  components?: {
    schemas?: Record<string, unknown>;
    responses?: Record<string, Answer>;
    parameters?: Record<string, object>;
  };
}

interface Operation {
  security?: readonly Record<string, readonly string[]>[];
  parameters?: readonly object[];
  requestBody?: {
    required?: boolean;
    content?: Record<string, { schema?: { anyOf?: { type?: string }[] } }>;
  };
  responses?: Record<string, Answer>;
}

interface Answer {
  $ref?: string;
  description?: string;
  headers?: Record<string, object>;
  content?: Record<string, object>;
}

/** Generates the description of the API from the routes' schemas, and serves it with a readable page. */
export async function describeApi(app: App): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      webhooks: describedTopics(),
      info: {
        title: "Cartwright",
        description:
          "Carts, orders, payments and stock of a shop, event-sourced. Money is in minor units, times are UTC. " +
          "Errors are problem details (RFC 9457) with a stable `code`.",
        version: packageJson.version,
      },
      components: {
        securitySchemes: {
          bearer: {
            type: "http",
            scheme: "bearer",
            description: "A staff key, an API key, or a customer's access token",
          },
          cartToken: {
            type: "apiKey",
            in: "header",
            name: "Cart-Token",
            description: "Of a guest's cart, as it was given when the cart was opened",
          },
        },
      },
    },
    transform: createJsonSchemaTransform({ skipList: ["/openapi.json", "/metrics"] }),
    transformObject: (input) => completed(jsonSchemaTransformObject(input)),
  });
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
}

/** What webhook endpoints are sent, by topic. */
function describedTopics() {
  return Object.fromEntries(
    topicNames.map((name) => [
      name,
      {
        post: {
          tags: ["webhooks"],
          summary: topics[name].summary,
          requestBody: {
            required: true,
            content: {
              "application/json": { schema: { $ref: `#/components/schemas/${eventSchemaName(name)}` } },
            },
          },
          responses: { "2XX": { description: "It is taken; anything else, and it is sent again" } },
        },
      },
    ]),
  );
}

const headerParameter = (name: string, description: string, pattern?: string) => ({
  name,
  in: "header",
  required: false,
  description,
  schema: { type: "string", ...(pattern !== undefined && { pattern }) },
});
const commandHeaders = [
  headerParameter(
    "Idempotency-Key",
    "The same key and request again get the same answer, and nothing is done twice. Without a token, at least 22 " +
      "URL-safe characters",
    "^[!-~]{1,255}$",
  ),
  headerParameter(
    "If-Match",
    "The ETag of the version that the command is meant for; else 412",
    '^(\\*|(W/)?"[0-9]{1,15}(\\.[A-Za-z0-9_-]{1,64})?")$',
  ),
];
const queryHeaders = [
  headerParameter("Min-Position", "The Position of an answer: waits until the read model is there"),
  headerParameter("Prefer", "`wait=N`: how many seconds to wait for Min-Position, at most 5"),
];

const feedHeaders = [
  headerParameter(
    "Last-Event-ID",
    "The id of the last event that a reader has: the stream goes on behind it",
  ),
];

const allHeaders = [...commandHeaders, ...queryHeaders, ...feedHeaders];

const answerHeader = (description: string, type = "string") => ({ description, schema: { type } });
const commandAnswerHeaders = {
  ETag: answerHeader("The revision of what was changed, for If-Match"),
  Position: answerHeader("Of the log, for Min-Position"),
  "Idempotent-Replayed": answerHeader("`true` where the answer is that of an earlier request with this key"),
};
const queryAnswerHeaders = {
  ETag: answerHeader(
    "Of what is shown, for If-None-Match; its revision, where it has one, also for If-Match",
  ),
  Position: answerHeader("What the answer is made of: all of the log up to here"),
};
const rateHeaders = {
  "RateLimit-Limit": answerHeader("Requests a minute", "integer"),
  "RateLimit-Remaining": answerHeader("Requests that are left of it", "integer"),
  "RateLimit-Reset": answerHeader("Seconds until it begins anew", "integer"),
};
const retryAfter = { "Retry-After": answerHeader("Seconds to wait", "integer") };

/**
 * What no route says of itself, for it holds for all: the headers they take and send, and each error that they can
 * answer. A body that may be left out is optional, a pattern is one that other languages can read, and nothing is
 * described that nothing refers to.
 */
function completed(generated: Generated): Generated {
  const document = generated as Document;
  for (const [path, operations] of Object.entries(document.paths ?? {}))
    for (const [method, operation] of Object.entries(operations)) complete(operation, { path, method });
  const statuses = new Set<number>(Object.values(problems).map(([status]) => status));
  document.components = {
    ...document.components,
    responses: Object.fromEntries([...statuses].map((status) => [refusalName(status), refusal(status)])),
    parameters: Object.fromEntries(allHeaders.map((header) => [header.name, header])),
  };
  rewrite(document, portable);
  const { schemas = {} } = document.components;
  const used = referredTo(document);
  for (const name of Object.keys(schemas)) if (!used.has(name)) delete schemas[name];
  return generated;
}

function complete(operation: Operation, { path, method }: { path: string; method: string }): void {
  const isQuery = method === "get";
  const takesHeaders = path.startsWith("/v1/") && !path.startsWith("/v1/webhooks/");
  const taken = path === "/v1/events" ? feedHeaders : isQuery ? queryHeaders : commandHeaders;
  const named = taken.map(({ name }) => ({ $ref: `#/components/parameters/${name}` }));
  if (takesHeaders) operation.parameters = [...(operation.parameters ?? []), ...named];
  const body = Object.values(operation.requestBody?.content ?? {})[0];
  if (operation.requestBody && body?.schema?.anyOf?.some(({ type }) => type === "null"))
    operation.requestBody.required = false;
  const answers = operation.responses ?? {};
  for (const [status, answer] of Object.entries(answers)) {
    if (!status.startsWith("2")) continue;
    if (answer.description === "Default Response") answer.description = "Done";
    if (takesHeaders) answer.headers = isQuery ? queryAnswerHeaders : commandAnswerHeaders;
  }
  if (takesHeaders && isQuery) answers["304"] = { description: "What If-None-Match names is still so" };
  delete answers["4XX"];
  for (const status of refusalsOf(operation, { path, isQuery }))
    answers[status] ??= { $ref: `#/components/responses/${refusalName(status)}` };
}

const wwwAuthenticate = { "WWW-Authenticate": answerHeader("Bearer") };
const refusalName = (status: number) => `Refused${status}`;

/** Statuses that an operation can be refused with. */
function refusalsOf(operation: Operation, { path, isQuery }: { path: string; isQuery: boolean }): number[] {
  if (path.startsWith("/health/")) return [];
  const isForGuests = operation.security?.some((each) => "cartToken" in each);
  const hasBody = operation.requestBody !== undefined;
  const namesSomething = path.includes("{") || !isQuery;
  const movesMoney = !isQuery && /checkout|orders|payments|refunds/.test(path);
  return [
    ...[400, 401],
    ...(movesMoney ? [402] : []),
    ...(isForGuests || path === "/v1/carts" ? [403] : []),
    ...(namesSomething ? [404] : []),
    ...(isQuery ? [] : [408, 409, 412, 413]),
    ...(hasBody ? [415] : []),
    ...[422, 429, 431, 500, 503],
    ...(isQuery ? [504] : []),
  ];
}

/** A refusal with one status, and the codes that it may have. */
function refusal(status: number): Answer {
  const codes = (Object.keys(problems) as ProblemCode[]).filter((code) => problems[code][0] === status);
  const told = codes.map((code) => `\`${code}\`: ${problems[code][1]}`).join("; ");
  const headers = {
    ...(status === 401 && wwwAuthenticate),
    ...(status === 429 && rateHeaders),
    ...((status === 429 || status === 503) && retryAfter),
  };
  return {
    description: told,
    ...(Object.keys(headers).length > 0 && { headers }),
    content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
  };
}

/** Classes of characters that not each language has: one is spelled out, the others are left to the server. */
function portable(schema: Record<string, unknown>): void {
  const { pattern } = schema;
  if (typeof pattern !== "string" || !pattern.includes("\\p{")) return;
  if (pattern === "^[^\\p{Cc}\\p{Cs}]{1,64}$") schema.pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]{1,64}$";
  else delete schema.pattern;
}

function rewrite(value: unknown, change: (object: Record<string, unknown>) => void): void {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) change(value as Record<string, unknown>);
  for (const each of Object.values(value)) rewrite(each, change);
}

/** Names of components that operations refer to, by way of others, too. */
function referredTo(document: Document): Set<string> {
  const { schemas = {} } = document.components ?? {};
  const used = new Set<string>();
  const follow = (value: unknown): void =>
    rewrite(value, ({ $ref }) => {
      const name = typeof $ref === "string" ? $ref.slice($ref.lastIndexOf("/") + 1) : undefined;
      if (name === undefined || used.has(name)) return;
      used.add(name);
      follow(schemas[name]);
    });
  follow(document.paths);
  follow(document.webhooks);
  follow(document.components?.responses);
  return used;
}
