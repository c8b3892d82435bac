import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { textOf } from "./compose-file.ts";

const tourMsMax = 120_000;

/**
 * Does what the README's tour tells to do, in a folder of its own, against any shop.
 * @returns what it prints
 */
export function takeTour(url: string, adminApiKey: string): { status: number | null; output: string } {
  const tour = /^## A tour[^\n]*\n([\s\S]*?)^## /m.exec(textOf("README.md"))?.[1] ?? "";
  const blocks = [...tour.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block = ""]) => block);
  const told = blocks
    .join("\n")
    .replace(/^KEY=.*$/m, `KEY='${adminApiKey}'`)
    .replace(/^URL=.*$/m, `URL='${url}/v1'`);
  const folder = mkdtempSync(join(tmpdir(), "cartwright-tour-"));
  const script = `${told}\necho; echo "order $ORDER"`;
  const { status, stdout, stderr } = spawnSync("bash", ["-eu", "-c", script], {
    cwd: folder,
    encoding: "utf8",
    timeout: tourMsMax,
  });
  rmSync(folder, { recursive: true, force: true });
  return { status, output: `${stdout}\n${stderr}` };
}
