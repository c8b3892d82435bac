import { isIP } from "node:net";
import { compile } from "@fastify/proxy-addr";
import { z } from "zod";
import { masterKeysOf } from "./stores/vault/master-keys.ts";
import { samplers } from "./telemetry/samplers.ts";
import { isTimeZone } from "./values/calendar.ts";
import { currencySchema } from "./values/money.ts";

/** `all` is one process that does everything; the others are several on the same servers. */
const roles = ["all", "api", "projector", "worker"] as const;

/** Networks that Fastify knows by name. */
const proxyNames: readonly string[] = ["loopback", "linklocal", "uniquelocal"];

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, `a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.int().min(min, `at least ${min}`).max(max, `at most ${max}`));

const choice = <const T extends readonly string[]>(values: T) =>
  z.enum(values, `one of: ${values.join(", ")}`);

const share = z
  .string()
  .regex(/^(?:0(?:\.\d+)?|1(?:\.0+)?)$/, "a number from 0 to 1")
  .transform(Number);

const url = (...protocols: string[]) =>
  z
    .string()
    .max(4_000)
    .refine(
      (text) => protocols.some((protocol) => text.startsWith(`${protocol}//`)),
      `an address that begins with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
    );

/** Every setting, by the name of its environment variable. */
const settingsSchema = z.object({
  PORT: wholeNumber(0, 65_535).default(3000),
  HOST: z.string().min(1, "a host name or address").default("127.0.0.1"),
  DATA_DIR: z.string().min(1, "a folder").default("./data"),
  ADMIN_API_KEY: z.string().min(16, "at least 16 characters").max(200, "at most 200 characters").optional(),
  STORE_CURRENCY: currencySchema.default("USD"),
  STORE_TIME_ZONE: z.string().refine(isTimeZone, "an IANA time zone, such as Europe/London").default("UTC"),
  TAX_RATE_BP: wholeNumber(0, 100_000).default(0),
  TAX_INCLUDED: choice(["true", "false"]).default("false"),
  TAX_PER: choice(["line", "total"]).default("line"),
  TAX_ROUNDING: choice(["half_up", "half_even"]).default("half_up"),
  SHIPPING_STANDARD: wholeNumber(0, 100_000_000).default(0),
  SHIPPING_EXPRESS: wholeNumber(0, 100_000_000).default(1500),
  SHIPPING_OVERNIGHT: wholeNumber(0, 100_000_000).default(3000),
  CAPTURE: choice(["checkout", "shipment"]).default("checkout"),
  ORDER_NUMBER_PREFIX: z
    .string()
    .regex(/^[A-Z]{1,8}$/, "1 to 8 capital letters")
    .default("ORD"),
  CHECKOUT_NEEDS_QUOTE: choice(["true", "false"]).default("false"),
  RESERVATION_MINUTES: wholeNumber(1, 1_440).default(15),
  CART_DAYS: wholeNumber(1, 365).default(7),
  RETURN_DAYS: wholeNumber(0, 3_650).default(30),
  TRANSFER_DAYS: wholeNumber(0, 3_650).default(7),
  REFUND_APPROVAL_FROM: wholeNumber(0, 1_000_000_000_000).default(0),
  RETURN_APPROVAL: choice(["staff", "auto"]).default("staff"),
  IDEMPOTENCY_DAYS: wholeNumber(1, 365).default(30),
  GATEWAY_TIMEOUT_MS: wholeNumber(100, 120_000).default(10_000),
  SANDBOX_WEBHOOK_SECRET: z.string().min(16, "at least 16 characters").default("whsec_cartwright_sandbox"),
  WEBHOOK_PRIVATE_ADDRESSES: choice(["true", "false"]).default("false"),
  RATE_LIMIT_PER_MINUTE: wholeNumber(0, 100_000_000).default(60_000),
  MAILS_PER_HOUR: wholeNumber(1, 1_000_000).default(10),
  LOGIN_FAILURES: wholeNumber(1, 1_000_000).default(30),
  DECLINES_PER_HOUR: wholeNumber(0, 100_000).default(20),
  TRUST_PROXY: z
    .string()
    .max(1_000)
    .default("")
    .transform(listed)
    .refine(
      (proxies) => proxies.every(isProxy),
      `addresses, networks such as 10.0.0.0/8, ${proxyNames.join(", ")}`,
    ),
  CORS_ORIGINS: z
    .string()
    .max(10_000)
    .default("")
    .transform(listed)
    .refine((origins) => origins.every(isOrigin), "origins such as https://shop.example, or *")
    .refine((origins) => origins.length === 1 || !origins.includes("*"), "* stands alone"),
  LOG_LEVEL: choice(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
  SLOW_QUERY_MS: wholeNumber(1, 600_000).default(500),
  OTEL_SDK_DISABLED: choice(["true", "false"]).default("false"),
  OTEL_SERVICE_NAME: z.string().min(1, "a name").max(200, "at most 200 characters").default("cartwright"),
  OTEL_TRACES_EXPORTER: choice(["otlp", "console", "none"]).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: url("http:", "https:").optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url("http:", "https:").optional(),
  OTEL_TRACES_SAMPLER: choice(samplers).default("parentbased_always_on"),
  OTEL_TRACES_SAMPLER_ARG: share.default(1),
  SAMPLE_SHOP: choice(["on", "off"]).default("on"),
  ROLE: choice(roles).default("all"),
  EVENTSTOREDB_URL: url("esdb:", "esdb+discover:").optional(),
  MONGODB_URL: url("mongodb:", "mongodb+srv:").optional(),
  REDIS_URL: url(
    ...["redis:", "rediss:", "redis+sentinel:", "rediss+sentinel:", "redis+cluster:", "rediss+cluster:"],
  ).optional(),
  ARCHIVE_FILE: z.string().min(1, "a file").optional(),
  MASTER_KEY: z
    .string()
    .refine(isMasterKeys, "2:<32 bytes in base64url>,1:<…>, the newest first, numbered from 1")
    .optional(),
  STOREFRONT_URL: url("http:", "https:")
    .default("http://127.0.0.1:4000")
    .transform((address) => address.replace(/\/+$/, "")),
  SMTP_URL: url("smtp:", "smtps:").optional(),
  MAIL_FROM: z.string().min(3, "an e-mail address").max(320).default("shop@cartwright.invalid"),
  MAIL_DIR: z.string().min(1, "a folder").default("./mail"),
  SHARED_SECRET: z.string().min(32, "at least 32 characters").max(200, "at most 200 characters").optional(),
});

export type Config = z.output<typeof settingsSchema>;

/** What stands between commas. */
function listed(text: string): string[] {
  return text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}

/** A name that Fastify knows, an address or a network; a number of hops is none: anybody could claim as many. */
function isProxy(text: string): boolean {
  if (proxyNames.includes(text)) return true;
  if (isIP(text.replace(/\/.*$/, "")) === 0) return false;
  try {
    compile(text);
    return true;
  } catch {
    return false;
  }
}

function isMasterKeys(text: string): boolean {
  try {
    masterKeysOf(text);
    // Generation 0 is the one that a folder makes for itself.
    return !/(^|,)\s*0+:/.test(text);
  } catch {
    return false;
  }
}

function isOrigin(text: string): boolean {
  return text === "*" || (URL.canParse(text) && new URL(text).origin === text);
}

/** A setting is not allowed. The message names each one and what is. */
export class InvalidConfig extends Error {
  constructor(problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
    this.name = "InvalidConfig";
  }
}

/**
 * Reads the settings from environment variables; an empty one counts as not set.
 * @throws InvalidConfig
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.keys(settingsSchema.shape).flatMap((name) => (env[name] ? [[name, env[name]]] : [])),
  );
  const problems: string[] = [];
  const parsed = settingsSchema.safeParse(given);
  for (const { path, message } of parsed.error?.issues ?? [])
    problems.push(`${path.join(".")} is ${shown(String(path[0]), given)}; allowed: ${message}`);
  if (parsed.data) problems.push(...missingForRole(parsed.data));
  if (problems.length > 0 || !parsed.success) throw new InvalidConfig(problems);
  return parsed.data;
}

/** What processes that share a shop's work have to be told, for none of them has a data folder. */
const neededByRoles = ["EVENTSTOREDB_URL", "MONGODB_URL", "SHARED_SECRET", "ADMIN_API_KEY"] as const;

function missingForRole(config: Config): string[] {
  if (config.ROLE === "all") return [];
  return neededByRoles
    .filter((name) => config[name] === undefined)
    .map((name) => `ROLE=${config.ROLE} needs ${name}`);
}

/** Addresses may hold passwords, and keys are secrets. */
function shown(name: string, given: Readonly<Record<string, unknown>>): string {
  return /_URL$|SECRET|KEY/.test(name) ? "not valid" : JSON.stringify(given[name]);
}
