import { hash } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { isLive, key as keys, requireSameRequest } from "../../../commands/key/key.ts";
import { type StoredAnswer, storedAnswer } from "../../../commands/key/stored-answer.ts";
import type { CommandContext, Engine } from "../../engine/write/engine.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { deriveId, newId } from "../../values/ids.ts";
import { Problem } from "../../values/problem.ts";
import { type Auth, header, type Principal } from "../auth.ts";
import { invalid } from "../problems.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** What a body asks for, where that is not the body as it came. */
    askedBy?: (body: unknown) => unknown;
  }
}

const keyCharactersMax = 255;
/** What a client without credentials sends has to be hard to guess: a UUID, or as many URL-safe characters. */
const strongKey = /^[A-Za-z0-9_-]{22,}$/;
const runningMax = 20_000;

/** An Idempotency-Key of a request, as its client's own. */
export interface ClientKey {
  /** Of the key's stream. */
  id: string;
  /** Anybody could have guessed it: only version 0.1 took such a key. */
  isWeak: boolean;
  fingerprint: string;
  /** As versions that had no secret in it made it. */
  formerly: string;
  /** Streams on which version 0.1 may have kept an answer to it. */
  storedUnder: readonly { id: string; fingerprint: string }[];
}

/**
 * @param cartId the cart whose token the request has shown, if it has: its commands belong to the cart
 * @returns undefined for a request without a key
 * @throws Problem malformed_request
 */
export function clientKeyOf(
  request: FastifyRequest,
  auth: Auth,
  cartId: string | undefined,
): ClientKey | undefined {
  const text = header(request, "idempotency-key");
  if (text === undefined) return undefined;
  if (text.length < 1 || text.length > keyCharactersMax || !/^[\x21-\x7e]+$/.test(text))
    throw new Problem(
      "malformed_request",
      `Idempotency-Key: 1 to ${keyCharactersMax} visible ASCII characters`,
    );
  const who = auth.principal(request);
  const client = clientOf(who, cartId);
  const old =
    who.kind === "guest"
      ? [who.cartToken, `ip:${request.ip}`]
      : who.kind === "staff" && who.keyId === undefined
        ? ["staff"]
        : [];
  const asked = request.routeOptions.config.askedBy?.(request.body) ?? request.body ?? null;
  const oldFingerprint = digest([request.method, request.url, asked, header(request, "if-match") ?? ""]);
  return {
    id: digest([client ?? "anybody", text]),
    isWeak: client === undefined && !strongKey.test(text),
    // What is asked may be personal, and easily guessed: nobody who has only the log can try.
    fingerprint: auth.fingerprintOf(JSON.stringify([request.method, request.url, asked])),
    formerly: digest([request.method, request.url, asked]),
    storedUnder: old
      .filter((client) => client !== undefined)
      .map((client) => ({ id: digest([client, text]), fingerprint: oldFingerprint })),
  };
}

/** @returns undefined for who shows nothing that is theirs alone */
function clientOf(who: Principal, cartId: string | undefined): string | undefined {
  if (who.kind === "staff") return who.keyId === undefined ? "staff" : `key:${who.keyId}`;
  if (cartId !== undefined) return `cart:${cartId}`;
  return who.kind === "customer" ? `customer:${who.customerId}` : undefined;
}

function weakKey(): Problem {
  return invalid([
    {
      path: "Idempotency-Key",
      message: "without a token of its own, a client sends a UUID or at least 22 URL-safe characters",
    },
  ]);
}

function digest(parts: readonly unknown[]): string {
  return hash("sha256", JSON.stringify(parts), "hex").slice(0, 40);
}

/** A command under a key that is taken, or was before: `since` is where its stream stood when it was. */
export type KeyedContext = Required<Pick<CommandContext, "commandId" | "since">>;

export interface Idempotency {
  /**
   * What version 0.1 answered to this key.
   * @throws Problem idempotency_key_reused
   */
  stored(key: ClientKey): Promise<StoredAnswer | undefined>;
  /**
   * Runs a request under its key.
   * @throws Problem validation_failed for a weak key; idempotency_key_reused; request_in_progress while this process is at it
   */
  once<T>(key: ClientKey, context: CommandContext, steps: KeyedSteps<T>): Promise<Keyed<T>>;
}

/** What a request under a key is answered, and whether it had been carried out before. */
export interface Keyed<T> {
  answer: T;
  repeated: boolean;
}

/** The stream that a command aims at, and where that stood, or stands by now. */
interface Aim {
  stream: string;
  revision: number;
}

export interface KeyedSteps<T> {
  aimOf: (commandId: string) => Promise<Aim>;
  /**
   * What the command has done before, under a key that was taken before; undefined when nothing.
   * @param done where the stream stood when it had succeeded without an effect
   */
  look: (keyed: KeyedContext, done: number | undefined) => Promise<T | undefined>;
  /** @returns `unchangedAt` when it has succeeded without an effect: where the stream stood */
  run: (keyed: KeyedContext) => Promise<{ answer: T; unchangedAt?: number }>;
}

export function createIdempotency(runtime: Runtime): Idempotency {
  return new ClientKeys(runtime);
}

/** Commands by their clients' keys (ARCHITECTURE.md, Keys). Only the log decides. */
class ClientKeys implements Idempotency {
  private readonly runtime: Runtime;
  private readonly lifeMs: number;
  /** Requests that this process is at: where it alone writes the log, no other can be. */
  private readonly running = new Map<string, string>();

  constructor(runtime: Runtime) {
    this.runtime = runtime;
    this.lifeMs = runtime.config.IDEMPOTENCY_DAYS * 86_400_000;
  }

  stored(key: ClientKey): Promise<StoredAnswer | undefined> {
    return storedBefore(this.runtime, key, this.lifeMs);
  }

  async once<T>(key: ClientKey, context: CommandContext, steps: KeyedSteps<T>): Promise<Keyed<T>> {
    const { running } = this;
    if (key.isWeak) throw weakKey();
    const other = running.get(key.id);
    if (other !== undefined) {
      requireSameRequest({ fingerprint: other }, key.fingerprint);
      throw new Problem("request_in_progress", "a request with this idempotency key is still running");
    }
    if (running.size >= runningMax) throw new Problem("unavailable", "too many commands are under way");
    running.set(key.id, key.fingerprint);
    try {
      return await this.taken(key, context, steps);
    } finally {
      running.delete(key.id);
    }
  }

  private async taken<T>(key: ClientKey, context: CommandContext, steps: KeyedSteps<T>): Promise<Keyed<T>> {
    const { engine, events } = this.runtime;
    const run = async (keyed: KeyedContext) => ({
      answer: await finished(engine, key, context, await steps.run(keyed)),
      repeated: false,
    });
    // With one writer a look costs nothing, and key and effect go to the disk together.
    const asNew = events.soleWriter ? undefined : await this.takeNew(key, context, steps);
    if (asNew) return run(asNew);
    const before = await engine.read(keys, key.id, (state) => state, context.asOf);
    if (isLive(before, this.lifeMs, context.now)) {
      requireSameRequest(before, key.fingerprint, key.formerly);
      const keyed = { commandId: idOf(key, before.uses), since: before.revision };
      const found = await steps.look(keyed, before.done);
      return found === undefined ? run(keyed) : { answer: found, repeated: true };
    }
    const commandId = idOf(key, before.uses + 1);
    const aim = await steps.aimOf(commandId);
    const taking = this.take(key, aim, context);
    // With one writer nobody can have been faster.
    const since = events.soleWriter ? aim.revision : (await taking).result.revision;
    const [ran] = await Promise.allSettled([run({ commandId, since }), taking]);
    await taking;
    if (ran.status === "rejected") throw ran.reason;
    return ran.value;
  }

  /** Takes a key that nobody has had, without a look whether somebody has. @returns undefined when somebody has */
  private async takeNew<T>(
    key: ClientKey,
    context: CommandContext,
    steps: KeyedSteps<T>,
  ): Promise<KeyedContext | undefined> {
    const commandId = idOf(key, 1);
    const aim = await steps.aimOf(commandId);
    const { changed } = await this.take(key, aim, { ...context, isFirst: true });
    return changed ? { commandId, since: aim.revision } : undefined;
  }

  private take(key: ClientKey, aim: Aim, { expectedRevision: _, ...context }: CommandContext) {
    const { engine } = this.runtime;
    const { fingerprint, formerly } = key;
    const { isFirst } = context;
    const command = { fingerprint, formerly, ...aim, lifeMs: this.lifeMs, ...(isFirst && { isFirst }) };
    // An id of its own, and not the key's: another request may be taking the key for something else.
    const step = { ...context, commandId: newId() };
    return engine.execute(keys, key.id, "Take", command, step, (state) => state);
  }
}

function idOf(key: ClientKey, use: number): string {
  return deriveId("key", key.id, use);
}

/** What version 0.1 answered to a key, as long as keys live. @throws Problem idempotency_key_reused */
async function storedBefore(
  { engine, kept, clock }: Runtime,
  key: ClientKey,
  lifeMs: number,
): Promise<StoredAnswer | undefined> {
  if (!kept.storedAnswers) return undefined;
  for (const { id, fingerprint } of key.storedUnder) {
    const { stored } = await engine.read(storedAnswer, id, (state) => state);
    if (!stored || clock() >= stored.storedAt + lifeMs) continue;
    requireSameRequest(stored, fingerprint);
    return stored;
  }
  return undefined;
}

/** A success without an effect is kept, for else the key would be decided anew when all has changed. */
async function finished<T>(
  engine: Engine,
  key: ClientKey,
  { expectedRevision: _, ...context }: CommandContext,
  { answer, unchangedAt }: { answer: T; unchangedAt?: number },
): Promise<T> {
  if (unchangedAt !== undefined) {
    const step = { ...context, commandId: newId() };
    await engine.execute(keys, key.id, "Finish", { revision: unchangedAt }, step);
  }
  return answer;
}
