import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { StoreDamaged } from "../../src/stores/event-store/event-store.ts";
import { type MasterKeys, masterKeysOf, newMasterKey } from "../../src/stores/vault/master-keys.ts";
import type { Vault } from "../../src/stores/vault/vault.ts";

export interface VaultPlace {
  open(masterKeys: MasterKeys): Promise<Vault>;
  destroy(): Promise<void>;
}

/** What every vault keeps to. */
export function vaultContract(name: string, create: () => Promise<VaultPlace>): void {
  describe(`vault: ${name}`, () => {
    const first = newMasterKey();
    const second = newMasterKey().replace("0:", "1:");
    let place: VaultPlace;
    let opened: Vault[] = [];
    const open = async (text = first) => {
      const vault = await place.open(masterKeysOf(text));
      opened.push(vault);
      return vault;
    };
    const close = async () => {
      for (const vault of opened.splice(0)) await vault.close();
    };
    beforeEach(async () => {
      place = await create();
      opened = [];
    });
    afterEach(async () => {
      await close();
      await place.destroy();
    });

    test("gives a subject one key, whoever asks for it first, and keeps it", async () => {
      const [vault, other] = [await open(), await open()];
      const asked = Array.from({ length: 10 }, (_, n) => (n % 2 ? vault : other).keyFor("customer/a"));
      const keys = await Promise.all(asked);
      expect(new Set(keys.map(({ id }) => id)).size).toBe(1);
      expect(keys[0]?.secret).toHaveLength(32);
      expect((await vault.keyFor("customer/b")).id).not.toBe(keys[0]?.id);
      await close();
      const again = await open();
      expect(await again.keyOf("customer/a")).toEqual(keys[0]);
      expect(await again.keyById(String(keys[0]?.id))).toEqual(keys[0]);
    });

    test("has none that nobody has asked for, and none that was destroyed", async () => {
      const vault = await open();
      expect(await vault.isEmpty()).toBe(true);
      expect(await vault.keyOf("customer/a")).toBeUndefined();
      expect(await vault.keyById("0".repeat(16))).toBeUndefined();
      const [gone, kept] = [await vault.keyFor("customer/a"), await vault.keyFor("customer/b")];
      expect(await vault.isEmpty()).toBe(false);
      await vault.destroyKeys([gone.id, "unknown"]);
      await vault.destroyKeys([gone.id]);
      expect(await vault.keyById(gone.id)).toBeUndefined();
      expect(await vault.keyOf("customer/a")).toBeUndefined();
      expect(await vault.keyById(kept.id)).toEqual(kept);
      expect((await vault.keyFor("customer/a")).id).not.toBe(gone.id);
    });

    test("knows a value by one name, given once, until it is destroyed", async () => {
      const vault = await open();
      expect(await vault.aliasOf("email", "digest")).toBeUndefined();
      const names = await Promise.all(Array.from({ length: 10 }, () => vault.aliasFor("email", "digest")));
      expect(new Set(names).size).toBe(1);
      expect(await vault.aliasOf("email", "digest")).toBe(names[0]);
      expect(await vault.aliasFor("email", "another")).not.toBe(names[0]);
      await vault.destroyAliases([String(names[0])]);
      expect(await vault.aliasOf("email", "digest")).toBeUndefined();
      expect(await vault.aliasFor("email", "digest")).not.toBe(names[0]);
    });

    test("is wrapped anew while it is used, and then opens without the key of before", async () => {
      const before = await open();
      const key = await before.keyFor("customer/a");
      const both = await open(`${second},${first}`);
      expect(await both.keyById(key.id)).toEqual(key);
      expect(await both.rewrap()).toBe(1);
      expect(await both.rewrap()).toBe(0);
      await close();
      expect(await (await open(second)).keyById(key.id)).toEqual(key);
    });

    test("does not open with another master key, or without the one that wraps", async () => {
      await (await open()).keyFor("customer/a");
      await close();
      await expect(open(newMasterKey())).rejects.toBeInstanceOf(StoreDamaged);
      await expect(open(second)).rejects.toThrow(/put the file master-key back/);
      expect(await (await open()).keyOf("customer/a")).toBeDefined();
    });
  });
}
