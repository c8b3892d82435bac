import type { FastifyReply } from "fastify";
import type { Page, PageRequest } from "../../../projections/page.ts";
import type { ColumnValue, FindQuery, ViewModel } from "../../stores/view-store/view-store.ts";
import type { Cursors } from "./cursors.ts";

const jsonType = "application/json; charset=utf-8";

/** Sends JSON text as it is. */
export function sendJson(reply: FastifyReply, json: string | Buffer): void {
  reply.header("Content-Type", jsonType).send(json);
}

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

/**
 * Runs a query that parses the documents it finds, without parsing them: lists go out as they are stored.
 * @param query what it finds comes from the model that it is given, in one page
 */
export async function unparsed<P extends Page<unknown>>(
  model: ViewModel,
  query: (model: ViewModel) => Promise<P>,
): Promise<{ texts: string[]; page: P }> {
  const texts: string[] = [];
  const find = async (findQuery: FindQuery) => {
    const { items, next } = await model.find(findQuery);
    for (const { json } of items) texts.push(json);
    return { items: [], next };
  };
  const keeping = new Proxy(model, {
    get: (_, name) => {
      if (name === "find") return find;
      const value: unknown = Reflect.get(model, name);
      return typeof value === "function" ? value.bind(model) : value;
    },
  });
  return { texts, page: await query(keeping) };
}
