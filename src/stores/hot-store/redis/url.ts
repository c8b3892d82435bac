/** Where a Redis is: one server, a primary that sentinels know, or a cluster. */
export interface RedisAddress {
  kind: "single" | "sentinel" | "cluster";
  /** The server, the sentinels, or some nodes of the cluster. */
  hosts: readonly RedisHost[];
  tls: boolean;
  username?: string;
  password?: string;
  /** Only of a single server and of one behind sentinels: a cluster has no others. */
  database: number;
  /** What the sentinels call the primary. */
  primary?: string;
  sentinelUsername?: string;
  sentinelPassword?: string;
}

export interface RedisHost {
  host: string;
  port: number;
}

/** The text of a URL is never told: it may hold a password. */
export class InvalidRedisUrl extends Error {
  constructor(reason: string) {
    super(`the Redis URL is not understood: ${reason}`);
    this.name = "InvalidRedisUrl";
  }
}

const serverPort = 6379;
const sentinelPort = 26379;
const databasesMax = 16_384;

const urlForm =
  /^(?<scheme>rediss?)(?:\+(?<kind>[a-z]+))?:\/\/(?:(?<user>[^/?#]*)@)?(?<hosts>[^/?#@]+)(?:\/(?<path>[^?#]*))?(?:\?(?<query>[^#]*))?$/i;

/**
 * Reads a URL of one of these forms; `rediss` is over TLS, user and password are percent-encoded:
 *
 * - `redis://[[user]:password@]host[:port][/database]`
 * - `redis+sentinel://[[user]:password@]host[:port],host[:port].../primary[/database]`, with the sentinels' own
 *   `?sentinelUsername=...&sentinelPassword=...` where they ask for it
 * - `redis+cluster://[[user]:password@]host[:port],host[:port]...`
 *
 * @throws InvalidRedisUrl
 */
export function parseRedisUrl(url: string): RedisAddress {
  const parts = urlForm.exec(url)?.groups;
  if (!parts) throw new InvalidRedisUrl("it does not begin like redis://host");
  const kind = (parts.kind ?? "single").toLowerCase();
  if (kind !== "single" && kind !== "sentinel" && kind !== "cluster")
    throw new InvalidRedisUrl("after redis+ there may be sentinel or cluster");
  const hosts = (parts.hosts ?? "").split(",").map((text) => parseHost(text, kind));
  if (kind === "single" && hosts.length > 1)
    throw new InvalidRedisUrl("several hosts are for redis+sentinel:// and redis+cluster://");
  return {
    kind,
    hosts,
    tls: parts.scheme?.toLowerCase() === "rediss",
    ...credentials(parts.user),
    ...parsePath(parts.path ?? "", kind),
    ...parseQuery(parts.query, kind),
  };
}

function parseHost(text: string, kind: RedisAddress["kind"]): RedisHost {
  const parts = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<name>[^:[\]\s]+))(?::(?<port>\d{1,5}))?$/i.exec(text)?.groups;
  const host = parts?.v6 ?? parts?.name;
  const port = Number(parts?.port ?? (kind === "sentinel" ? sentinelPort : serverPort));
  if (host === undefined || port < 1 || port > 65_535)
    throw new InvalidRedisUrl("a host is a name or an address, with a port from 1 to 65535 behind a colon");
  return { host, port };
}

function credentials(text: string | undefined): Pick<RedisAddress, "username" | "password"> {
  if (text === undefined) return {};
  const colon = text.indexOf(":");
  if (colon < 0) throw new InvalidRedisUrl("a user comes with a password, user:password@");
  const [username, password] = [decoded(text.slice(0, colon)), decoded(text.slice(colon + 1))];
  return { ...(username !== "" && { username }), password };
}

function parsePath(path: string, kind: RedisAddress["kind"]): Pick<RedisAddress, "primary" | "database"> {
  const names = path === "" ? [] : path.replace(/\/$/, "").split("/");
  if (kind === "cluster") {
    if (names.length > 0) throw new InvalidRedisUrl("a cluster has no databases");
    return { database: 0 };
  }
  const primary = kind === "sentinel" ? decoded(names.shift() ?? "") : undefined;
  if (primary === "") throw new InvalidRedisUrl("behind the sentinels' hosts stands the primary's name");
  const [database = "0", ...more] = names;
  if (more.length > 0 || !/^\d{1,5}$/.test(database) || Number(database) > databasesMax)
    throw new InvalidRedisUrl("the path ends with the number of a database");
  return { ...(primary !== undefined && { primary }), database: Number(database) };
}

function parseQuery(query: string | undefined, kind: RedisAddress["kind"]): Partial<RedisAddress> {
  const found: Partial<Record<"sentinelUsername" | "sentinelPassword", string>> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const isKnown = name === "sentinelUsername" || name === "sentinelPassword";
    if (kind !== "sentinel" || !isKnown) throw new InvalidRedisUrl(`there is no setting ${name} here`);
    found[name] = value;
  }
  return found;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new InvalidRedisUrl("a percent sign that is no encoding stands as %25");
  }
}
