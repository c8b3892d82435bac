import { Parser } from "htmlparser2";

/** Elements that nobody sees. */
const unseen = new Set([
  "script",
  "style",
  "head",
  "template",
  "noscript",
  "iframe",
  "object",
  "svg",
  "math",
]);
/** What begins a line, and what is a paragraph of its own. */
const lines = new Set(["br", "div", "li", "tr", "dt", "dd", "section", "article", "header", "footer", "hr"]);
const paragraphs = new Set([
  "p",
  "h1",
  "h2",
  "h3",
  "h4",
  "h5",
  "h6",
  "ul",
  "ol",
  "table",
  "blockquote",
  "pre",
]);
const markup = /<[a-z/!?]/i;
const encoded = /&(?:lt|#0*60|#x0*3c);/i;
/** Text that was encoded more than twice is no text of a shop. */
const passesMax = 3;

/**
 * The text of HTML: without tags, with entities decoded, paragraphs and lines as line breaks. It holds nothing that a page
 * would take for a tag, also where what was encoded is one.
 * @param keepsBreaks line breaks between what is marked up are the text's own
 */
export function textOfHtml(html: string, { keepsBreaks = false } = {}): string {
  let text = textOnce(html, keepsBreaks);
  for (let pass = 1; pass < passesMax && (markup.test(text) || encoded.test(text)); pass++)
    text = textOnce(text, true);
  return text.replace(/<(?=[a-z/!?])/gi, "‹");
}

/** As `textOfHtml`, on one line. */
export function lineOfHtml(html: string): string {
  return /[<&]/.test(html) ? textOfHtml(html).replace(/\s+/g, " ") : html;
}

function textOnce(html: string, keepsBreaks: boolean): string {
  let text = "";
  let hidden = 0;
  const feed = (name: string) => {
    if (paragraphs.has(name)) text += "\n\n";
    else if (lines.has(name)) text += "\n";
    else if (name === "td" || name === "th") text += " ";
  };
  const parser = new Parser({
    onopentag: (name) => {
      if (unseen.has(name)) hidden++;
      feed(name);
      if (name === "li") text += "- ";
    },
    onclosetag: (name) => {
      if (unseen.has(name)) hidden--;
      // A line has begun already with what comes next.
      if (paragraphs.has(name)) feed(name);
    },
    ontext: (piece) => {
      if (hidden === 0) text += piece.replace(/[^\S\n]+/g, " ");
    },
  });
  // Line breaks of plain text are its paragraphs; in HTML they mean nothing.
  const isOwn = keepsBreaks || !markup.test(html);
  parser.end(isOwn ? html : html.replace(/\s*\n\s*/g, " "));
  return text
    .split("\n")
    .map((line) => line.replace(/\s+/g, " ").trim())
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .replace(/- \n+/g, "- ")
    .replace(/\n+(?=- )/g, "\n")
    .trim();
}
