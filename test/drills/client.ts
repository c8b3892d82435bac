import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** How long one attempt waits for its answer if nothing else is said, and how long a command is tried again. */
const answerTimeoutMs = 12_000;
const persistsMs = 150_000;
const pauseMs = 400;
const wrongKeptMax = 100;
/** A process ended, there is none, or it takes too long. */
const ofProxy = [502, 503, 504];

// biome-ignore lint/suspicious/noExplicitAny: drills look into answers as a client does
export type Body = any;

export interface Answer {
  status: number;
  headers: Headers;
  body: Body;
}

export interface Request {
  method: "GET" | "POST" | "PUT";
  path: string;
  body?: object | undefined;
  headers?: Record<string, string> | undefined;
  /** Statuses that end it, beside success. */
  ends?: readonly number[];
  /** How long one attempt waits for its answer. */
  patienceMs?: number;
}

/** What clients met, over all of them. */
export class Tally {
  answered = 0;
  /** 503 with the store's name. */
  unavailable = 0;
  /** A read model was not there yet. */
  behind = 0;
  /** No answer in time, or a broken connection. */
  lost = 0;
  /** The same key was still at work. */
  inProgress = 0;
  /** Checkouts that were undone, each told so and done again under a new key. */
  undone = 0;
  readonly wrong: string[] = [];

  complain(what: string): void {
    if (this.wrong.length < wrongKeptMax) this.wrong.push(what);
  }

  toString(): string {
    const { answered, unavailable, behind, lost, inProgress, undone } = this;
    return `${answered} answered, ${unavailable} times 503, ${behind} behind, ${lost} without an answer, ${inProgress} in progress, ${undone} undone`;
  }
}

/** Nothing came of a command however often it was tried. */
export class Unresolved extends Error {
  constructor(what: string) {
    super(what);
    this.name = "Unresolved";
  }
}

export interface ClientOptions {
  /** Of the processes that take requests, asked in turn. */
  urls: () => readonly string[];
  /** Whether a proxy answers for a process that does not. */
  isProxied?: boolean | undefined;
}

/** A client that does what the API's rules tell: the same key again, at another process, until it has its answer. */
export class Client {
  private readonly options: ClientOptions;
  private readonly tally: Tally;
  private turn = Math.floor(Math.random() * 1_000);

  constructor(options: ClientOptions, tally: Tally) {
    this.options = options;
    this.tally = tally;
  }

  /** A command under a key of its own. @throws Unresolved */
  command(request: Request, key: string = randomUUID()): Promise<Answer> {
    return this.ask({ ...request, headers: { ...request.headers, "idempotency-key": key } });
  }

  /** @throws Unresolved */
  async ask(request: Request): Promise<Answer> {
    const { method, path, ends = [] } = request;
    const endsAt = performance.now() + persistsMs;
    let last = "nothing";
    for (let tries = 0; performance.now() < endsAt; tries++) {
      if (tries > 0) await sleep(pauseMs * (0.5 + Math.random()));
      const answer = await this.once(request);
      if (typeof answer === "string") {
        this.tally.lost++;
        last = answer;
        continue;
      }
      const { status, body, headers } = answer;
      last = `${status} ${JSON.stringify(body)}`;
      const isInProgress = status === 409 && body?.code === "request_in_progress";
      if (status < 300 || (ends.includes(status) && !isInProgress)) {
        this.tally.answered++;
        return answer;
      }
      // What a key is answered again is its answer for good: here, that a checkout was undone.
      if (status === 503 && headers.get("idempotent-replayed") === "true") return answer;
      if (!this.isPassing(answer)) {
        this.tally.complain(`${method} ${path}: ${last}`);
        if (status !== 500) throw new Unresolved(`${method} ${path}: ${last}`);
      }
    }
    throw new Unresolved(`${method} ${path}: after ${persistsMs} ms still ${last}`);
  }

  /** Whether the answer is one that the rules allow while something is away. */
  private isPassing({ status, body }: Answer): boolean {
    if (status === 409 && body?.code === "request_in_progress") {
      this.tally.inProgress++;
      return true;
    }
    if (status === 504 && body?.code === "projection_behind") {
      this.tally.behind++;
      return true;
    }
    if (body?.code !== "unavailable") return false;
    if (this.options.isProxied && body.store === undefined && ofProxy.includes(status)) {
      this.tally.lost++;
      return true;
    }
    if (status !== 503) return false;
    this.tally.unavailable++;
    return isStoreName(body.store);
  }

  /** @returns why there is no answer, else it */
  private async once({ method, path, body, headers, patienceMs }: Request): Promise<Answer | string> {
    const urls = this.options.urls();
    const url = urls[this.turn++ % urls.length];
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { ...headers, ...(body && { "content-type": "application/json" }) },
        ...(body && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(patienceMs ?? answerTimeoutMs),
      });
      const text = await response.text();
      const isJson = response.headers.get("content-type")?.includes("json");
      return {
        status: response.status,
        headers: response.headers,
        body: isJson ? JSON.parse(text) : text,
      };
    } catch (error) {
      const { message, cause } = error as Error;
      return `${message}${cause instanceof Error ? `: ${cause.message}` : ""}`;
    }
  }
}

function isStoreName(name: unknown): boolean {
  return name === "events" || name === "views" || name === "hot";
}
