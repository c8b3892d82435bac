import { z } from "zod";
import { publicEventSchemas } from "../../../projections/feed/topics.ts";

/** A page of the feed: it has no end, so there is always a cursor. */
export const feedAnswer = z
  .strictObject({
    items: z.array(z.union(publicEventSchemas)),
    nextCursor: z.string(),
    /** Whether there is more already; where not, ask again a while later. */
    more: z.boolean(),
  })
  .meta({ id: "Feed" });
