// @ts-check

/** How often a request is sent again that got no answer, or one that says: later. */
const retriesDefault = 4;
const retryAfterMsMin = 100;
const retryAfterMsMax = 10_000;
const timeoutMsDefault = 15_000;
/** Of an event stream, whose server says every 15 seconds that it is there. */
const silenceMsMax = 45_000;
/** Answers that say that the same request may succeed later, whatever it was. */
const passing = new Set([429, 502, 503, 504]);

/** What the API has refused, or could not do. */
export class CartwrightError extends Error {
  /**
   * @param {number} status
   * @param {Record<string, any>} problem
   */
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `answered ${status}`);
    this.name = "CartwrightError";
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.problem = problem;
  }
}

/** No answer came: a command may have been carried out. The same key again tells. */
export class NoAnswer extends Error {
  /**
   * @param {unknown} cause
   * @param {string | undefined} idempotencyKey
   */
  constructor(cause, idempotencyKey) {
    super(`no answer: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = "NoAnswer";
    this.idempotencyKey = idempotencyKey;
  }
}

/** @param {any} options */
export function createClient(options) {
  return new Client(options, { position: undefined });
}

class Client {
  #options;
  /** Of what was written last, by this client and those that were made `with` it. */
  #written;

  /**
   * @param {any} options
   * @param {{ position: string | undefined }} written
   */
  constructor(options, written) {
    this.#options = options;
    this.#written = written;
  }

  /** @param {any} more */
  with(more) {
    return new Client({ ...this.#options, ...more }, this.#written);
  }

  get position() {
    return this.#written.position;
  }

  /** @type {(path: string, request?: any) => Promise<any>} */
  get = (path, request = {}) => this.#ask(path, request);
  /** @type {(path: string, request?: any) => Promise<any>} */
  post = (path, request = {}) => this.#command("POST", path, request);
  /** @type {(path: string, request?: any) => Promise<any>} */
  put = (path, request = {}) => this.#command("PUT", path, request);
  /** @type {(path: string, request?: any) => Promise<any>} */
  patch = (path, request = {}) => this.#command("PATCH", path, request);
  /** @type {(path: string, request?: any) => Promise<any>} */
  delete = (path, request = {}) => this.#command("DELETE", path, request);

  /**
   * @param {string} path
   * @param {any} request
   */
  async *items(path, request = {}) {
    for (let cursor; cursor !== null; ) {
      const query = { ...request.query, ...(cursor !== undefined && { cursor }) };
      const { body } = await this.get(path, { ...request, query });
      yield* body.items;
      // What goes on for ever is asked for once more later.
      cursor = body.more === false ? null : (body.nextCursor ?? null);
    }
  }

  /** @param {any} request */
  async *events({ query = {}, lastEventId, signal } = {}) {
    const { retries = retriesDefault } = this.#options;
    const url = urlOf(this.#options.url, "/v1/events", { query });
    let last = lastEventId;
    for (let failures = 0; !signal?.aborted; ) {
      const silence = new AbortController();
      const silent = () => setTimeout(() => silence.abort(new Error("the stream is silent")), silenceMsMax);
      let timer = silent();
      let retryAfter = null;
      let pauseMsMin = 0;
      try {
        const headers = { Accept: "text/event-stream", ...(last !== undefined && { "Last-Event-ID": last }) };
        const response = await this.#fetch("GET", url, { signal, late: silence.signal }, headers);
        if (!response.ok) {
          retryAfter = response.headers.get("Retry-After");
          throw refusalIn(await answerOf(response));
        }
        for await (const { id = last, data, retry } of messagesOf(response)) {
          clearTimeout(timer);
          last = id;
          // With it the stream begins, which is no sign yet that it goes on.
          if (retry !== undefined) pauseMsMin = Number(retry);
          else failures = 0;
          if (data !== undefined) yield { id, event: JSON.parse(data) };
          if (signal?.aborted) return;
          // Whoever deals with an event may take longer than the server is silent.
          timer = silent();
        }
      } catch (error) {
        if (signal?.aborted) return;
        const isRefused = error instanceof CartwrightError;
        if (isRefused && (!passing.has(error.status) || failures >= retries)) throw error;
        if (failures >= retries) throw new NoAnswer(error, undefined);
      } finally {
        clearTimeout(timer);
        silence.abort();
      }
      // Its end is none of what happens: the server, or something on the way, has been restarted.
      await sleep(Math.max(pauseMsMin, pauseMs(failures++, retryAfter)), signal);
    }
  }

  /**
   * @param {string} path
   * @param {any} request
   */
  #ask(path, { minPosition = this.#written.position, ifNoneMatch, ...request }) {
    const headers = {
      ...(minPosition !== undefined && minPosition !== null && { "Min-Position": minPosition }),
      ...(ifNoneMatch !== undefined && { "If-None-Match": ifNoneMatch }),
    };
    return this.#send("GET", path, request, headers, undefined);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {any} request
   */
  async #command(method, path, { idempotencyKey = crypto.randomUUID(), ifMatch, ...request }) {
    const headers = {
      "Idempotency-Key": idempotencyKey,
      ...(ifMatch !== undefined && { "If-Match": ifMatch }),
    };
    const answer = await this.#send(method, path, request, headers, idempotencyKey);
    if (answer.position !== undefined) this.#written.position = answer.position;
    return answer;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {any} request
   * @param {Record<string, string>} headers
   * @param {string | undefined} key
   */
  async #send(method, path, request, headers, key) {
    const { retries = retriesDefault } = this.#options;
    const url = urlOf(this.#options.url, path, request);
    for (let attempt = 0; ; attempt++) {
      const isLast = attempt >= retries || request.signal?.aborted;
      try {
        const response = await this.#fetch(method, url, request, headers);
        const answer = await answerOf(response);
        if (response.ok || response.status === 304) return answer;
        const error = refusalIn(answer);
        const isPassing = passing.has(error.status) || error.code === "request_in_progress";
        // What a key is answered again is its answer for good.
        if (isLast || !isPassing || answer.replayed) throw error;
        await sleep(pauseMs(attempt, response.headers.get("Retry-After")), request.signal);
      } catch (error) {
        if (error instanceof CartwrightError) throw error;
        if (isLast || request.signal?.aborted) throw new NoAnswer(error, key);
        await sleep(pauseMs(attempt, null), request.signal);
      }
    }
  }

  /**
   * @param {string} method
   * @param {string} url
   * @param {any} request
   * @param {Record<string, string>} headers
   */
  #fetch(method, url, { body, contentType, signal, late }, headers) {
    const { fetch = globalThis.fetch, token, cartToken, timeoutMs = timeoutMsDefault } = this.#options;
    late ??= AbortSignal.timeout(timeoutMs);
    return fetch(url, {
      method,
      headers: {
        Accept: "application/json",
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        ...(cartToken !== undefined && { "Cart-Token": cartToken }),
        ...(body !== undefined && { "Content-Type": contentType ?? "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: contentType === undefined ? JSON.stringify(body) : body }),
      signal: signal ? AbortSignal.any([signal, late]) : late,
    });
  }
}

/**
 * @param {string} base
 * @param {string} path
 * @param {{ path?: Record<string, string | number>, query?: Record<string, any> }} request
 */
function urlOf(base, path, { path: values = {}, query = {} }) {
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => {
    if (values[name] === undefined) throw new TypeError(`${path} needs ${name}`);
    return encodeURIComponent(values[name]);
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    for (const each of Array.isArray(value) ? value : [value])
      if (each !== undefined) search.append(name, String(each));
  const asked = search.size > 0 ? `?${search}` : "";
  return `${base.replace(/\/+$/, "")}${filled}${asked}`;
}

/** @param {Response} response */
async function answerOf(response) {
  const { status, headers } = response;
  const text = status === 204 || status === 304 ? "" : await response.text();
  const isJson = /[/+]json\b/.test(headers.get("Content-Type") ?? "");
  return {
    status,
    body: text === "" ? undefined : isJson ? JSON.parse(text) : text,
    etag: headers.get("ETag") ?? undefined,
    position: headers.get("Position") ?? undefined,
    replayed: headers.get("Idempotent-Replayed") === "true",
    notModified: status === 304,
  };
}

/**
 * What stands between here and the shop may answer with a page instead.
 * @param {{ status: number, body: any }} answer
 */
function refusalIn({ status, body }) {
  return new CartwrightError(status, typeof body === "object" && body !== null ? body : {});
}

/**
 * Of a stream of server-sent events, those that say something, if only where the stream is.
 * @param {Response} response
 */
async function* messagesOf(response) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body)
    .pipeThrough(new TextDecoderStream())
    .getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const texts = (rest + value).split("\n\n");
    rest = texts.pop() ?? "";
    for (const text of texts)
      yield {
        id: /^id: (.*)$/m.exec(text)?.[1],
        data: /^data: (.*)$/m.exec(text)?.[1],
        retry: /^retry: (\d+)$/m.exec(text)?.[1],
      };
  }
}

/**
 * @param {number} attempt
 * @param {string | null} retryAfter
 */
function pauseMs(attempt, retryAfter) {
  const asked = retryAfter === null ? 0 : Number(retryAfter) * 1_000;
  const grown = retryAfterMsMin * 2 ** attempt * (0.5 + Math.random() / 2);
  return Math.min(retryAfterMsMax, Math.max(Number.isFinite(asked) ? asked : 0, grown));
}

/**
 * @param {number} ms
 * @param {AbortSignal | undefined} signal
 */
function sleep(ms, signal) {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", over);
      resolve(undefined);
    };
    const timer = setTimeout(over, ms);
    signal?.addEventListener("abort", over);
  });
}
