import { buying } from "./stories/buying.ts";
import { changes } from "./stories/changes.ts";
import { parcels } from "./stories/parcels.ts";
import { refunds } from "./stories/refunds.ts";
import { returns } from "./stories/returns.ts";
import { stockRoom } from "./stories/stock.ts";
import type { Story } from "./story.ts";

/**
 * All that happens in the week: of what customers do each kind at least once, of what staff does each once a day.
 * What is changed of an order before it leaves is in `changes.ts`, what is brought back or exchanged in `returns.ts`.
 */
export const stories: readonly Story[] = [
  ...buying,
  ...changes,
  ...parcels,
  ...refunds,
  ...returns,
  ...stockRoom,
];
