import { randomInt } from "node:crypto";
import type { CommandContext, Engine } from "../../src/engine/write/engine.ts";
import { newId, randomBase32, toBase32 } from "../../src/values/ids.ts";
import { Problem } from "../../src/values/problem.ts";
import { claim, claimId } from "./claim.ts";

const blockCharacters = 4;
const withinCharacters = 3;
const numbersPerBlock = 32 ** withinCharacters;
const claimTriesMax = 20;
/** So that neighbours are not counted through. */
const strideMin = 500;
/** Days whose blocks are in use at once: an import goes through them one after the other. */
const openBlocksMax = 4;

interface Block {
  name: string;
  used: number;
  /** Numbers follow one another by this odd stride, from this start: each comes once, in no plain order. */
  start: number;
  stride: number;
}

export interface OrderNumbers {
  /** A number that nobody else has or gets: `ORD-20260115-ABCDEFG`. @param day `2026-01-15`, of the store */
  next(day: string): Promise<string>;
}

/**
 * Order numbers in blocks (DISTRIBUTED.md, 5): a block is random, named by prefix and day, and claimed by a
 * random id of this start, which nobody can resume. So one append serves thousands of orders, and what a
 * process has not used when it ends is never used; gaps are fine. Numbers of version 0.1 are one shorter.
 */
export function createOrderNumbers(engine: Engine, prefix: string, clock: () => number): OrderNumbers {
  const holder = newId();
  const blocks = new Map<string, Promise<Block>>();

  async function claimBlock(day: string): Promise<Block> {
    for (let tries = 0; tries < claimTriesMax; tries++) {
      const name = `${prefix}-${day.replaceAll("-", "")}-${randomBase32(blockCharacters)}`;
      const context: CommandContext = {
        commandId: newId(),
        now: clock(),
        actor: "system:order-numbers",
        correlationId: holder,
      };
      try {
        const claimed = await engine.execute(
          claim,
          claimId("orderNumber", name),
          "Claim",
          { holder },
          context,
        );
        const start = randomInt(numbersPerBlock);
        const stride = 2 * randomInt(strideMin, numbersPerBlock / 2) + 1;
        if (claimed.changed) return { name, used: 0, start, stride };
      } catch (error) {
        if (!(error instanceof Problem) || error.code !== "already_exists") throw error;
      }
    }
    throw new Problem("unavailable", "no block of order numbers is free; try again");
  }

  function open(day: string): Promise<Block> {
    const block = claimBlock(day);
    block.catch(() => {
      if (blocks.get(day) === block) blocks.delete(day);
    });
    blocks.delete(day);
    blocks.set(day, block);
    const [oldest] = blocks.keys();
    if (blocks.size > openBlocksMax && oldest !== undefined) blocks.delete(oldest);
    return block;
  }

  return {
    async next(day) {
      for (;;) {
        const opened = blocks.get(day) ?? open(day);
        const block = await opened;
        if (block.used < numbersPerBlock) {
          const within = (block.start + block.stride * block.used++) % numbersPerBlock;
          return `${block.name}${toBase32(within, withinCharacters)}`;
        }
        if (blocks.get(day) === opened) blocks.delete(day);
      }
    },
  };
}
