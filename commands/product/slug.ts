import transliterate from "@sindresorhus/transliterate";

export const slugCharactersMax = 80;

const fallbackSlug = "product";
const idLike = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * A name as part of a URL: lower-case letters, digits and dashes, 1 to 80 UTF-16 units. Latin names become
 * ASCII; a name without a Latin letter keeps its own letters.
 */
export function slugify(name: string): string {
  const plain = name.replace(/['’]/g, "");
  const dashed = /\p{sc=Latin}/u.test(plain.normalize("NFKC"))
    ? transliterate(plain.normalize("NFKC"))
        .normalize("NFKD")
        .replace(/\p{M}/gu, "")
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
    : plain
        .normalize("NFKC")
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\p{M}]+/gu, "-");
  const slug = cut(dashed, slugCharactersMax) || fallbackSlug;
  return looksLikeId(slug) ? `${fallbackSlug}-${slug}` : slug;
}

/** What looks like an id would be looked up as one. */
export function looksLikeId(slug: string): boolean {
  return idLike.test(slug);
}

/** `slug-suffix`, cut before the suffix where that would be too long. */
export function withSuffix(slug: string, suffix: string): string {
  return `${cut(slug, slugCharactersMax - suffix.length - 1)}-${suffix}`;
}

/** Never through a character of two UTF-16 units. */
function cut(slug: string, unitsMax: number): string {
  const trimmed = slug.replace(/^-+/, "").slice(0, unitsMax);
  return trimmed.replace(/[\ud800-\udbff]$/, "").replace(/-+$/, "");
}
