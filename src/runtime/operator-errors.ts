/**
 * By name and not by class: an error that comes from a worker thread keeps its name and loses its class.
 */
const names = new Set([
  "InvalidConfig",
  "DataFolderUnavailable",
  "StoreDamaged",
  "StoreUnavailable",
  "UnreadableFile",
  "UnreadableBackup",
  "ImportRefused",
]);

/** System errors that say what to do by themselves: an address in use, a disk that is full, a missing file. */
const codes = new Set([
  "EADDRINUSE",
  "EADDRNOTAVAIL",
  "EACCES",
  "EPERM",
  "EROFS",
  "ENOENT",
  "ENOTDIR",
  "EISDIR",
  "ENOSPC",
  "EDQUOT",
  "EIO",
  "EMFILE",
]);

/** Errors that an operator has to act on: said in a sentence, without a stack. */
export function isForOperator(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  return names.has(error.name) || ("code" in error && codes.has(String(error.code)));
}
