import type { FastifyRequest } from "fastify";
import { Problem } from "../../values/problem.ts";
import { invalid } from "../problems.ts";
import type { App } from "../server.ts";

export const bodyBytesMax = 1024 * 1024;
/** More than the largest product or the longest list of lines has; making each into a property takes its time. */
const fieldsMax = 20_000;
/** Of a field that is one of many: its quotes, colon, value and comma. */
const fieldCharactersMin = 5;
/** Elements of lists, lists and objects, fields besides. */
const valuesMax = 60_000;
/** No body of the API is deeper than some levels. */
const depthMax = 64;

/** U+0000 as JSON has it: behind an even number of backslashes. */
const escapedNul = /(?<!\\)(?:\\\\)*\\u0000/;
/** Half of a character beyond U+FFFF. */
const escapedSurrogate = /\\u[dD][89a-fA-F]/;

/**
 * JSON and nothing else. Commands without fields may be sent with a JSON content type and no body; U+0000,
 * which no text of a shop needs and which cuts texts off in other tools, and halves of characters are not let in.
 */
export function acceptJson(app: App): void {
  app.removeContentTypeParser("text/plain");
  const parse = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    const text = body as string;
    if (text === "") done(null, undefined);
    else if (text.includes("\\u0000") && escapedNul.test(text))
      done(new Problem("malformed_request", "the body holds the character U+0000"));
    else if (holdsTooMuch(text))
      done(
        invalid([
          {
            path: "body",
            message: `more than ${fieldsMax} fields, ${valuesMax} values or ${depthMax} levels`,
          },
        ]),
      );
    else if (escapedSurrogate.test(text) && holdsLoneSurrogate(text))
      done(new Problem("malformed_request", "the body holds half of a character, which is no text"));
    else parse(request as FastifyRequest, text, done);
  });
}

/** Whole ones are written out when they are made JSON again, and halves stay escaped. */
function holdsLoneSurrogate(text: string): boolean {
  try {
    return /(?<!\\)(?:\\\\)*\\ud[89a-f]/.test(JSON.stringify(JSON.parse(text)));
  } catch {
    // That it is no JSON is said by who parses it.
    return false;
  }
}

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const comma = 0x2c;
const opening = new Set([0x5b, 0x7b]);
const closing = new Set([0x5d, 0x7d]);

/** Looked at before it is parsed: that takes a millisecond or two, and making 100,000 properties takes forty. */
function holdsTooMuch(text: string): boolean {
  if (text.length <= fieldsMax * fieldCharactersMin) return false;
  let fields = 0;
  let values = 0;
  let depth = 0;
  let isInside = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) isInside = !isInside;
    else if (isInside && code === backslash) at++;
    else if (isInside) continue;
    else if (code === colon) fields++;
    else if (code === comma) values++;
    else if (opening.has(code)) {
      values++;
      depth++;
    } else if (closing.has(code)) depth--;
    else continue;
    if (fields > fieldsMax || values > valuesMax || depth > depthMax) return true;
  }
  return false;
}
