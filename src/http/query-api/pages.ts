import { hash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { PageRequest } from "../../../projections/page.ts";
import type { ColumnValue } from "../../stores/view-store/view-store.ts";
import type { Cursors } from "./cursors.ts";

const jsonType = "application/json; charset=utf-8";

/**
 * Sends JSON text as it is.
 * @returns the reply
 */
export function sendJson(reply: FastifyReply, json: string | Buffer): Sent {
  return reply.header("Content-Type", jsonType).send(json) as unknown as Sent;
}

/**
 * Sends JSON text with its ETag, or 304 to who holds it already.
 * @param revision of the stream that it shows, by which a command can be made conditional
 * @returns the reply
 */
export function sendTagged(
  request: FastifyRequest,
  reply: FastifyReply,
  json: string | Buffer,
  revision?: number,
): Sent {
  return sendAs(request, reply, json, tagOf(json, revision));
}

/** @returns the ETag of an answer: its revision, if it has one, and a digest of all that it shows */
export function tagOf(json: string | Buffer, revision?: number): string {
  const digest = hash("sha1", json, "base64url");
  return revision === undefined ? `"${digest}"` : `"${revision}.${digest}"`;
}

/** @param tag of the text */
export function sendAs(
  request: FastifyRequest,
  reply: FastifyReply,
  json: string | Buffer,
  tag: string,
): Sent {
  reply.header("ETag", tag);
  if (!isHeld(request.headers["if-none-match"], tag)) return sendJson(reply, json);
  return reply.code(304).send() as unknown as Sent;
}

/** Compared weakly, as RFC 9110 (13.1.2) has it: a tag of a compressed answer is weak. */
function isHeld(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === "*") return true;
  return ifNoneMatch.split(",").some((each) => each.trim().replace(/^W\//, "") === tag);
}

/**
 * What a route has to return that has sent its answer itself: a large one is compressed while it is sent, and a route
 * that returned nothing would be answered with nothing. It is a reply; a route's type is that of its answer.
 */
export type Sent = undefined;

export interface PageQuery {
  limit: number;
  cursor?: string | undefined;
}

/** One list, as its cursors know it: `page` is the page that is asked for, `next` the cursor behind it. */
export interface List {
  page: PageRequest;
  next: (next: readonly ColumnValue[] | null) => string | null;
}

/**
 * @param route with the values of its path parameters
 * @param filters what else decides which items come in which order
 * @throws Problem invalid_cursor
 */
export function listOf(cursors: Cursors, route: string, filters: object, { limit, cursor }: PageQuery): List {
  const name = JSON.stringify([route, filters]);
  return {
    page: { limit, after: cursors.open(name, cursor) },
    next: (next) => cursors.seal(name, next),
  };
}

/** A list of JSON texts that are not parsed for it. `more` are further members of the answer. */
export function listText(texts: readonly string[], nextCursor: string | null, more: object = {}): string {
  const end = JSON.stringify({ nextCursor, ...more }).slice(1);
  return `{"items":[${texts.join(",")}],${end}`;
}
