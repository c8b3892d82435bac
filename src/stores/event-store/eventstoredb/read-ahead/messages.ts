import type { Position } from "../../event-store.ts";

export interface ReaderData {
  url: string;
}

export type ToReader =
  /** Read behind this position, and no longer where it has read so far. */
  | { kind: "from"; run: number; after: Position }
  /** A stretch that was sent is out of the way. */
  | { kind: "taken" };

/** It has found the server, and can be asked; then what it has read. */
export type FromReader = "ready" | Stretch;

export interface Stretch {
  /** Of the `from` that it was read for. */
  run: number;
  /** Messages of ReadResp, each behind its length; left out at the log's end, or where it cannot be read. */
  bytes: Uint8Array<ArrayBuffer> | undefined;
}

export const lengthBytes = 4;
