import type { FastifyReply, FastifyRequest } from "fastify";
import type { ProcessContext } from "../../../commands/processes/process.ts";
import { type Decider, type EventMap, streamName } from "../../engine/decider.ts";
import type { CommandContext } from "../../engine/write/engine.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { logStart, noStream, type Position } from "../../stores/event-store/event-store.ts";
import { newId } from "../../values/ids.ts";
import { Problem } from "../../values/problem.ts";
import { type Auth, header } from "../auth.ts";
import { problemDocument, toProblem } from "../problems.ts";
import type { Recency } from "../recency.ts";
import { type ClientKey, clientKeyOf, createIdempotency } from "./idempotency.ts";

const userAgentCharactersMax = 200;
/** Of the position before the first event. */
const startToken = "p0";

/** What a command has to say. `revision` is of the thing that was changed. */
export interface CommandAnswer {
  status: number;
  body: unknown;
  revision?: number;
  /** Left out by processes over several streams: the newest position that this process has written. */
  position?: Position;
}

/** The stream right after a command's effect, or as it is now where there was none. */
export interface Found<State> {
  state: State;
  revision: number;
  position?: Position;
}

/**
 * A request as a command: where its effect lands, how it is carried out, and what is answered, which is a function
 * of the effect, so that nothing but the effect needs to be kept.
 */
export interface RequestCommand<State> {
  /** The stream that decides. */
  aim: { decider: Aimed<State>; id: string };
  /** Ids of the commands by which this one is known there, and which its answer waits for. */
  steps?: readonly string[];
  /** @returns what `answer` is told; left out, it looks for the steps */
  run(context: CommandContext): Promise<Found<State> | undefined>;
  /** May finish what a crash has left open. @param context of the request, for that */
  answer(found: Found<State>, context: CommandContext): Promise<CommandAnswer> | CommandAnswer;
}

/** A decider, as far as the edge looks at it. */
type Aimed<State> = Pick<Decider<State, EventMap>, "category" | "initial">;

// biome-ignore lint/suspicious/noExplicitAny: the edge handles commands of every stream alike
type AnyCommand = Omit<RequestCommand<any>, "aim"> & { aim: { decider: Decider<any, EventMap>; id: string } };

export interface CommandOptions {
  /** The cart whose token the request has shown. */
  cartId?: string;
}

export interface Commands {
  /** Runs a command for a request: once per idempotency key, with what it answers made a reply. */
  run<State>(
    request: FastifyRequest,
    reply: FastifyReply,
    commandOf: (commandId: string) => RequestCommand<State> | Promise<RequestCommand<State>>,
    options?: CommandOptions,
  ): Promise<void>;
  /**
   * Runs what is no command of a stream, such as a rebuild: under a key at most once.
   * @param again what is answered when its key was taken before
   */
  operate(
    request: FastifyRequest,
    reply: FastifyReply,
    run: () => Promise<CommandAnswer>,
    again: () => Promise<CommandAnswer>,
  ): Promise<void>;
}

export function createCommands(runtime: Runtime, auth: Auth, recency: Recency): Commands {
  const { engine, clock } = runtime;
  const idempotency = createIdempotency(runtime);

  function contextOf(request: FastifyRequest): CommandContext {
    const expectedRevision = ifMatch(request);
    const userAgent = header(request, "user-agent")?.slice(0, userAgentCharactersMax);
    return {
      commandId: newId(),
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

  function look(
    { aim, steps }: AnyCommand,
    { commandId, since }: { commandId: string; since: number },
  ): Promise<Found<unknown> | undefined> {
    return engine.find(aim.decider, aim.id, steps ?? [commandId], since);
  }

  async function carryOut(command: AnyCommand, context: CommandContext): Promise<Found<unknown>> {
    const since = context.since ?? (await engine.read(command.aim.decider, command.aim.id, (_, at) => at));
    const found = (await command.run(context)) ?? (await look(command, { ...context, since }));
    if (found) return found;
    const { decider, id } = command.aim;
    return engine.read(decider, id, (state, revision) => ({ state, revision }));
  }

  async function answered(
    key: ClientKey | undefined,
    context: CommandContext,
    commandOf: (commandId: string) => AnyCommand | Promise<AnyCommand>,
  ): Promise<{ answer: CommandAnswer; repeated: boolean }> {
    if (!key) {
      const command = await commandOf(context.commandId);
      return { answer: await command.answer(await carryOut(command, context), context), repeated: false };
    }
    return idempotency.once(key, context, {
      aimOf: async (commandId) => {
        const { decider, id } = (await commandOf(commandId)).aim;
        const revision = await engine.read(decider, id, (_, revision) => revision);
        return { stream: streamName(decider.category, id), revision };
      },
      look: async (keyed) => {
        const command = await commandOf(keyed.commandId);
        const found = await look(command, keyed);
        return found && command.answer(found, { ...context, ...keyed });
      },
      run: async (keyed) => {
        const command = await commandOf(keyed.commandId);
        const own = { ...context, ...keyed };
        return command.answer(await carryOut(command, own), own);
      },
    });
  }

  async function reply(
    request: FastifyRequest,
    to: FastifyReply,
    cartId: string | undefined,
    answerFor: (key: ClientKey | undefined) => Promise<{ answer: CommandAnswer; repeated: boolean }>,
  ): Promise<void> {
    try {
      const key = clientKeyOf(request, auth, cartId);
      const stored = key && (await idempotency.stored(key));
      if (stored) return send(to.header("Idempotent-Replayed", "true"), stored);
      const { answer, repeated } = await answerFor(key);
      if (repeated) to.header("Idempotent-Replayed", "true");
      const { status, body } = answer;
      send(to, { status, headers: headersOf(answer), body: JSON.stringify(body) });
    } finally {
      recency.wrote(request.ip, engine.lastPosition);
    }
  }

  return {
    run: (request, to, commandOf, { cartId } = {}) =>
      reply(request, to, cartId, (key) =>
        answered(
          key,
          contextOf(request),
          commandOf as (commandId: string) => AnyCommand | Promise<AnyCommand>,
        ),
      ),
    operate: (request, to, run, again) =>
      reply(request, to, undefined, async (key) => {
        const context = contextOf(request);
        if (!key) return { answer: await run(), repeated: false };
        const aim = { stream: `operation-${key.id}`, revision: noStream };
        return idempotency.once(key, context, { aimOf: async () => aim, look: again, run });
      }),
  };
}

/** A problem that is the answer of a command which had its effect: it is told again as it was. */
export function problemAnswer(error: unknown): CommandAnswer {
  const problem = toProblem(error);
  return { status: problem.status, body: problemDocument(problem) };
}

interface Rendered {
  status: number;
  headers: Record<string, string>;
  body: string;
}

function send(reply: FastifyReply, { status, headers, body }: Rendered): void {
  const type = status >= 400 ? "application/problem+json" : "application/json";
  reply.code(status).headers(headers).header("Content-Type", `${type}; charset=utf-8`).send(body);
}

function ifMatch(request: FastifyRequest): number | undefined {
  const value = header(request, "if-match");
  if (value === undefined || value === "*") return undefined;
  const revision = /^"(\d{1,15})"$/.exec(value)?.[1];
  if (revision === undefined)
    throw new Problem("malformed_request", 'If-Match: a revision as an ETag gave it, such as "3"');
  return Number(revision);
}

/** For a revision of another stream than the one that decides. @throws Problem revision_mismatch */
export function requireRevision(expected: number | undefined, revision: number): void {
  if (expected !== undefined && expected !== revision)
    throw new Problem("revision_mismatch", `expected revision ${expected}, it is at ${revision}`, {
      revision,
    });
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

/** For what a command starts in several streams. */
export function processContext(runtime: Runtime, { now: _, ...context }: CommandContext): ProcessContext {
  return { ...context, clock: runtime.clock };
}
