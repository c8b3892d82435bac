import { pipeline, type Readable, type Transform } from "node:stream";
import { parse } from "csv-parse";
import { parse as parseText } from "csv-parse/sync";
import { decodingOf, lineBytesMax, type Source, UnreadableFile } from "./decoding.ts";

export interface CsvFile {
  /** Its path, or what it is called where it is read from elsewhere. */
  file: string;
  source?: Source;
  /** As `decodingOf` takes it. */
  encoding?: string | undefined;
}

export interface CsvRow {
  /** The line of the file that the row begins in, from 1. */
  line: number;
  fields: string[];
}

const delimiters = [",", ";", "\t"];
const lenient = { relax_quotes: true, relax_column_count: true, skip_empty_lines: true } as const;

/** The header's fields as each of comma, semicolon and tab cuts them, the one with most fields first. @throws UnreadableFile */
export async function headersOf(csv: CsvFile): Promise<{ delimiter: string; header: string[] }[]> {
  let head = "";
  let cut: ReturnType<typeof cutsOf> | undefined;
  try {
    for await (const chunk of await textOf(csv)) {
      head += String(chunk);
      if (!/\S[^\n]*\n/.test(head)) continue;
      cut = cutsOf(head);
      // A field in quotes may hold line breaks, also where this chunk ends.
      if (cut.failure === undefined || head.length >= lineBytesMax) break;
    }
  } catch (error) {
    throw unreadable(csv, error);
  }
  const { headers, failure } = cut ?? cutsOf(head);
  // What one of them cannot cut at all, another may leave whole.
  if (failure !== undefined && (headers[0]?.header.length ?? 0) < 2) throw unreadable(csv, failure);
  return headers;
}

/** The first row of a text, as each delimiter cuts it; and why one cannot. */
function cutsOf(text: string) {
  const headers: { delimiter: string; header: string[] }[] = [];
  let failure: unknown;
  for (const delimiter of delimiters)
    try {
      headers.push({ delimiter, header: fieldsOf(text, delimiter) });
    } catch (error) {
      failure ??= error;
    }
  headers.sort((a, b) => b.header.length - a.header.length);
  return { headers, failure };
}

/** Of the first row. @throws CsvError where it does not end */
export function fieldsOf(line: string, delimiter: string): string[] {
  const [fields = []] = parseText(line, { ...lenient, delimiter, to: 1 }) as string[][];
  return fields.map((field) => field.trim());
}

/**
 * The rows below the header, blank lines left out.
 * @throws UnreadableFile naming the line where it stops being CSV or text
 */
export async function* rowsOf(csv: CsvFile, delimiter: string): AsyncGenerator<CsvRow> {
  const parser = parse({ ...lenient, delimiter, info: true, max_record_size: lineBytesMax });
  let before = 0;
  try {
    for await (const { record, info } of (await textOf(csv, parser)) as AsyncIterable<Parsed>) {
      // A row may go over several lines; it is known by its first one.
      const line = info.lines === before + 1 ? info.lines : info.lines - feedsIn(record);
      if (before > 0) yield { line, fields: record };
      before = info.lines;
    }
  } catch (error) {
    throw unreadable(csv, error);
  }
}

interface Parsed {
  record: string[];
  info: { lines: number };
}

function feedsIn(record: readonly string[]): number {
  return record.reduce((sum, field) => sum + field.split("\n").length - 1, 0);
}

/** What goes wrong on the way ends the last stream, and so whoever reads it. */
async function textOf(csv: CsvFile, ...further: Transform[]): Promise<Readable> {
  const streams = [...(await decodingOf(csv.source ?? csv.file, csv.encoding)), ...further];
  pipeline(streams, () => {});
  return streams.at(-1) as Readable;
}

/** What went wrong while a file was read, by its name. */
export function unreadable({ file }: CsvFile, error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error);
  return new UnreadableFile(`${file} cannot be read: ${reason}`, { cause: error });
}
