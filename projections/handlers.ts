import type { Handler, ProjectedEvent } from "../src/engine/projection.ts";

/** The key of a model that has one document for each stream. */
export const streamKey = ({ id }: { id: string }): string => id;

/** A handler of an event that is never the first one of its document. It changes the document in place. */
export function onExisting<Doc, Data>(
  change: (doc: Doc, event: ProjectedEvent<Data>) => void,
): Handler<Doc, Data> {
  return {
    keys: streamKey,
    change: (doc, event) => {
      const existing = known(doc, event);
      change(existing, event);
      return existing;
    },
  };
}

/** @throws Error that parks the document: an event came for what never began */
export function known<Doc>(doc: Doc | undefined, { type, stream }: ProjectedEvent): Doc {
  if (doc === undefined) throw new Error(`${type} of ${stream} came before what it changes`);
  return doc;
}

/** The element with this property, which an earlier event has put there. @throws Error */
export function knownIn<T, K extends keyof T>(elements: readonly T[], property: K, value: T[K]): T {
  const found = elements.find((element) => element[property] === value);
  if (found === undefined) throw new Error(`there is no ${String(property)} ${String(value)} yet`);
  return found;
}
