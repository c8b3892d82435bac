import { existsSync } from "node:fs";
import { type Config, InvalidConfig } from "../config.ts";
import { StoreDamaged, StoreUnavailable } from "../stores/event-store/event-store.ts";
import { vaultFileIn } from "../stores/vault/embedded.ts";
import type { Vault } from "../stores/vault/vault.ts";
import type { Finding } from "./doctor-models.ts";
import { openKeys } from "./keys.ts";
import { counted } from "./output.ts";

const askedAtOnce = 100;

/**
 * Whether the keys are there that the log's customers are sealed with. A backup of the keys that is older than the log
 * lacks those of whoever has registered since.
 * @param keyIds of the customers on the log
 */
export async function checkKeys(
  config: Config,
  keyIds: readonly string[],
  findings: Finding[],
): Promise<void> {
  if (keyIds.length === 0) return;
  const problem = (message: string) => findings.push({ level: "problem", about: "keys", message });
  const customers = counted(keyIds.length, "customer");
  if (config.MONGODB_URL === undefined && !existsSync(vaultFileIn(config.DATA_DIR))) {
    problem(`the log has ${customers}, and there is no keys.db to read them with`);
    return;
  }
  try {
    const { vault } = await openKeys(config);
    try {
      const missing = await countMissing(vault, keyIds);
      if (missing > 0) problem(`the keys of ${missing} of ${customers} are not there`);
    } finally {
      await vault.close();
    }
  } catch (error) {
    if (!isOfKeys(error)) throw error;
    problem(error.message);
  }
}

async function countMissing(vault: Vault, keyIds: readonly string[]): Promise<number> {
  let missing = 0;
  for (let at = 0; at < keyIds.length; at += askedAtOnce) {
    const asked = keyIds.slice(at, at + askedAtOnce);
    const keys = await Promise.all(asked.map((id) => vault.keyById(id)));
    missing += keys.filter((key) => key === undefined).length;
  }
  return missing;
}

function isOfKeys(error: unknown): error is Error {
  return error instanceof StoreDamaged || error instanceof StoreUnavailable || error instanceof InvalidConfig;
}
