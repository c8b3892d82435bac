import { existsSync } from "node:fs";
import type { Command } from "commander";
import type { Config } from "../config.ts";
import { keptMasterKey } from "../runtime/data-folder.ts";
import { masterKeysFor } from "../runtime/identity.ts";
import { backendsOf } from "../runtime/runtime.ts";
import { openVault } from "../stores/backends.ts";
import { backUpVault, vaultFileIn } from "../stores/vault/embedded.ts";
import type { Vault } from "../stores/vault/vault.ts";
import { counted, printJson, printLine } from "./output.ts";
import { commandConfig, jsonOption, Refused } from "./session.ts";

export function addKeys(program: Command): void {
  const keys = program.command("keys").description("the keys that personal data is sealed with");
  keys
    .command("rotate")
    .description("wrap all keys with the first of MASTER_KEY, also beside a running shop that knows it")
    .option(...jsonOption)
    .action(rotate);
  keys
    .command("backup")
    .argument("<file>", "the file to write: to be kept apart from backups of the log")
    .description("write the keys to a file, wrapped as they are, also beside a running shop")
    .option(...jsonOption)
    .action(backup);
}

async function rotate({ json }: { json?: boolean }): Promise<void> {
  const config = commandConfig();
  if (config.MONGODB_URL === undefined) requireVault(config.DATA_DIR);
  const { vault, generation } = await openKeys(config);
  try {
    const rewrapped = await vault.rewrap();
    if (json) return printJson({ rewrapped, generation });
    await printLine(
      `${counted(rewrapped, "key")} wrapped anew; all are wrapped with master key ${generation} now.`,
    );
  } finally {
    await vault.close();
  }
}

/**
 * The keys of a shop that may be running.
 * @returns also the number of the master key that wraps what is new
 * @throws StoreDamaged, StoreUnavailable, InvalidConfig
 */
export async function openKeys(config: Config): Promise<{ vault: Vault; generation: number }> {
  const masterKeys = masterKeysFor(config, keptMasterKey(config.DATA_DIR, config.SHARED_SECRET));
  return { vault: await openVault(backendsOf(config), masterKeys), generation: masterKeys.generation };
}

async function backup(file: string, { json }: { json?: boolean }): Promise<void> {
  const { DATA_DIR, MONGODB_URL } = commandConfig();
  if (MONGODB_URL !== undefined)
    throw new Refused(
      "the keys are in MongoDB, as vault_keys and vault_aliases: back these up with its own tools",
    );
  requireVault(DATA_DIR);
  if (existsSync(file)) throw new Refused(`${file} exists already`);
  const keys = backUpVault(DATA_DIR, file);
  if (json) return printJson({ file, keys });
  await printLine(
    `${counted(keys, "key")} in ${file}: put back as keys.db, it opens with the master key that wraps them.`,
  );
}

/** @throws Refused */
function requireVault(directory: string): void {
  if (!existsSync(vaultFileIn(directory))) throw new Refused(`there are no keys in ${directory}`);
}
