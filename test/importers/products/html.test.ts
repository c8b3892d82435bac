import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { textOfHtml } from "../../../src/importers/products/html.ts";

describe("the text of HTML", () => {
  it.each([
    ["<p>One &amp; two</p>\n<p>Three<br>four</p>", "One & two\n\nThree\nfour"],
    ["<h2>Care</h2><ul>\n<li>Wash</li>\n<li>Dry&nbsp;flat</li></ul>", "Care\n- Wash\n- Dry flat"],
    ["<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"],
    ["Plain text.\nA second line, 1 < 2 & 3 > 2", "Plain text.\nA second line, 1 < 2 & 3 > 2"],
    ["wrapped\n  in <b>lines</b>\n by an editor", "wrapped in lines by an editor"],
    ["<p>&#8220;Caf&eacute;&#8221; &euro;5</p>", "“Café” €5"],
    ["", ""],
    ["<p></p>", ""],
  ])("keeps paragraphs and lines of %j", (html, text) => {
    expect(textOfHtml(html)).toBe(text);
  });

  it("keeps line breaks between what is marked up where they are the text's own", () => {
    expect(textOfHtml("A <b>bold</b> line\nand another", { keepsBreaks: true })).toBe(
      "A bold line\nand another",
    );
  });

  it.each([
    "<script>alert(1)</script>safe",
    "<style>p{color:red}</style>safe",
    '<img src=x onerror="alert(1)">safe',
    '<a href="javascript:alert(1)">safe</a>',
    "<svg><script>alert(1)</script></svg>safe",
    "<!-- <script>alert(1)</script> -->safe",
    "&lt;script&gt;alert(1)&lt;/script&gt;safe",
    "&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;safe",
    "<iframe src=x>no</iframe>safe",
  ])("leaves nothing of %j but its text", (html) => {
    expect(textOfHtml(html)).toBe("safe");
  });

  it("never holds what a page would take for a tag, however deep it was encoded", () => {
    const pieces = fc.constantFrom(
      "<",
      ">",
      "&lt;",
      "&amp;",
      "lt;",
      "script",
      "/",
      "!--",
      "x",
      " ",
      "&",
      "gt;",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), fc.boolean(), (parts, keepsBreaks) => {
        expect(textOfHtml(parts.join(""), { keepsBreaks })).not.toMatch(/<[a-z/!?]/i);
      }),
    );
  });
});
