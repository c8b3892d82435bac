import { describe, expect, it } from "vitest";
import { CatalogIndex } from "../../../projections/catalog/search/index.ts";
import { catalog } from "./catalog-fixture.ts";

const index = new CatalogIndex();
for (const product of catalog) index.put(product);

/** Queries and the product that comes first. */
const firsts: Record<string, string> = {
  en1: "blue mug;mugs blue;MUG-BLUE;blue ceramic;ceramc mug",
  en2: "mug rack;rack-6;mug racks;storage mug",
  en3: "t-shirt;tshirt;t shirt;ts-100;levi's;levis;cotton t-sh",
  en4: "dresses;dress;mkj1973;mk-j/1973;MK-J/1973;evenign",
  en5: "garden chairs;gc-1;chair",
  de1: "strassenkreide;Straßenkreide;STRASSENKREIDE BUNT;strassenkr",
  de2: "große schussel;Größe Schüssel;ruhrschussel",
  de3: "giesskanne;Gießkanne;giesskane",
  fr1: "creme brulee;CRÈME;caramel",
  fr2: "coeur;cœur en chocolat;chocolat noir",
  fr3: "theiere;théière en fonte;fonte",
  pl1: "lopata;Łopata;lopata ogrod",
  pl2: "zolta swieca;żółta;swiatlo",
  pl3: "ksiazka;kucharska ksiazka",
  da1: "smorrebrod;smørrebrød;braet",
  da2: "kaffekrus;krus",
  no1: "roykeovn;orret",
  ja1: "タワー;ブルー;ブルータワー;ﾌﾞﾙｰ",
  ja2: "茶碗;碗;陶器",
  ja3: "コップ;ガラス",
  zh1: "茶壶;红色;紫砂",
  zh2: "筷子;竹",
  zh3: "围巾;丝绸围巾",
  th1: "กาแฟ;แก้ว",
  th2: "ร่ม;กันฝน",
};
const cases = Object.entries(firsts).flatMap(([id, queries]) =>
  queries.split(";").map((q) => [q, id] as const),
);

describe("a search", () => {
  it.each(cases)("for %s finds %s first", (q, id) => {
    expect(index.query({ q, limit: 5 }).hits[0]?.id).toBe(id);
  });

  it("says what it corrected", () => {
    expect(index.query({ q: "ceramc mug", limit: 5 }).corrected).toBe("ceramic mug");
    expect(index.query({ q: "mug", limit: 5 }).corrected).toBeUndefined();
  });
});
