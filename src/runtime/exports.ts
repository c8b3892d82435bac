import type { ExportPage } from "../../projections/exported.ts";
import { byteOrderMark } from "../values/csv.ts";
import type { Queries } from "./queries.ts";
import type { ExportTable } from "./threads/query-worker.ts";

export type ExportName = keyof ExportTable;
/** What is asked for, without where a page starts. */
export type ExportRequest<K extends ExportName> = Omit<Parameters<ExportTable[K]>[0], "after">;

/**
 * An export as text, a page at a time: the next one is read once it is asked for, by the thread of queries, between what
 * others ask of it.
 * @param isMarked with a byte order mark
 * @throws what `Queries.run` throws
 */
export async function* exportOf<K extends ExportName>(
  queries: Pick<Queries, "run">,
  name: K,
  request: ExportRequest<K>,
  isMarked = false,
): AsyncGenerator<string, void> {
  if (isMarked) yield byteOrderMark;
  let after: ExportPage["next"] | undefined;
  do {
    const input = { ...request, ...(after && { after }) } as Parameters<ExportTable[K]>[0];
    const { text, next }: ExportPage = await queries.run(name, input);
    if (text !== "") yield text;
    after = next;
  } while (after !== null);
}
