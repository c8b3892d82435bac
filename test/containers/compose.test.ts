import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventStoreDBClient } from "@eventstore/db-client";
import { MongoClient } from "mongodb";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { type Config, readConfig } from "../../src/config.ts";
import { parseRedisUrl } from "../../src/stores/hot-store/redis/url.ts";
import {
  composeFile,
  envFile,
  environmentOf,
  interpolated,
  networksOf,
  requiredIn,
  type Service,
  textOf,
} from "./compose-file.ts";

const { services, networks, volumes } = composeFile();
const named = Object.entries(services);
const oneOffs = ["certificates", "mongodb-init"];
const lasting = named.filter(([name]) => !oneOffs.includes(name));
const ours = named.filter(([, { image }]) => image.includes("cartwright"));
const example = envFile(".env.example");
const secrets = Object.keys(example).filter((name) => /PASSWORD|SECRET|KEY/.test(name));
const given = Object.fromEntries(
  secrets.map((name) => [name, `${name.toLowerCase().replaceAll("_", "")}0123456789abcdef0123456789`]),
);
const settingNames = [...textOf("src/config.ts").matchAll(/^ {2}([A-Z][A-Z_]+):/gm)].map(([, name]) => name);
const told = (service: Service) =>
  Object.fromEntries(
    Object.entries(environmentOf(service)).map(([name, text]) => [name, interpolated(text, given)]),
  );

describe("Cartwright in docker-compose.yml", () => {
  test.each(ours)("is told by %s only what it knows", (_, service) => {
    const names = Object.keys(environmentOf(service));
    expect(names.length).toBeGreaterThan(0);
    expect(settingNames).toEqual(expect.arrayContaining(names));
  });

  test.each(ours)("is told by %s only what it allows", (_, service) => {
    expect(() => readConfig(told(service))).not.toThrow();
  });

  test("is one process by default, and two api, two projectors and a worker in the cluster", () => {
    const roles = ours.map(([name, service]) => [
      name,
      told(service).ROLE ?? "all",
      service.deploy?.replicas ?? 1,
    ]);
    expect(roles).toEqual([
      ["cartwright", "all", 1],
      ["api", "api", 2],
      ["projector", "projector", 2],
      ["worker", "worker", 1],
    ]);
  });

  test.each(ours)("finds the stores of %s by addresses that their clients read", async (_, service) => {
    const { EVENTSTOREDB_URL, MONGODB_URL, REDIS_URL } = readConfig(told(service)) as Required<Config>;
    const wellKnown = (host: string) => services[host] !== undefined;
    const mongo = new MongoClient(MONGODB_URL ?? "");
    expect(mongo.options.hosts.every(({ host }) => wellKnown(host ?? ""))).toBe(true);
    expect(mongo.options.replicaSet).toBe("cartwright");
    expect(parseRedisUrl(REDIS_URL ?? "").hosts.every(({ host }) => wellKnown(host))).toBe(true);
    expect(() =>
      EventStoreDBClient.connectionString(withoutCertificate(EVENTSTOREDB_URL ?? "")),
    ).not.toThrow();
    expect(
      [...(EVENTSTOREDB_URL ?? "").matchAll(/([\w-]+):2113/g)].every(([, host]) => wellKnown(host ?? "")),
    ).toBe(true);
  });

  test("has longer to stop than it takes, and is killed by nothing before", () => {
    const takes = Number(/closeTimeoutMs = (\d+)_000/.exec(textOf("src/cli/serve.ts"))?.[1]);
    for (const [, { stop_grace_period }] of ours)
      expect(Number.parseInt(stop_grace_period ?? "", 10)).toBeGreaterThan(takes);
  });
});

describe("every service", () => {
  test("is of an image whose version is named to the last digit", () => {
    for (const [, { image }] of named)
      expect(image).toMatch(/^(?:[\w/-]+:\d+\.\d+\.\d+(?:-\w+)*|\$\{CARTWRIGHT_IMAGE:-cartwright:local\})$/);
    expect(textOf("Dockerfile").match(/^FROM (\S+)/gm)).toEqual(
      Array.from({ length: 2 }, () => expect.stringMatching(/^FROM node:26\.\d+\.\d+-/)),
    );
  });

  test("has limits, and no capability that it does not need", () => {
    for (const [name, { deploy, cap_drop, security_opt }] of named) {
      expect(deploy?.resources.limits, name).toEqual({
        cpus: expect.any(String),
        memory: expect.any(String),
        pids: expect.any(Number),
      });
      expect(cap_drop, name).toEqual(["ALL"]);
      expect(security_opt, name).toEqual(["no-new-privileges:true"]);
    }
  });

  test("that goes on says when it is ready, and is started again when it ends", () => {
    const image = textOf("Dockerfile");
    expect(image).toMatch(/HEALTHCHECK[\s\S]*\/health\/ready/);
    for (const [name, { restart, healthcheck, image: of }] of lasting) {
      expect(restart, name).toBe("unless-stopped");
      if (!of.includes("cartwright")) expect(healthcheck?.test.length, name).toBeGreaterThan(1);
    }
  });

  test("waits for what it needs, until that is ready", () => {
    for (const [name, { depends_on = {} }] of named) {
      // No member is ready before it has made the replica set.
      if (name === "mongodb-init") continue;
      for (const [needed, { condition }] of Object.entries(depends_on)) {
        expect(services[needed], `${name} needs ${needed}`).toBeDefined();
        expect(condition).toBe(
          oneOffs.includes(needed) ? "service_completed_successfully" : "service_healthy",
        );
      }
    }
  });

  test("keeps its data in a volume of its own", () => {
    const used = named.flatMap(([, service]) =>
      (service.volumes ?? []).map((volume) => volume.split(":")[0] ?? ""),
    );
    const kept = used.filter((source) => !source.startsWith("."));
    expect([...new Set(kept)].toSorted()).toEqual(Object.keys(volumes).toSorted());
    const written = named.flatMap(([, service]) =>
      (service.volumes ?? []).filter((volume) => !volume.startsWith(".") && !volume.endsWith(":ro")),
    );
    expect(written.filter((volume, at) => written.indexOf(volume) !== at)).toEqual([]);
  });

  test("but the API is out of reach, and the API is on the loopback unless somebody says otherwise", () => {
    const published = named.filter(([, { ports }]) => ports !== undefined);
    expect(published.map(([name]) => name)).toEqual(["cartwright", "proxy"]);
    for (const [, { ports = [] }] of published)
      expect(interpolated(ports.join())).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    const leadingOut = Object.entries(networks).filter(([, { internal }]) => !internal);
    expect(leadingOut.map(([name]) => name)).toEqual(["edge"]);
    const reachable = named
      .filter(([, service]) => networksOf(service).includes("edge"))
      .map(([name]) => name);
    expect(reachable).toEqual(["cartwright", "proxy", "api", "worker"]);
  });
});

describe("passwords", () => {
  test("are in none of the files", () => {
    for (const name of secrets) expect(example[name], name).toBe("");
    const stated = named.flatMap(([, service]) => Object.entries(environmentOf(service)));
    const secret = stated.filter(([name]) => /PASSWORD|SECRET|KEY$|_KEY/.test(name) && !/_FILE$/.test(name));
    expect(secret.length).toBeGreaterThan(secrets.length);
    for (const [name, text] of secret) expect(text, name).toMatch(/^\$\{\w+:(?:\?[^}]+|-)\}$/);
    const passwords = stated.flatMap(([, text]) => [...String(text).matchAll(/\/\/\w*:([^@/]*)@/g)]);
    expect(passwords.length).toBeGreaterThan(0);
    for (const [, password] of passwords) expect(password).toMatch(/^\$\{\w+:\?/);
  });

  test("are asked for by name before the cluster starts, each of them", () => {
    const files = [...new Set(named.flatMap(([, { env_file = [] }]) => env_file))];
    const asked = files.flatMap((file) => requiredIn(textOf(file)));
    expect([...new Set(asked)].toSorted()).toEqual(secrets.toSorted());
  });

  test("are not needed where only Cartwright can reach the stores", () => {
    expect(requiredIn(textOf("docker-compose.yml"))).toEqual([]);
    for (const [, service] of named.filter(([, { profiles }]) => profiles === undefined))
      expect(service.env_file).toBeUndefined();
  });
});

describe("command lines", () => {
  /** Of the programs in the images that are pinned, as far as they are used here. */
  const options: Record<string, RegExp> = {
    mongod: /^(?:replSet|bind_ip_all|keyFile|wiredTigerCacheSizeGB)$/,
    "redis-server": /^(?:save|maxmemory|maxmemory-policy|requirepass|masterauth|replicaof|protected-mode)$/,
    "es-gencert-cli create-ca": /^out$/,
    "es-gencert-cli create-node": /^(?:ca-certificate|ca-key|out|dns-names|ip-addresses)$/,
    mongosh: /^(?:quiet|file|eval)$/,
  };

  test("hold only options that their programs have", () => {
    const lines = named.flatMap(([, { entrypoint = [], command = [] }]) =>
      [...entrypoint, ...command].join(" ").split(/\|\||\n(?!\s*-)|;/),
    );
    const seen = new Map<string, number>();
    for (const line of lines) {
      const program = Object.keys(options).find((name) => new RegExp(`(?:^|exec |\\s)${name}\\s`).test(line));
      if (program === undefined) continue;
      for (const [, option = ""] of line.slice(line.indexOf(program)).matchAll(/\s--?([a-z][\w-]+)/gi))
        expect(option, line).toMatch(options[program] ?? /$^/);
      seen.set(program, (seen.get(program) ?? 0) + 1);
    }
    expect([...seen.keys()].toSorted()).toEqual(Object.keys(options).toSorted());
  });

  test("name only settings that EventStoreDB 24.10 has", () => {
    const known = new Set([
      ...[
        "INSECURE",
        "CLUSTER_SIZE",
        "DISCOVER_VIA_DNS",
        "GOSSIP_SEED",
        "RUN_PROJECTIONS",
        "TELEMETRY_OPTOUT",
      ],
      ...["NODE_IP", "NODE_HOST_ADVERTISE_AS", "REPLICATION_IP", "REPLICATION_HOST_ADVERTISE_AS"],
      ...["CERTIFICATE_FILE", "CERTIFICATE_PRIVATE_KEY_FILE", "TRUSTED_ROOT_CERTIFICATES_PATH"],
      ...["DEFAULT_ADMIN_PASSWORD", "DEFAULT_OPS_PASSWORD"],
    ]);
    const nodes = named.filter(([, { image }]) => image.startsWith("eventstore/eventstore:"));
    expect(nodes.length).toBe(4);
    for (const [name, node] of nodes)
      for (const setting of Object.keys(environmentOf(node)))
        expect(known.has(setting.replace(/^EVENTSTORE_/, "")), `${name}: ${setting}`).toBe(true);
  });

  test("run shell and scripts that can be read", () => {
    const shell = named.flatMap(([, { entrypoint = [], command = [] }]) =>
      entrypoint[0] === "bash" ? [[...entrypoint.slice(2), ...command][0] ?? ""] : [],
    );
    expect(shell.length).toBeGreaterThan(5);
    for (const script of new Set(shell)) {
      const { status, stderr } = spawnSync("bash", ["-n", "-c", script.replaceAll("$$", "$")], {
        encoding: "utf8",
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    }
    expect(spawnSync(process.execPath, ["--check", "deploy/cluster/mongodb-init.js"]).status).toBe(0);
  });
});

test("a linter finds nothing in docker-compose.yml", () => {
  const folder = mkdtempSync(join(tmpdir(), "cartwright-compose-"));
  const file = join(folder, "docker-compose.yml");
  // It counts aliases as an attack, and ports are only bound once the defaults are filled in.
  const text = stringify(
    { name: "cartwright", services, networks, volumes },
    { aliasDuplicateObjects: false },
  );
  writeFileSync(file, interpolated(text));
  // Services stand by what they are for, anchors say what comes first, and the image is built where there is none;
  // which quotes there are is the rendering's doing.
  const rules = [
    ...["service-keys-order", "services-alphabetical-order", "no-build-and-image"],
    ...["require-quotes-in-ports", "no-quotes-in-volumes"],
  ];
  const off = rules.flatMap((rule) => ["--disable-rule", rule]);
  const { stdout, status } = spawnSync("npx", ["--no", "dclint", "--", file, ...off], { encoding: "utf8" });
  rmSync(folder, { recursive: true, force: true });
  expect({ status, stdout: stdout.trim() }).toEqual({ status: 0, stdout: "" });
});

/** Where it is made it is there to be read. */
function withoutCertificate(url: string): string {
  return url.replace(/&tlsCAFile=[^&]+/, "");
}
