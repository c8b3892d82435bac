import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSealing, isSealed, type Sealing } from "../../src/privacy/sealing.ts";
import { openEmbeddedVault } from "../../src/stores/vault/embedded.ts";
import { masterKeysOf, newMasterKey } from "../../src/stores/vault/master-keys.ts";
import type { Vault } from "../../src/stores/vault/vault.ts";

let directory: string;
let vault: Vault;
let sealing: Sealing;
const masterKeys = masterKeysOf(newMasterKey());

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "cartwright-sealing-"));
  vault = openEmbeddedVault(directory, masterKeys);
  sealing = createSealing(vault);
});
afterEach(async () => {
  await vault.close();
  await rm(directory, { recursive: true });
});

test("whatever is sealed opens as what it was, and is the same text each time", async () => {
  const sealer = await sealing.sealerFor("customer/a");
  const other = await sealing.sealerFor("customer/b");
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.string({ minLength: 1 }), async (value, field) => {
      const sealed = sealer.seal(field, value);
      expect(isSealed(sealed)).toBe(true);
      expect(sealer.seal(field, value)).toBe(sealed);
      expect(other.seal(field, value)).not.toBe(sealed);
      expect(await createSealing(vault).open(field, sealed)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("what is sealed opens as nothing else, and not when it was changed", async () => {
  const sealer = await sealing.sealerFor("customer/a");
  const sealed = sealer.seal("email", "ada@example.com");
  await expect(sealing.open("phone", sealed)).rejects.toThrow();
  for (const at of [25, 40, sealed.length - 5]) {
    const changed = `${sealed.slice(0, at)}${sealed[at] === "A" ? "B" : "A"}${sealed.slice(at + 1)}`;
    await expect(sealing.open("email", changed)).rejects.toThrow();
  }
  const another = await sealing.sealerFor("customer/b");
  await expect(sealing.open("email", sealed.replace(sealer.keyId, another.keyId))).rejects.toThrow();
});

test("how long it is says little of what it is", async () => {
  const sealer = await sealing.sealerFor("customer/a");
  const lengths = Array.from({ length: 28 }, (_, n) => sealer.seal("name", "x".repeat(n + 1)).length);
  expect(new Set(lengths).size).toBe(1);
});

test("what was sealed with a key that is destroyed reads as nothing, at once and in every process", async () => {
  const sealer = await sealing.sealerFor("customer/a");
  const sealed = sealer.seal("email", "ada@example.com");
  expect(await sealing.open("email", sealed)).toBe("ada@example.com");
  await sealing.destroy([sealer.keyId]);
  expect(await sealing.open("email", sealed)).toBeNull();
  expect(await createSealing(vault).open("email", sealed)).toBeNull();
});

test("a key that is destroyed stands nowhere in the vault's files any more, wrapped neither", async () => {
  const kept = await vault.keyFor("customer/kept");
  const gone = await vault.keyFor("customer/gone");
  const holds = async (text: string) => {
    const files = await Promise.all(
      (await readdir(directory)).map((name) => readFile(join(directory, name), "latin1")),
    );
    return files.some((file) => file.includes(text));
  };
  expect([await holds(gone.id), await holds("customer/gone")]).toEqual([true, true]);
  await vault.destroyKeys([gone.id]);
  expect([await holds(gone.id), await holds("customer/gone")]).toEqual([false, false]);
  expect(await holds(kept.id)).toBe(true);
});
