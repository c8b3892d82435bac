import type { EventMetadata, Position } from "../stores/event-store/event-store.ts";
import type { ColumnValue, ModelSpec } from "../stores/view-store/view-store.ts";
import type { DataOf, EventMap } from "./decider.ts";

/** An event as projections see it: decoded, in its newest version. */
export interface ProjectedEvent<Data = unknown> {
  readonly position: Position;
  readonly stream: string;
  /** The stream's name without its category. */
  readonly id: string;
  readonly revision: number;
  readonly type: string;
  /** Epoch milliseconds at which it was decided. */
  readonly time: number;
  readonly data: Data;
  /** Who brought it about, and how: costs a look-up where the log keeps it apart. */
  readonly metadata: EventMetadata;
}

/** How one event type changes documents. Pure; a document may be changed in place and returned. */
export interface Handler<Doc, Data> {
  /** Keys of the documents that the event itself names. */
  keys: (event: ProjectedEvent<Data>) => string | readonly string[];
  /** @returns the document after the event; undefined deletes it or leaves it absent */
  change: (doc: Doc | undefined, event: ProjectedEvent<Data>, key: string) => Doc | undefined;
  /**
   * Keys of further documents, known only from a changed one (a SKU's document names its product).
   * They change after it and are stored before it, so that a half stored batch can be applied again. An event
   * that comes again finds the document as it is by now: so the event by which a document begins to lead to
   * another must change that one too, whose position then keeps out what was before.
   */
  follow?: (doc: Doc | undefined, event: ProjectedEvent<Data>, key: string) => readonly string[];
  changeFollower?: (
    follower: Doc | undefined,
    event: ProjectedEvent<Data>,
    key: string,
    origin: Doc | undefined,
  ) => Doc | undefined;
}

/**
 * A read model: which documents an event touches and how each changes, and what of a document can be
 * queried. Documents are plain JSON and hold no `undefined`, so that a stored and read document is the
 * same as one that stayed in memory.
 */
export interface Projection<Doc, E extends EventMap> extends ModelSpec {
  on: { [K in keyof E & string]?: Handler<Doc, DataOf<E, K>> };
  columnsOf: (doc: Doc, key: string) => Record<string, ColumnValue>;
  listsOf?: (doc: Doc) => Record<string, readonly string[]>;
  /** What readers see, where it differs from the document. */
  present?: (doc: Doc, key: string) => unknown;
  /** Handlers ask events for their metadata. */
  readsMetadata?: true;
}

// biome-ignore lint/suspicious/noExplicitAny: the engine handles projections of every document type alike
export type AnyProjection = Projection<any, any>;

/** Declares a read model over the events of E: `projectionOf<ShopEvents>()<Doc>({...})`. */
export function projectionOf<E extends EventMap>() {
  return <Doc>(definition: Projection<Doc, E>): Projection<Doc, E> => definition;
}
