import type { Logger } from "pino";
import { customer } from "../../commands/customer/customer.ts";
import { type Config, InvalidConfig } from "../config.ts";
import type { Engine } from "../engine/write/engine.ts";
import { type AccessTokens, createAccessTokens } from "../identity/access-tokens.ts";
import { Accounts } from "../identity/accounts.ts";
import { type ApiKeyTokens, createApiKeyTokens } from "../identity/api-keys.ts";
import { createEmailRefs, type EmailRefs } from "../identity/emails.ts";
import { createLinks } from "../identity/links.ts";
import { createPasswords } from "../identity/passwords.ts";
import { Sessions } from "../identity/sessions.ts";
import { Mailer } from "../mail/mailer.ts";
import { createSandboxMail, createSmtpMail } from "../mail/transports.ts";
import { createSealing, type Sealing } from "../privacy/sealing.ts";
import { type BackendsConfig, openVault } from "../stores/backends.ts";
import type { HotStore } from "../stores/hot-store/hot-store.ts";
import { type MasterKeys, masterKeysOf } from "../stores/vault/master-keys.ts";
import type { Vault } from "../stores/vault/vault.ts";
import { vaultWhenUsed } from "../stores/vault/when-used.ts";
import type { Clock } from "../values/clock.ts";
import type { DataFolder } from "./data-folder.ts";

/** Who customers are, and what keeps their data. */
export interface Identity {
  vault: Vault;
  sealing: Sealing;
  emails: EmailRefs;
  access: AccessTokens;
  sessions: Sessions;
  apiKeys: ApiKeyTokens;
  accounts: Accounts;
  mailer: Mailer;
  close(): Promise<void>;
}

interface IdentityOptions {
  config: Config;
  folder: DataFolder;
  stores: BackendsConfig;
  engine: Engine;
  hot: HotStore;
  clock: Clock;
  log: Logger;
  /** For a command: keys are opened, and made, only where it uses them. */
  beside: boolean;
}

/**
 * @param kept by the folder: it goes on unwrapping when the setting takes its place
 * @throws InvalidConfig
 */
export function masterKeysFor(
  { MASTER_KEY }: Pick<Config, "MASTER_KEY">,
  kept: string | undefined,
): MasterKeys {
  const given = [MASTER_KEY, kept].filter((text) => text !== undefined);
  if (given.length === 0)
    throw new InvalidConfig(["MASTER_KEY: needed, or the SHARED_SECRET that it is made of"]);
  return masterKeysOf(given.join(","));
}

/** @throws StoreDamaged when the vault's keys are wrapped with other master keys; StoreUnavailable */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { config, folder, stores, engine, hot, clock, log } = options;
  const open = () =>
    openVault(stores, masterKeysFor(config, folder.masterKey(config.MASTER_KEY === undefined)));
  const vault = options.beside ? vaultWhenUsed(open) : await open();
  const sealing = createSealing(vault);
  const emails = createEmailRefs(vault);
  const access = createAccessTokens(vault);
  const sessions = new Sessions({
    ...{ engine, hot, vault, access, audience: "customer" as const },
    mayBeIn: (customerId, asOf) =>
      engine.read(
        customer,
        customerId,
        (state) => state.phase === "there" && state.customer.status === "active",
        asOf,
      ),
  });
  const apiKeys = createApiKeyTokens({ engine, vault });
  const from = { from: config.MAIL_FROM };
  const transport =
    config.SMTP_URL === undefined
      ? createSandboxMail(config.MAIL_DIR, from, clock)
      : createSmtpMail(config.SMTP_URL, from);
  const mailer = new Mailer({
    transport,
    onFailure: (code, error) => log.error({ err: error, code }, "a message was not sent"),
  });
  const accounts = new Accounts({
    ...{ engine, sealing, emails, sessions, mailer },
    links: createLinks(sealing, clock),
    passwords: createPasswords(),
    storefrontUrl: config.STOREFRONT_URL,
  });
  return {
    ...{ vault, sealing, emails, access, sessions, apiKeys, accounts, mailer },
    close: async () => {
      await mailer.close();
      await vault.close();
    },
  };
}
