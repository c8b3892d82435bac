import { InvalidArgumentError } from "commander";

/** Reads an option that names some of these, with commas between them. */
export function namesAmong(known: readonly string[]): (text: string) => string[] {
  return (text) => {
    const names = text.split(",");
    if (!names.every((name) => known.includes(name)))
      throw new InvalidArgumentError(`there are: ${known.join(", ")}`);
    return names;
  };
}
