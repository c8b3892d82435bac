const sameLetters: Readonly<Record<string, string>> = { ß: "ss", ς: "σ" };

/** What a category, brand or tag is known by: two spellings of one name are one. */
export function foldedName(name: string): string {
  return name
    .normalize("NFKC")
    .replace(/[‘’‛′]/g, "'")
    .replace(/[“”‟″]/g, '"')
    .trim()
    .replace(/\s+/g, " ")
    .toLowerCase()
    .replace(/[ßς]/g, (letter) => sameLetters[letter] ?? letter);
}

/** What a category is known by: its path, each name of it folded. */
export function foldedPath(path: string): string {
  return path.split("/").map(foldedName).join("/");
}

/** `Garden > Chairs` as `Garden/Chairs`; a slash in a name of such a path parts nothing. */
export function pathOf(text: string): string {
  if (!text.includes(">")) return text;
  return text
    .split(">")
    .map((name) => name.trim().replaceAll(/\s*\/\s*/g, " & "))
    .filter((name) => name !== "")
    .join("/");
}

/** The names of a path such as `Garden/Chairs`, from the outermost one; what is blank is none. */
export function namesOfPath(path: string): string[] {
  return path
    .split("/")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
