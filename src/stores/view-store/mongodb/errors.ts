import {
  MongoBulkWriteError,
  MongoError,
  MongoNetworkError,
  MongoOperationTimeoutError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
  MongoWriteConcernError,
} from "mongodb";
import { StoreUnavailable } from "../../event-store/event-store.ts";

export const storeName = "MongoDB";

/** https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml */
export const duplicateKey = 11000;
export const namespaceNotFound = 26;
const queryPlanKilled = 175;
/** The server cannot do it now: it has lost its primary, is starting or stopping, is out of time or of room. */
const awayCodes = new Set([
  ...[6, 7, 13, 18, 24, 43, 50, 63, 64, 79, 89, 91, 100, 112, 133, 134, 150, 189, 202, 234, 262, 290],
  ...[384, 402, 462, 9001, 10058, 10107, 11600, 11601, 11602, 13388, 13435, 13436, 14031, queryPlanKilled],
]);

/** Fault of the network, of the choice of a server or of the pool: nothing was answered. */
function isUnanswered(error: unknown): boolean {
  return (
    error instanceof MongoNetworkError ||
    error instanceof MongoServerSelectionError ||
    error instanceof MongoOperationTimeoutError ||
    error instanceof MongoTopologyClosedError ||
    // The pool's own errors are of classes that the driver does not export.
    (error instanceof MongoError &&
      (error.name === "MongoWaitQueueTimeoutError" ||
        error.name === "MongoPoolClosedError" ||
        error.name === "MongoPoolClearedError" ||
        error.name === "MongoNotConnectedError" ||
        error.name === "MongoClientClosedError"))
  );
}

/** What a bulk failed by, where it was not one of its operations: the driver wraps it. */
function causeOf(error: unknown): unknown {
  if (error instanceof MongoBulkWriteError && (error.errorResponse as unknown) instanceof Error)
    return error.errorResponse;
  return error;
}

/**
 * Whether the same call may succeed if it is sent again at once. A write without an answer may have been done;
 * all that is written here can be written twice.
 */
export function isRepeatable(error: unknown): boolean {
  const cause = causeOf(error);
  if (cause instanceof MongoServerSelectionError) return false;
  if (cause instanceof MongoNetworkError) return true;
  return (
    cause instanceof MongoError &&
    (cause.hasErrorLabel("RetryableWriteError") || cause.name === "MongoPoolClearedError")
  );
}

/** @returns StoreUnavailable for what passes or an operator can mend; other errors as they are */
export function translated(error: unknown): unknown {
  const cause = causeOf(error);
  const isAway =
    isUnanswered(cause) ||
    cause instanceof MongoWriteConcernError ||
    (cause instanceof MongoServerError && (awayCodes.has(Number(cause.code)) || hasConcernError(cause))) ||
    (cause instanceof MongoError && cause.hasErrorLabel("RetryableWriteError"));
  if (!isAway) return error;
  const { message } = cause as Error;
  return away(`${storeName} is not available: ${message}`, { cause: error });
}

/** The one way in which this store says that it is away: answers name it. */
export function away(message: string, options?: ErrorOptions): StoreUnavailable {
  return new StoreUnavailable(message, options).of("views");
}

function hasConcernError(error: MongoServerError): boolean {
  return error instanceof MongoBulkWriteError && error.result.getWriteConcernError() !== undefined;
}

/**
 * The operations of an unordered bulk that met a key which is there already; all others have been done.
 * @returns undefined when something else is wrong too: the bulk has failed
 */
export function duplicatesOf(error: unknown): number[] | undefined {
  if (!(error instanceof MongoBulkWriteError) || error !== causeOf(error)) return undefined;
  if (hasConcernError(error)) return undefined;
  const writeErrors = Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors];
  if (writeErrors.length === 0 || writeErrors.some(({ code }) => code !== duplicateKey)) return undefined;
  return writeErrors.map(({ index }) => index);
}

export function hasCode(error: unknown, code: number): boolean {
  return error instanceof MongoServerError && error.code === code;
}
