import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { composeFile, textOf } from "./compose-file.ts";

const root = join(import.meta.dirname, "../..");
const tools = process.env.CARTWRIGHT_SHARED_DOCKER ?? join(root, "../shared/docker");
const engineScript = join(tools, "engine.sh");
const imagesScript = join(tools, "images.sh");

const startMsMax = 120_000;
const imagesMsMax = 480_000;
const commandMsMax = 240_000;
const outputBytesMax = 64 * 1024 * 1024;

/** As docker-compose.yml calls it by default. */
const ownImage = "cartwright:local";

const run = promisify(execFile);

/** A Docker engine with Compose v2, and the environment that leads to it. */
export interface Engine {
  docker(...args: readonly string[]): Promise<string>;
  /** Makes every image of docker-compose.yml, the stand-ins for those that cannot be pulled here. */
  makeImages(): Promise<void>;
  compose(options: ComposeOptions): Compose;
  stop(): void;
}

export interface ComposeOptions {
  project: string;
  /** Beside docker-compose.yml. */
  override: string;
  variables: Readonly<Record<string, string>>;
}

/** The containers of one project. */
export interface Compose {
  run(...args: readonly string[]): Promise<string>;
  /** The containers of a service, by their number. */
  containers(service: string): Promise<string[]>;
}

/** Starts the engine, or says why there is none. */
export function startEngine(): Engine | { reason: string } {
  if (!existsSync(engineScript)) return { reason: `there is no ${engineScript}` };
  const env = environment();
  const wasRunning = spawnSync("docker", ["info"], { env, stdio: "ignore" }).status === 0;
  const started = spawnSync(engineScript, ["start"], { encoding: "utf8", timeout: startMsMax });
  if (started.status !== 0) return { reason: `the engine does not start: ${started.stderr}` };
  const command = async (
    program: string,
    args: readonly string[],
    variables = {},
    timeout = commandMsMax,
  ) => {
    const options = { cwd: root, env: { ...env, ...variables }, timeout, maxBuffer: outputBytesMax };
    const { stdout } = await run(program, args, options);
    return stdout.trim();
  };
  const docker = (...args: readonly string[]) => command("docker", args);
  return {
    docker,
    makeImages: async () => {
      const named = Object.entries(pinned()).map(([kind, image]) => `${kind}=${image}`);
      await command(imagesScript, named, {}, imagesMsMax);
      await docker("build", "--network", "host", "--tag", ownImage, ".");
      const { eventstoredb, certificates } = composeFile().services;
      const folder = "test/containers/eventstoredb";
      await docker("build", "--file", `${folder}/Dockerfile`, "--tag", eventstoredb?.image ?? "", "test");
      const authority = [
        "--file",
        `${folder}/Dockerfile.certificates`,
        "--build-arg",
        `NODE=${pinned().node}`,
      ];
      await docker("build", ...authority, "--tag", certificates?.image ?? "", folder);
    },
    compose: ({ project, override, variables }) => {
      const files = ["--file", "docker-compose.yml", "--file", override];
      const compose = (...args: readonly string[]) =>
        command("docker-compose", ["--project-name", project, ...files, ...args], variables);
      return {
        run: compose,
        containers: async (service) => (await compose("ps", "--all", "--quiet", service)).split("\n"),
      };
    },
    stop: () => {
      if (!wasRunning) spawnSync(engineScript, ["stop"]);
    },
  };
}

function environment(): Record<string, string> {
  const { stdout } = spawnSync("bash", ["-c", `eval "$('${engineScript}' env)" && env -0`], {
    encoding: "utf8",
  });
  const lines = stdout.split("\0").filter((line) => line.includes("="));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

/** The images that there are stand-ins for. */
function pinned(): Record<string, string> {
  const images = composeFile().services;
  return {
    node: /^FROM (\S+)/m.exec(textOf("Dockerfile"))?.[1] ?? "",
    redis: images.redis?.image ?? "",
    mongo: images.mongodb?.image ?? "",
    haproxy: images.proxy?.image ?? "",
  };
}
