import { execFile, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, describe, test } from "vitest";
import { composeFile, textOf } from "./compose-file.ts";

const root = join(import.meta.dirname, "../..");
const tools = process.env.CARTWRIGHT_SHARED_DOCKER ?? join(root, "../shared/docker");
const engineScript = join(tools, "engine.sh");
const imagesScript = join(tools, "images.sh");

/** How long what is killed stays away if nothing else is said. */
const awayMs = 2_000;
const stopMsMax = 60_000;
const stopLookMs = 200;
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
  /** Kills a container, looks what the others make of that, and starts it again. */
  kill(container: string, meanwhile?: () => Promise<unknown>): Promise<void>;
  /** Stops it, unless it ran before, and waits until it has ended. */
  stop(): Promise<void>;
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
  /** Starts the services, or all, with nothing left of before, and waits until they are healthy. */
  up(...services: readonly string[]): Promise<void>;
  down(): Promise<void>;
  /** Takes a container of a service off the stores' network. */
  cutOff(service: string, container: string, forMs: number): Promise<void>;
  /** The containers of a service, by their number. */
  containers(service: string): Promise<string[]>;
}

/** Drills that need an engine: without one they are skipped, and say why. */
export function drillInContainers(name: string, drills: (engine: Engine) => void): void {
  const engine = startEngine();
  if ("reason" in engine) {
    console.warn(`${name} is not tried: ${engine.reason}`);
    test.skip(`${name}, for ${engine.reason}`, () => {});
    return;
  }
  describe(name, () => {
    afterAll(() => engine.stop());
    drills(engine);
  });
}

/** Starts the engine, or says why there is none. */
function startEngine(): Engine | { reason: string } {
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
      const down = async () => void (await compose("down", "--volumes", "--timeout", "5"));
      return {
        run: compose,
        up: async (...services) => {
          await down();
          await compose("up", "--detach", "--wait", "--no-build", "--pull", "never", ...services);
        },
        down,
        cutOff: async (service, container, forMs) => {
          const network = `${project}_stores`;
          await docker("network", "disconnect", network, container);
          await sleep(forMs);
          await docker("network", "connect", "--alias", service, network, container);
        },
        containers: async (service) => (await compose("ps", "--all", "--quiet", service)).split("\n"),
      };
    },
    kill: async (container, meanwhile = () => sleep(awayMs)) => {
      await docker("kill", "--signal", "KILL", container);
      await meanwhile();
      await docker("start", container);
    },
    stop: async () => {
      if (!wasRunning) await stopEngine(env);
    },
  };
}

/** Waits for its end: who starts another meanwhile would take this one for it. */
async function stopEngine({ DOCKER_HOST = "" }: Record<string, string>): Promise<void> {
  const folder = dirname(DOCKER_HOST.replace("unix://", ""));
  const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
  spawnSync(engineScript, ["stop"]);
  const endsAt = performance.now() + stopMsMax;
  while (isAlive(pid)) {
    if (performance.now() > endsAt) throw new Error(`the engine has not ended after ${stopMsMax} ms`);
    await sleep(stopLookMs);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
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
