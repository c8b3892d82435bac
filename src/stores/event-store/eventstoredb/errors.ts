import { NotLeaderError, StreamDeletedError, StreamNotFoundError } from "@eventstore/db-client";
import { StoreDamaged, StoreUnavailable } from "../event-store.ts";

/** gRPC status codes (https://grpc.io/docs/guides/status-codes/). */
const grpcCancelled = 1;
const grpcUnavailable = 14;
/** Too many calls at once on the connection. */
const grpcResourceExhausted = 8;

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

/** The code of a gRPC error, raw or in a class of the client; while a server is away the client throws both. */
function codeOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "number" ? error.code : undefined;
}

export function isNotFound(error: unknown): boolean {
  return error instanceof StreamNotFoundError;
}

/** A position where no event begins: it was taken on another log. The server tells it by its message alone. */
export function isInvalidPosition(error: unknown): boolean {
  return error instanceof Error && error.message.includes("InvalidPosition");
}

/** The client has no cluster to talk to, and goes on having none until it is replaced. */
export function isDiscoveryFailure(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("Failed to discover");
}

/** A call of a client that was replaced meanwhile: it seems to have ended, and has been cut off. */
export class ClientReplaced extends Error {
  constructor() {
    super("the connection was replaced");
    this.name = "ClientReplaced";
  }
}

/** Another try may find the leader, or a node that is up again. */
export function isPassing(error: unknown): boolean {
  if (error instanceof NotLeaderError || error instanceof ClientReplaced) return true;
  if (isDiscoveryFailure(error)) return true;
  const code = codeOf(error);
  return code === grpcUnavailable || code === grpcCancelled || code === grpcResourceExhausted;
}

/** What a failed read is to the port. */
export function readFailure(error: unknown, what: string): Error {
  if (error instanceof StoreDamaged || error instanceof StoreUnavailable || error instanceof RangeError)
    return error;
  if (error instanceof StreamDeletedError) return deletedStream(what);
  if (isInvalidPosition(error))
    return new StoreDamaged("a position is no place in this log: it was taken on another log", {
      cause: error,
    });
  return new StoreUnavailable(`${what} cannot be read: ${reasonOf(error)}`, { cause: error });
}

export function deletedStream(stream: string): StoreDamaged {
  return new StoreDamaged(
    `${stream} was deleted on the server. This shop deletes no stream: restore the log from a backup`,
  );
}
