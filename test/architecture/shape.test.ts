import { describe, expect, it } from "vitest";
import { circlesOf, functionsOf, importsOf, sources } from "./sources.ts";

const linesMax = 70;
const rooms = ["src", "commands", "projections", "examples"];
const files = rooms.flatMap(sources);

describe("the shape of the code", () => {
  it(`no function is longer than ${linesMax} lines`, () => {
    const tooLong = files.flatMap(functionsOf).filter(({ lines }) => lines > linesMax);
    const names = tooLong.map(({ name, lines }) => ({ name, lines }));
    expect(names).toEqual([]);
  });

  it("no files import each other in a circle, for types neither", () => {
    expect(circlesOf(files, importsOf)).toEqual([]);
  });

  it("beside main.js and config.ts no file lies loose in src", () => {
    const loose = sources("src").filter((file) => file.split("/").length === 2);
    expect(loose.sort()).toEqual(["src/config.ts", "src/main.js"]);
  });
});

describe("what tells the shape", () => {
  it("sees functions of every kind, with their names", () => {
    const names = functionsOf("src/engine/read/fold.ts").map(({ name }) => name.split(" ")[1]);
    expect(names).toEqual(expect.arrayContaining(["projectable", "open", "constructor", "apply"]));
  });

  it("finds a circle, once", () => {
    const arrows: Record<string, string[]> = { a: ["b"], b: ["c"], c: ["b", "d"], d: [] };
    expect(circlesOf(["a", "b", "c"], (file) => arrows[file] ?? [])).toEqual(["b -> c -> b"]);
  });
});
