import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { installedWheels, python, sharedBin } from "../support/wheels.ts";
import { openShop, staff } from "./shop.ts";

const wheels = join(sharedBin, "schemathesis");
const checks = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_schema_conformance",
];

const runs = existsSync(wheels) ? test : test.skip;

runs(
  `each operation answers as the document says, whatever it is sent (Schemathesis in ${wheels})`,
  {
    timeout: 300_000,
  },
  async () => {
    const packages = await installedWheels(wheels, "schemathesis");
    const { app } = await openShop();
    const url = await app.listen({ host: "127.0.0.1", port: 0 });
    const { stdout } = await promisify(execFile)(
      python,
      [
        ...["-m", "schemathesis.cli", "run", `${url}/openapi.json`, "--url", url],
        ...["-H", `Authorization: ${staff.authorization}`, "--checks", checks.join(",")],
        ...["--phases", "coverage,fuzzing", "--max-examples", process.env.CI ? "10" : "1", "--no-color"],
        // A stream of events does not end by itself.
        ...["--exclude-path-regex", "^/v1/events$"],
      ],
      { env: { ...process.env, PYTHONPATH: packages }, maxBuffer: 64 * 1024 * 1024 },
    ).catch((error: { stdout?: string; message: string }) => ({ stdout: error.stdout ?? error.message }));
    expect(stdout).toMatch(/(\d+) generated, \1 passed/);
  },
);
