// @ts-check
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { parseArgs } from "node:util";
import { brotliCompressSync, gzipSync } from "node:zlib";

const browserFolder = join(import.meta.dirname, "browser");
const clientFile = join(import.meta.dirname, "../../client/index.js");
/** What a browser may send before it is closed. */
const requestTimeoutMs = 10_000;

/** @type {Record<string, string>} */
const types = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/**
 * @typedef {object} File
 * @property {string} type
 * @property {string} etag
 * @property {Record<string, Buffer>} bodies by content encoding
 */

/**
 * The storefront: its files, and the API's client, all kept in memory. What it sells it asks the API for, in the browser.
 * @param {{ api: string }} options the API's origin, such as `http://127.0.0.1:3000`
 * @returns {import("node:http").Server} not listening yet
 */
export function createStorefront({ api }) {
  const apiOrigin = new URL(api).origin;
  const files = filesOf(apiOrigin);
  const headers = headersFor(apiOrigin);
  const server = createServer({ requestTimeout: requestTimeoutMs }, (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (request.method !== "GET" && request.method !== "HEAD")
      return response.writeHead(405, { Allow: "GET, HEAD" }).end();
    const path = (request.url ?? "/").replace(/[?#].*$/s, "");
    // Pages have no extension: the router in the browser knows them.
    const file = files.get(extname(path) === "" ? "/index.html" : path);
    if (!file) return response.writeHead(404).end();
    send(request, response, file);
  });
  return server;
}

/** @param {string} apiOrigin */
function headersFor(apiOrigin) {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' https:",
    `connect-src ${apiOrigin}`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    "Content-Security-Policy": policy.join("; "),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
    Vary: "Accept-Encoding",
  };
}

/**
 * By path. A module in `browser/` imports the client from `../../../client/index.js`, where it is in the repository;
 * a browser takes that from the root, where it is served.
 * @param {string} apiOrigin
 */
function filesOf(apiOrigin) {
  const names = readdirSync(browserFolder, { recursive: true, encoding: "utf8" });
  /** @type {Map<string, File>} */
  const files = new Map([["/client/index.js", fileOf(".js", readFileSync(clientFile))]]);
  for (const name of names.filter((name) => extname(name) !== "")) {
    const text = readFileSync(join(browserFolder, name), "utf8").replaceAll("{{api}}", apiOrigin);
    files.set(`/${name}`, fileOf(extname(name), Buffer.from(text)));
  }
  return files;
}

/**
 * @param {string} extension
 * @param {Buffer} body
 * @returns {File}
 */
function fileOf(extension, body) {
  const type = types[extension];
  if (type === undefined) throw new Error(`no media type is known for ${extension}`);
  const digest = createHash("sha256").update(body).digest("base64url").slice(0, 22);
  return {
    type,
    etag: `"${digest}"`,
    bodies: { br: brotliCompressSync(body), gzip: gzipSync(body), identity: body },
  };
}

/**
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 * @param {File} file
 */
function send(request, response, { type, etag, bodies }) {
  const accepted = String(request.headers["accept-encoding"] ?? "");
  const encoding = ["br", "gzip"].find((each) => new RegExp(`\\b${each}\\b`).test(accepted)) ?? "identity";
  const tag = `W/${etag}`;
  response.setHeader("ETag", tag);
  if (request.headers["if-none-match"] === tag) return response.writeHead(304).end();
  const body = /** @type {Buffer} */ (bodies[encoding]);
  response.writeHead(200, {
    "Content-Type": type,
    "Content-Length": body.length,
    ...(encoding !== "identity" && { "Content-Encoding": encoding }),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

const usage = `node examples/storefront/server.js [--api URL] [--port PORT] [--host HOST]

  --api   where the shop's API is (API_URL; http://127.0.0.1:3000); it has to name this origin in CORS_ORIGINS
  --port  to listen on (PORT; 4000)
  --host  to listen on (HOST; 127.0.0.1)`;

function main() {
  const { values } = parseArgs({
    options: {
      api: { type: "string", default: process.env.API_URL || "http://127.0.0.1:3000" },
      port: { type: "string", default: process.env.PORT || "4000" },
      host: { type: "string", default: process.env.HOST || "127.0.0.1" },
      help: { type: "boolean", short: "h" },
    },
  });
  const { api, port, host, help } = values;
  if (help) return console.log(usage);
  if (!URL.canParse(api)) throw new TypeError(`${api} is no URL`);
  createStorefront({ api })
    .on("error", fail)
    .listen({ port: Number(port), host }, () => {
      console.log(`The storefront is at http://${host}:${port}, and asks ${api}`);
    });
}

/** @param {Error} error */
function fail({ message }) {
  console.error(`${message}\n\n${usage}`);
  process.exit(2);
}

if (import.meta.main) {
  try {
    main();
  } catch (error) {
    fail(/** @type {Error} */ (error));
  }
}
