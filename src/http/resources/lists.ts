import { z } from "zod";

export const listOf = <S extends z.ZodType>(item: S) => z.strictObject({ items: z.array(item) });

/** A page of a list; `nextCursor` is null on the last one. */
export const pageOf = <S extends z.ZodType>(item: S) =>
  listOf(item).extend({ nextCursor: z.string().nullable() });
