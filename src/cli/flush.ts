import { open } from "node:fs/promises";

/**
 * Makes what was written to a file, or the names in a folder, outlive a power loss. No database connection of
 * this process may have the file open: closing it here would drop the locks that SQLite holds on it.
 */
export async function flush(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
