/**
 * CSV as RFC 4180 has it: fields with a comma, a quote or a line break are quoted, quotes are doubled, each record ends
 * in CR LF.
 */

/** What spreadsheets take for a formula, or skip before one (OWASP, CSV Injection). */
const formula = /^[=+\-@\t\r]/;
const special = /[",\r\n]/;

/** Before the first record it tells programs that guess that the text is UTF-8. */
export const byteOrderMark = "\u{feff}";

/** @param fields as they are written: numbers, or what `csvText` has made of a text */
export function csvRecord(fields: readonly string[]): string {
  return `${fields.join(",")}\r\n`;
}

/** A text as a field; one that a spreadsheet would take for a formula is led by an apostrophe. */
export function csvText(text: string): string {
  return quoted(formula.test(text) ? `'${text}` : text);
}

/** Several values as the text of one field: a record in it, so that a value may hold whatever a field may. */
export function csvList(values: readonly string[]): string {
  return values.map(quoted).join(",");
}

function quoted(text: string): string {
  return special.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
