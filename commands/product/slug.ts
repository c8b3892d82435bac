export const slugCharactersMax = 80;

const fallbackSlug = "product";

/** A name as part of a URL: lower-case ASCII letters, digits and dashes, 1 to 80 characters. */
export function slugify(name: string): string {
  const ascii = name
    .normalize("NFKD")
    .replace(/[\p{M}'’]/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-");
  return cut(ascii, slugCharactersMax) || fallbackSlug;
}

/** `slug-suffix`, cut before the suffix where that would be too long. */
export function withSuffix(slug: string, suffix: string): string {
  return `${cut(slug, slugCharactersMax - suffix.length - 1)}-${suffix}`;
}

function cut(slug: string, characters: number): string {
  return slug.replace(/^-+/, "").slice(0, characters).replace(/-+$/, "");
}
