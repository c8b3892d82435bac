import { expect, test } from "vitest";
import { slugSchema } from "../../commands/product/fields.ts";
import { slugCharactersMax, slugify, withSuffix } from "../../commands/product/slug.ts";

test.each([
  ["Łopata", "lopata"],
  ["Straße", "strasse"],
  ["Smørrebrød", "smorrebrod"],
  ["茶碗", "茶碗"],
  ["Levi's 501", "levis-501"],
  ["!!!", "product"],
  ["0189d6b2-1111-7222-8333-444455556666", "product-0189d6b2-1111-7222-8333-444455556666"],
  [`x${"𠮷".repeat(slugCharactersMax)}`, "x"],
  [`1${"𠮷".repeat(slugCharactersMax)}`, `1${"𠮷".repeat(39)}`],
])("a slug of %s", (name, slug) => {
  expect(slugify(name)).toBe(slug);
  expect(slugSchema.safeParse(slug).success).toBe(true);
  expect(withSuffix(slug, "2").isWellFormed()).toBe(true);
});
