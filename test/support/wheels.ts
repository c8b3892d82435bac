import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export const python = "python3.11";
/** Where programs lie that tests use if they are at hand. */
export const sharedBin =
  process.env.CARTWRIGHT_SHARED_BIN ?? join(import.meta.dirname, "../../../shared/bin");

const run = promisify(execFile);

/**
 * A Python package of a folder of wheels, installed once for all; whoever comes second takes the first one's.
 * @returns the folder that PYTHONPATH has to name
 */
export async function installedWheels(wheels: string, name: string): Promise<string> {
  const target = join(tmpdir(), `cartwright-wheels-${name.toLowerCase()}`);
  if (existsSync(target)) return target;
  const fresh = await mkdtemp(`${target}-`);
  const from = ["--no-index", "--find-links", wheels];
  await run(python, ["-m", "pip", "install", "--quiet", ...from, "--target", fresh, name]);
  await rename(fresh, target).catch(() => rm(fresh, { recursive: true, force: true }));
  return target;
}
