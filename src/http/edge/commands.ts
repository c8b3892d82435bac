import type { FastifyReply, FastifyRequest } from "fastify";
import type { ProcessContext } from "../../../commands/processes/process.ts";
import { type Decider, type EventMap, streamName } from "../../engine/decider.ts";
import { anyTime, type CommandContext, type Outcome } from "../../engine/write/engine.ts";
import type { AnyDecider } from "../../engine/write/stream.ts";
import { type Caller, callerOf } from "../../identity/caller.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { noStream, type Position } from "../../stores/event-store/event-store.ts";
import { newId } from "../../values/ids.ts";
import { Problem } from "../../values/problem.ts";
import { type Auth, header, type Principal } from "../auth.ts";
import { problemDocument, toProblem } from "../problems.ts";
import type { Sent } from "../query-api/pages.ts";
import type { Recency } from "../recency.ts";
import {
  type ClientKey,
  clientKeyOf,
  createIdempotency,
  type Idempotency,
  type Keyed,
} from "./idempotency.ts";
import { originOf } from "./origin.ts";
import type { Positions } from "./positions.ts";

const userAgentCharactersMax = 200;

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
  /** The command succeeded without an effect. */
  unchanged?: true;
}

/**
 * A request as a command: where its effect lands, how it is carried out, and what is answered, which is a function
 * of the effect, so that nothing but the effect needs to be kept.
 */
export interface RequestCommand<State> {
  /** The stream that decides. `isNew`: this command is the first to write to it. */
  aim: { decider: Aimed<State>; id: string; isNew?: true };
  /**
   * Ids of the commands by which this one is known there, and which its answer waits for: the command's own, when
   * they are left out. Given whenever `run` tells nothing.
   */
  steps?: readonly string[];
  /** @returns what `answer` is told; undefined when the steps have to be looked for */
  run(context: CommandContext): Promise<Found<State> | undefined>;
  /** May finish what a crash has left open. @param context of the request, for that: its condition was met */
  answer(found: Found<State>, context: CommandContext): Promise<CommandAnswer> | CommandAnswer;
}

/** A decider, as far as the edge looks at it. */
type Aimed<State> = Pick<Decider<State, EventMap>, "category" | "initial">;

// biome-ignore lint/suspicious/noExplicitAny: the edge handles commands of every stream alike
type AnyCommand = RequestCommand<any> & { aim: { decider: AnyDecider } };

export interface CommandOptions {
  /** The cart whose token the request has shown. */
  cartId?: string;
}

export interface Commands {
  /**
   * Runs a command for a request: once per idempotency key, with what it answers made a reply.
   * @returns the reply, which a route has to return
   */
  run<State>(
    request: FastifyRequest,
    reply: FastifyReply,
    commandOf: (commandId: string) => RequestCommand<State> | Promise<RequestCommand<State>>,
    options?: CommandOptions,
  ): Promise<Sent>;
  /** For what is done to an account, which takes no keys: how it is done on behalf of who has asked. */
  callerOf(request: FastifyRequest): Caller;
  /** For what spans several streams, on behalf of who has asked. */
  processFor(request: FastifyRequest): ProcessContext;
  /**
   * Runs what is no command of a stream, such as a rebuild: under a key at most once.
   * @param again what is answered when its key was taken before
   */
  operate(
    request: FastifyRequest,
    reply: FastifyReply,
    run: () => Promise<CommandAnswer>,
    again: () => Promise<CommandAnswer>,
  ): Promise<Sent>;
}

export function createCommands(
  runtime: Runtime,
  deps: { auth: Auth; recency: Recency; positions: Positions },
): Commands {
  return new CommandEdge(runtime, deps);
}

type CommandOf = (commandId: string) => AnyCommand | Promise<AnyCommand>;

class CommandEdge implements Commands {
  private readonly runtime: Runtime;
  private readonly auth: Auth;
  private readonly recency: Recency;
  private readonly positions: Positions;
  private readonly idempotency: Idempotency;

  constructor(
    runtime: Runtime,
    { auth, recency, positions }: { auth: Auth; recency: Recency; positions: Positions },
  ) {
    this.runtime = runtime;
    this.auth = auth;
    this.recency = recency;
    this.positions = positions;
    this.idempotency = createIdempotency(runtime);
  }

  run: Commands["run"] = (request, to, commandOf, { cartId } = {}) =>
    this.reply(request, to, cartId, (key) =>
      this.answered(key, this.contextOf(request), commandOf as CommandOf),
    );

  callerOf: Commands["callerOf"] = (request) => {
    const { commandId: _, now: __, expectedRevision: ___, ...who } = this.contextOf(request);
    return callerOf(this.runtime.engine, who, this.runtime.clock);
  };

  processFor: Commands["processFor"] = (request) =>
    processContext(this.runtime, unconditional(this.contextOf(request)));

  operate: Commands["operate"] = (request, to, run, again) =>
    this.reply(request, to, undefined, async (key) => {
      const context = this.contextOf(request);
      if (!key) return { answer: await run(), repeated: false };
      const aim = { stream: `operation-${key.id}`, revision: noStream };
      return this.idempotency.once(key, context, {
        aimOf: async () => aim,
        look: again,
        run: async () => ({ answer: await run() }),
      });
    });

  private async answered(
    key: ClientKey | undefined,
    context: CommandContext,
    commandOf: CommandOf,
  ): Promise<Keyed<CommandAnswer>> {
    if (!key) {
      const command = await commandOf(context.commandId);
      const found = await this.carryOut(command, context);
      return { answer: await command.answer(found, unconditional(context)), repeated: false };
    }
    return this.idempotency.once(key, context, {
      aimOf: async (commandId) => {
        const { decider, id, isNew } = (await commandOf(commandId)).aim;
        const known = () => this.runtime.engine.read(decider, id, (_, revision) => revision, anyTime);
        const revision = isNew ? noStream : await known();
        return { stream: streamName(decider.category, id), revision };
      },
      look: async (keyed, done) => {
        const command = await commandOf(keyed.commandId);
        const { decider, id } = command.aim;
        const found =
          (await this.look(command, keyed)) ??
          (done !== undefined && {
            state: await this.runtime.engine.at(decider, id, done),
            revision: done,
          });
        return found ? command.answer(found, unconditional({ ...context, ...keyed })) : undefined;
      },
      run: async (keyed) => {
        const command = await commandOf(keyed.commandId);
        const own = { ...context, ...keyed };
        const found = await this.carryOut(command, own);
        const answer = await command.answer(found, unconditional(own));
        return { answer, ...(found.unchanged && { unchangedAt: found.revision }) };
      },
    });
  }

  private async carryOut(command: AnyCommand, context: CommandContext): Promise<Found<unknown>> {
    const { engine } = this.runtime;
    const { decider, id } = command.aim;
    const isLookedFor = command.steps !== undefined && context.since === undefined;
    // Its effect is behind whatever is known of the stream by now, however old that is.
    const look = () => engine.read(decider, id, (_, revision) => revision, anyTime);
    const since = isLookedFor ? await look() : context.since;
    const told = await command.run(context);
    const found = told ?? (await this.look(command, { ...context, since: since ?? noStream }));
    if (found) return found;
    const unchanged = (state: unknown, revision: number) => ({ state, revision, unchanged: true as const });
    return engine.read(decider, id, unchanged, context.asOf);
  }

  private look(
    { aim, steps }: AnyCommand,
    { commandId, since, asOf }: { commandId: string; since: number; asOf?: number },
  ): Promise<Found<unknown> | undefined> {
    return this.runtime.engine.find(aim.decider, aim.id, steps ?? [commandId], since, asOf);
  }

  private async reply(
    request: FastifyRequest,
    to: FastifyReply,
    cartId: string | undefined,
    answerFor: (key: ClientKey | undefined) => Promise<Keyed<CommandAnswer>>,
  ): Promise<Sent> {
    try {
      const key = clientKeyOf(request, this.auth, cartId);
      const stored = key && (await this.idempotency.stored(key));
      if (stored) return send(to.header("Idempotent-Replayed", "true"), stored);
      const { answer, repeated } = await answerFor(key);
      if (repeated) to.header("Idempotent-Replayed", "true");
      const { status, body } = answer;
      return send(to, { status, headers: this.headersOf(answer), body: JSON.stringify(body) });
    } finally {
      this.recency.wrote(request, this.runtime.engine.lastPosition);
    }
  }

  private contextOf(request: FastifyRequest): CommandContext {
    const expectedRevision = ifMatch(request);
    const userAgent = header(request, "user-agent")?.slice(0, userAgentCharactersMax);
    return {
      commandId: newId(),
      now: this.runtime.clock(),
      asOf: performance.now(),
      actor: actorOf(this.auth.principal(request)),
      ...originOf(request),
      ip: request.ip,
      ...(userAgent !== undefined && { userAgent }),
      ...(expectedRevision !== undefined && { expectedRevision }),
    };
  }

  private headersOf({ revision, position }: CommandAnswer): Record<string, string> {
    return {
      Position: this.positions.seal(position ?? this.runtime.engine.lastPosition),
      ...(revision !== undefined && { ETag: `"${revision}"` }),
    };
  }
}

/** As events name who has brought them about. */
function actorOf(who: Principal): string {
  if (who.kind === "customer") return `customer:${who.customerId}`;
  return who.kind === "staff" && who.keyId !== undefined ? `key:${who.keyId}` : who.kind;
}

/** The condition of a request is for what decides; what follows from it goes on whatever has changed since. */
export function unconditional({ expectedRevision: _, ...context }: CommandContext): CommandContext {
  return context;
}

/** What a command on one stream has come to, as `run` tells it. */
export function foundIn<State>({ result, position, changed, repeated }: Outcome<Found<State>>): Found<State> {
  return { ...result, position, ...(!changed && !repeated && { unchanged: true }) };
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

function send(reply: FastifyReply, { status, headers, body }: Rendered): Sent {
  const type = status >= 400 ? "application/problem+json" : "application/json";
  reply.code(status).headers(headers).header("Content-Type", `${type}; charset=utf-8`);
  return reply.send(body) as unknown as Sent;
}

function ifMatch(request: FastifyRequest): number | undefined {
  const value = header(request, "if-match");
  if (value === undefined || value === "*") return undefined;
  // A tag of a compressed answer is weak, and one of a read says more than the revision.
  const revision = /^(?:W\/)?"(\d{1,15})(?:\.[\w-]{1,64})?"$/.exec(value)?.[1];
  if (revision === undefined)
    throw new Problem("malformed_request", 'If-Match: a revision as an ETag gave it, such as "3"');
  return Number(revision);
}

/** For what a command starts in several streams. */
export function processContext(runtime: Runtime, { now: _, ...context }: CommandContext): ProcessContext {
  return { ...context, clock: runtime.clock };
}
