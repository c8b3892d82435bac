import { pipeline, type Readable } from "node:stream";
import { bytesOf, type Source, UnreadableFile } from "../csv/decoding.ts";

/** An object is held as a whole while it is read. */
const objectCharactersMax = 1024 * 1024;

interface Found {
  /** Which of the objects it is, from 1. */
  number: number;
  object: Readonly<Record<string, unknown>>;
}

const code = (character: string) => character.charCodeAt(0);
const [quote, backslash, open, close, listOpen, listClose, feed] = [...'"\\{}[]\n'].map(code);
const between = new Set([...", \t\r\n[]\u{feff}"].map(code));

/**
 * The objects of JSON, which is UTF-8: of an array, or one after the other as JSON lines have them. Each is parsed by
 * itself, so that no text is too long.
 * @throws UnreadableFile naming the line where it stops being that
 */
export async function* objectsIn(source: Source): AsyncGenerator<Found> {
  const scanner = new Scanner();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for await (const chunk of await readOf(source)) {
    let text: string;
    try {
      text = decoder.decode(chunk, { stream: true });
    } catch {
      throw scanner.unreadable("or one below it holds bytes that are not UTF-8");
    }
    yield* scanner.take(text);
  }
  scanner.end();
}

/** Whether a source begins as JSON does, and not as CSV; undefined when it is blank. */
export async function beginsAsJson(source: Source): Promise<boolean | undefined> {
  for await (const chunk of await readOf(source)) {
    const [first] = /[^\s\0\xef\xbb\xbf\xff\xfe]/.exec(chunk.toString("latin1")) ?? [];
    if (first !== undefined) return first === "{" || first === "[";
  }
  return undefined;
}

async function readOf(source: Source): Promise<AsyncIterable<Buffer>> {
  const streams = await bytesOf(source);
  if (streams.length > 1) pipeline(streams, () => {});
  return streams.at(-1) as Readable;
}

class Scanner {
  private pending = "";
  private line = 1;
  private number = 0;
  private begunIn = 0;
  private depth = 0;
  private isInText = false;
  private isEscaped = false;

  *take(chunk: string): Generator<Found> {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const character = chunk.charCodeAt(at);
      if (character === feed) this.line++;
      if (this.depth === 0) {
        if (character === open) {
          this.depth = 1;
          this.begunIn = this.line;
          from = at;
        } else if (!between.has(character))
          throw this.unreadable("is neither an object nor a list of objects");
      } else if (this.ends(character)) {
        yield this.parsed(this.pending + chunk.slice(from, at + 1));
        this.pending = "";
      }
    }
    if (this.depth > 0) this.pending += chunk.slice(this.pending === "" ? from : 0);
    if (this.pending.length > objectCharactersMax)
      throw this.unreadable(`begins an object of more than ${objectCharactersMax} characters`);
  }

  end(): void {
    if (this.depth > 0) throw this.unreadable("begins an object that does not end");
  }

  /** Whether the object ends with this character. */
  private ends(character: number): boolean {
    if (this.isInText) {
      if (this.isEscaped) this.isEscaped = false;
      else if (character === backslash) this.isEscaped = true;
      else if (character === quote) this.isInText = false;
    } else if (character === quote) this.isInText = true;
    else if (character === open || character === listOpen) this.depth++;
    else if (character === close || character === listClose) this.depth--;
    return this.depth === 0;
  }

  private parsed(text: string): Found {
    this.number++;
    try {
      return { number: this.number, object: JSON.parse(text) };
    } catch (error) {
      throw this.unreadable(`is no JSON: ${error instanceof Error ? error.message : error}`);
    }
  }

  unreadable(reason: string): UnreadableFile {
    return new UnreadableFile(`line ${this.depth > 0 ? this.begunIn : this.line} ${reason}`);
  }
}
