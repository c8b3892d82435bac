import { setPriority } from "node:os";

/** Where cores are short, the thread that takes commands gets about three times as much of them. */
const niceness = 5;

/** Makes the thread that calls this stand back for those that take commands and project them. */
export function standBack(): void {
  // Only on Linux is a thread's priority its own; elsewhere this would be the whole process's.
  if (process.platform === "linux") setPriority(niceness);
}
