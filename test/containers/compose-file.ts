import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

/** What the tests look at of a service; its anchors are resolved. */
export interface Service {
  image: string;
  build?: unknown;
  profiles?: string[];
  environment?: Record<string, string>;
  env_file?: string[];
  volumes?: string[];
  networks?: string[] | Record<string, { ipv4_address: string }>;
  network_mode?: string;
  ports?: string[];
  command?: string[];
  entrypoint?: string[];
  healthcheck?: { test: string[] };
  restart?: string;
  read_only?: boolean;
  user?: string;
  cap_drop?: string[];
  security_opt?: string[];
  stop_grace_period?: string;
  depends_on?: Record<string, { condition: string }>;
  deploy?: { replicas?: number; resources: { limits: { cpus: string; memory: string; pids: number } } };
}

export interface ComposeFile {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean }>;
  volumes: Record<string, unknown>;
}

const root = join(import.meta.dirname, "../..");

export function textOf(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

export function composeFile(): ComposeFile {
  // One anchor builds on another here: more aliases than a parser takes from strangers.
  return parse(textOf("docker-compose.yml"), { merge: true, maxAliasCount: -1 }) as ComposeFile;
}

/** `NAME=value` line by line, as Compose reads it. */
export function envFile(file: string): Record<string, string> {
  const lines = textOf(file)
    .split("\n")
    .filter((line) => /^\w+=/.test(line));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

/** Everything that a service is told by its environment, its files first, as written. */
export function environmentOf({ env_file = [], environment = {} }: Service): Record<string, string> {
  return Object.assign({}, ...env_file.map(envFile), environment) as Record<string, string>;
}

const variable = /(?<!\$)\$\{(?<name>\w+)(?:(?<kind>:[-?])(?<text>[^}]*))?\}/g;

/** Fills in what Compose would: the given values, else the default. @throws Error for one that is required */
export function interpolated(text: string, given: Readonly<Record<string, string>> = {}): string {
  return String(text).replace(variable, (_, name: string, kind: string | undefined, rest = "") => {
    const value = given[name];
    if (value) return value;
    if (kind === ":?") throw new Error(`${name}: ${rest}`);
    return rest;
  });
}

export function networksOf({ networks = [] }: Service): string[] {
  return Array.isArray(networks) ? networks : Object.keys(networks);
}

/** The names that stop the start while they have no value. */
export function requiredIn(text: string): string[] {
  return [...text.matchAll(variable)]
    .filter(({ groups }) => groups?.kind === ":?")
    .map(({ groups }) => groups?.name ?? "");
}
