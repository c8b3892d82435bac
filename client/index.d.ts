import type { Operations, Schemas } from "./api.js";

export type { Operations, Schemas };

/** A problem as the API tells it (RFC 9457); `code` is stable. */
export type Problem = Schemas["Problem"];
export type ProblemCode = Problem["code"];

export interface ClientOptions {
  /** Where the shop is, such as `https://shop.example`. */
  url: string;
  /** A staff API key. Not for browsers. */
  token?: string;
  /** Of the guest's cart, as it was given when the cart was opened. */
  cartToken?: string;
  /** Another `fetch` than the platform's. */
  fetch?: typeof fetch;
  /** How often a request is sent again that got no answer, or one that says: later. 4 if it is left out. */
  retries?: number;
  /** Of one try. 15,000 if it is left out. */
  timeoutMs?: number;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
type Paths<M extends Method> = {
  [K in keyof Operations]: K extends `${M} ${infer P}` ? P : never;
}[keyof Operations];
type Operation<M extends Method, P extends string> = `${M} ${P}` extends keyof Operations
  ? Operations[`${M} ${P}`]
  : never;

/** Left out where nothing is asked for, required where something is. */
type Part<Name extends string, T> = [T] extends [never]
  ? { [K in Name]?: never }
  : undefined extends T
    ? { [K in Name]?: T }
    : Record<never, never> extends T
      ? { [K in Name]?: T }
      : { [K in Name]: T };

type Asked<O> = O extends { path: infer P; query: infer Q; body: infer B }
  ? Part<"path", P> & Part<"query", Q> & Part<"body", B> & { signal?: AbortSignal }
  : never;

export interface QueryOptions {
  /** Not older than this `position`; what this client has written last if it is left out, null for any. */
  minPosition?: string | null;
  /** Answered with `notModified` if it is still so. */
  ifNoneMatch?: string;
}

export interface CommandOptions {
  /** A new one for each command if it is left out; the same one sends the same command again. */
  idempotencyKey?: string;
  /** The `etag` of the version that the command is meant for. */
  ifMatch?: string;
  /** Of a body that is sent as it is, text or bytes, such as `text/csv`; JSON is made of it if it is left out. */
  contentType?: string;
}

export interface EventsOptions {
  /** `from`: `now` if it is left out. */
  query?: Exclude<Operations["GET /v1/events"]["query"], undefined>;
  /** The `id` of the last event that was dealt with: the stream goes on behind it. */
  lastEventId?: string;
  /** Ends it. */
  signal?: AbortSignal;
}

export interface StreamedEvent {
  /** What `lastEventId` takes. */
  id: string | undefined;
  event: Schemas["Feed"]["items"][number];
}

export interface Answer<T> {
  status: number;
  /** A text where the answer is no JSON, such as a table; undefined when it is not modified. */
  body: T;
  etag: string | undefined;
  /** Of the log: what the answer is made of, or what a command has written. */
  position: string | undefined;
  /** The answer is that of an earlier request with the same key. */
  replayed: boolean;
  notModified: boolean;
}

type AnswerTo<O> = O extends { answer: infer A } ? Answer<A> : never;
type Call<M extends Method, More> = <P extends Paths<M>>(
  path: P,
  ...request: Record<never, never> extends Asked<Operation<M, P>>
    ? [request?: Asked<Operation<M, P>> & More]
    : [request: Asked<Operation<M, P>> & More]
) => Promise<AnswerTo<Operation<M, P>>>;

type ItemOf<A> = A extends { items: readonly (infer I)[] } ? I : never;

/**
 * The API of a shop. Commands carry an Idempotency-Key and are sent again until they are answered; queries are made of
 * what this client has written before.
 */
export interface Client {
  /** @throws CartwrightError for what is refused; NoAnswer */
  get: Call<"GET", QueryOptions>;
  /** @throws CartwrightError for what is refused; NoAnswer when it is not known what has become of it */
  post: Call<"POST", CommandOptions>;
  put: Call<"PUT", CommandOptions>;
  patch: Call<"PATCH", CommandOptions>;
  delete: Call<"DELETE", CommandOptions>;
  /** All items of a list, page after page. */
  items<P extends Paths<"GET">>(
    path: P,
    request?: Asked<Operation<"GET", P>> & QueryOptions,
  ): AsyncGenerator<Operation<"GET", P> extends { answer: infer A } ? ItemOf<A> : never>;
  /**
   * What happens, as it happens, for staff. It goes on where it was when the connection ends.
   * @throws CartwrightError for what is refused; NoAnswer when it cannot be gone on with
   */
  events(request?: EventsOptions): AsyncGenerator<StreamedEvent>;
  /** The same shop with other credentials; what one of them writes, the other one reads. */
  with(options: Partial<ClientOptions>): Client;
  /** Of what was written last. */
  readonly position: string | undefined;
}

export function createClient(options: ClientOptions): Client;

/** What the API has refused, or could not do. */
export class CartwrightError extends Error {
  readonly status: number;
  readonly code: ProblemCode | "unknown";
  readonly problem: Problem;
}

/** No answer came: a command may have been carried out. The same key again tells. */
export class NoAnswer extends Error {
  readonly idempotencyKey: string | undefined;
}
