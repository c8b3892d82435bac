import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { OutcomeUnknown, StoreDamaged, StoreUnavailable } from "../stores/event-store/event-store.ts";
import { InvalidCursor } from "../stores/view-store/view-store.ts";
import { CurrencyMismatch } from "../values/money.ts";
import { type FieldError, Problem, type ProblemCode } from "../values/problem.ts";
import { guestProblemOf } from "./resources/problems.ts";

const retryAfterSeconds = 1;
/** Of a request that is not valid. */
const errorsMax = 100;
const pathCharactersMax = 300;
const messageCharactersMax = 500;
const detailCharactersMax = 1_000;
const typeBase = "https://cartwright.invalid/problems/";

export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ProblemCode;
  [extra: string]: unknown;
}

/** A problem as RFC 9457 has it, with `code` and what belongs to it as further members. */
export function problemDocument(problem: Problem): ProblemDocument {
  const { code, status, title, message, extras } = problem;
  return { type: typeBase + code.replaceAll("_", "-"), title, status, detail: message, code, ...extras };
}

/** Any error as a problem: what is not foreseen says nothing of its inside. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (hasZodFastifySchemaValidationErrors(error)) return validationProblem(error as FastifyError);
  if (error instanceof StoreUnavailable) return storeProblem(error);
  if (error instanceof OutcomeUnknown)
    return new Problem(
      "unavailable",
      "the events store does not answer; what came of the request can be asked for with the same Idempotency-Key",
      { store: "events" },
    );
  if (error instanceof StoreDamaged)
    return new Problem(
      "unavailable",
      "what this is read from is broken and has to be rebuilt by an operator",
    );
  if (error instanceof InvalidCursor)
    return new Problem("invalid_cursor", "the list has changed too much for this cursor; start again");
  if (error instanceof CurrencyMismatch) return new Problem("currency_mismatch", error.message);
  const { statusCode, message } = error as Partial<FastifyError>;
  if (statusCode === 413) return new Problem("payload_too_large", message ?? "the body is too large");
  if (statusCode === 415) return new Problem("unsupported_media_type", message ?? "send application/json");
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new Problem("malformed_request", message ?? "the request cannot be read");
  return new Problem(
    "internal_error",
    "the request failed; its outcome can be asked for with the same Idempotency-Key",
  );
}

function storeProblem({ store }: StoreUnavailable): Problem {
  if (store === undefined) return new Problem("unavailable", "the shop is too busy; try again");
  return new Problem("unavailable", `the ${store} store is away or too busy; try again`, { store });
}

function validationProblem({ validation = [], validationContext: where = "body" }: FastifyError): Problem {
  const errors: FieldError[] = [];
  for (const { instancePath, message = "", params } of validation) {
    if (errors.length >= errorsMax) break;
    const path = instancePath.split("/").filter(Boolean);
    errors.push(...fieldErrors({ ...(params as object), path, message }, where));
  }
  return invalid(errors, where === "body" ? "" : ` (${where})`);
}

/** As Zod tells of it. */
interface Issue {
  path: readonly PropertyKey[];
  message: string;
  /** Unknown ones. */
  keys?: unknown;
  /** Of a union: what is wrong by each of its members, from there. */
  errors?: readonly (readonly Issue[])[];
}

/** @param where what is named when it is the whole of it */
function fieldErrors({ path, message, keys, errors = [] }: Issue, where: string): FieldError[] {
  const at = path.map(String).join(".");
  if (Array.isArray(keys))
    return keys
      .slice(0, errorsMax)
      .map((key) => ({ path: [...path, key].join("."), message: "unknown field" }));
  const meant = errors.toSorted((a, b) => unknownIn(a) - unknownIn(b))[0] ?? [];
  if (meant.length === 0) return [{ path: at || where, message }];
  return meant.flatMap((issue) => fieldErrors({ ...issue, path: [...path, ...issue.path] }, where));
}

/** Of a union's members the one is meant that knows the most of what was sent, the first of those. */
function unknownIn(issues: readonly Issue[]): number {
  return issues.reduce((sum, { keys }) => sum + (Array.isArray(keys) ? keys.length : 0), 0);
}

/** A request whose fields are not valid, naming them: the first of them, and as much of each as helps. */
export function invalid(errors: readonly FieldError[], suffix = ""): Problem {
  const told = errors.slice(0, errorsMax).map(({ path, message }) => ({
    path: path.slice(0, pathCharactersMax),
    message: message.slice(0, messageCharactersMax),
  }));
  const named = told.map(({ path, message }) => `${path}: ${message}`).join("; ");
  return new Problem("validation_failed", `${named.slice(0, detailCharactersMax)}${suffix}`, {
    errors: told,
  });
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  const { status } = problem;
  if (status === 503 || status === 429)
    if (!reply.hasHeader("Retry-After")) reply.header("Retry-After", String(retryAfterSeconds));
  if (status === 401) reply.header("WWW-Authenticate", "Bearer");
  return reply
    .code(status)
    .header("Content-Type", "application/problem+json; charset=utf-8")
    .send(JSON.stringify(problemDocument(problem)));
}

/** @param isStaff whether a request is answered with all that is known of a problem, or with what guests may know */
export function errorHandler(isStaff: (request: FastifyRequest) => boolean) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const problem = toProblem(error);
    if (problem.status >= 500) request.log.error({ err: error }, "request failed");
    return sendProblem(reply, isStaff(request) ? problem : guestProblemOf(problem));
  };
}
