import { hash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import { answer, requireSameRequest, type StoredAnswer } from "../../commands/answer/answer.ts";
import type { ProcessContext } from "../../commands/processes/shop.ts";
import type { CommandContext } from "../engine/write/engine.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { logStart, type Position } from "../stores/event-store/event-store.ts";
import { deriveId, newId } from "../values/ids.ts";
import { Problem, type ProblemCode } from "../values/problem.ts";
import { type Auth, header } from "./auth.ts";
import { problemDocument, toProblem } from "./problems.ts";
import type { Recency } from "./recency.ts";

const idempotencyKeyCharactersMax = 255;
const userAgentCharactersMax = 200;
/** Before the first event. */
const startToken = "p0";
/** A request that takes longer than this no longer counts as running, should its process have died. */
const runningTtlMs = 60_000;

/** Refusals that another try may not meet: they are not stored, so the key stays good. */
const passing: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  "cart_locked",
  "request_in_progress",
  "too_much_contention",
  "revision_mismatch",
]);

/** What a command has to say. `revision` is of the thing that was changed. */
export interface CommandAnswer {
  status: number;
  body: unknown;
  revision?: number;
  /** Left out by processes over several streams: the newest position that this process has written. */
  position?: Position;
}

export type CommandHandler = (context: CommandContext) => Promise<CommandAnswer>;

export interface Commands {
  /** Runs a command for a request: once per idempotency key, with what it answers made a reply. */
  run(request: FastifyRequest, reply: FastifyReply, handler: CommandHandler): Promise<void>;
}

export function createCommands(runtime: Runtime, auth: Auth, recency: Recency): Commands {
  const { engine, hot, clock } = runtime;

  async function once(
    key: string,
    request: FastifyRequest,
    reply: FastifyReply,
    handler: CommandHandler,
  ): Promise<void> {
    const scoped = scopedKey(key, request, auth);
    const fingerprint = fingerprintOf(request);
    const runningKey = `running:${scoped}`;
    // Only a courtesy: with the hot store away two at once meet in the stream.
    if (!(await hot.setIfAbsent(runningKey, fingerprint, runningTtlMs).catch(() => true))) {
      if ((await hot.get(runningKey).catch(() => fingerprint)) !== fingerprint)
        throw new Problem("idempotency_key_reused", "this idempotency key is in use for another request");
      throw new Problem("request_in_progress", "a request with this idempotency key is still running");
    }
    try {
      const earlier = await engine.read(answer, scoped, (state) => (state.stored ? { ...state } : undefined));
      if (earlier) {
        requireSameRequest(earlier, fingerprint);
        replay(reply, earlier);
        return;
      }
      const commandId = deriveId("request", scoped, fingerprint);
      const context = contextOf(request, commandId);
      const outcome = await settled(handler, context);
      const headers = headersOf(outcome);
      const body = JSON.stringify(outcome.body);
      const stored = { fingerprint, status: outcome.status, headers, body };
      // If-Match is about what was changed, not about the answer to it.
      const { expectedRevision: _, ...unconditional } = context;
      await engine.execute(answer, scoped, "Store", stored, {
        ...unconditional,
        commandId: deriveId(commandId, "answer"),
      });
      send(reply, outcome.status, headers, body);
    } finally {
      await hot.delete(runningKey).catch(() => {});
    }
  }

  function contextOf(request: FastifyRequest, commandId: string): CommandContext {
    const expectedRevision = ifMatch(request);
    const userAgent = header(request, "user-agent")?.slice(0, userAgentCharactersMax);
    return {
      commandId,
      now: clock(),
      actor: auth.principal(request).kind,
      correlationId: request.id,
      ip: request.ip,
      ...(userAgent !== undefined && { userAgent }),
      ...(expectedRevision !== undefined && { expectedRevision }),
    };
  }

  function headersOf({ revision, position = engine.lastPosition }: CommandAnswer): Record<string, string> {
    return {
      Position: formatPosition(position),
      ...(revision !== undefined && { ETag: `"${revision}"` }),
    };
  }

  return {
    run: async (request, reply, handler) => {
      const key = idempotencyKey(request);
      try {
        if (key !== undefined) return await once(key, request, reply, handler);
        const outcome = await handler(contextOf(request, newId()));
        send(reply, outcome.status, headersOf(outcome), JSON.stringify(outcome.body));
      } finally {
        recency.wrote(request.ip, engine.lastPosition);
      }
    },
  };
}

/** A refusal is an answer too, and kept where it is final. */
async function settled(handler: CommandHandler, context: CommandContext): Promise<CommandAnswer> {
  try {
    return await handler(context);
  } catch (error) {
    const problem = toProblem(error);
    const final = (problem.status === 409 || problem.status === 402) && !passing.has(problem.code);
    if (!final) throw error;
    return { status: problem.status, body: problemDocument(problem) };
  }
}

function replay(reply: FastifyReply, { status, headers, body }: StoredAnswer): void {
  send(reply.header("Idempotent-Replayed", "true"), status, headers, body);
}

function send(reply: FastifyReply, status: number, headers: Record<string, string>, body: string): void {
  const type = status >= 400 ? "application/problem+json" : "application/json";
  reply.code(status).headers(headers).header("Content-Type", `${type}; charset=utf-8`).send(body);
}

function idempotencyKey(request: FastifyRequest): string | undefined {
  const key = header(request, "idempotency-key");
  if (key === undefined) return undefined;
  if (key.length < 1 || key.length > idempotencyKeyCharactersMax || !/^[\x21-\x7e]+$/.test(key))
    throw new Problem(
      "malformed_request",
      `Idempotency-Key: 1 to ${idempotencyKeyCharactersMax} visible ASCII characters`,
    );
  return key;
}

/** Keys are each client's own: nobody is answered what another one was told. */
function scopedKey(key: string, request: FastifyRequest, auth: Auth): string {
  const who = auth.principal(request);
  const client = who.kind === "staff" ? "staff" : (who.cartToken ?? `ip:${request.ip}`);
  return hash("sha256", JSON.stringify([client, key]), "hex").slice(0, 40);
}

function fingerprintOf(request: FastifyRequest): string {
  const text = JSON.stringify([
    request.method,
    request.url,
    request.body ?? null,
    header(request, "if-match") ?? "",
  ]);
  return hash("sha256", text, "hex").slice(0, 40);
}

function ifMatch(request: FastifyRequest): number | undefined {
  const value = header(request, "if-match");
  if (value === undefined || value === "*") return undefined;
  const revision = /^"(\d{1,15})"$/.exec(value)?.[1];
  if (revision === undefined)
    throw new Problem("malformed_request", 'If-Match: a revision as an ETag gave it, such as "3"');
  return Number(revision);
}

/** @returns the token that clients send back as Min-Position */
export function formatPosition(position: Position): string {
  return position === logStart ? startToken : `p${position}`;
}

/** @throws Problem malformed_request */
export function parsePosition(token: string): Position {
  if (token === startToken) return logStart;
  const position = /^p(\d{16,40})$/.exec(token)?.[1];
  if (position === undefined)
    throw new Problem("malformed_request", "Min-Position: a position as an answer gave it");
  return position;
}

/** For what a command starts in several streams. `expectedRevision` stays with the first of its steps. */
export function processContext(runtime: Runtime, context: CommandContext): ProcessContext {
  const { commandId: _, now: __, ...who } = context;
  return { ...who, causationId: context.commandId, clock: runtime.clock };
}
