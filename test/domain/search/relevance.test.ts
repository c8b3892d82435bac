import { describe, expect, it } from "vitest";
import { CatalogIndex } from "../../../projections/catalog/search/index.ts";
import { catalog, productsCount } from "./catalog-fixture.ts";

const queriesMin = 60;
const languagesMin = 8;

const index = new CatalogIndex();
for (const product of catalog) index.put(product);

/** Queries and the product that comes first. */
const firsts: Record<string, string> = {
  en1: "blue mug;mugs blue;MUG-BLUE;blue ceramic;mugblue;mug coffee",
  en2: "mug rack;rack-6;mug racks;storage mug;RACK 6",
  en3: "t-shirt;tshirt;t shirt;ts-100;levi's;levis;levi’s;cotton t-sh;T‐Shirt",
  en4: "dresses;evening dresses;mkj1973;mk-j/1973;MK-J/1973;mk j 1973",
  en5: "garden chairs;gc-1;chair;chairs;oakley",
  en6: "dress shirt;shirts dress;dress shi",
  en7: "wine glass;glasses;glass wine;party wine",
  en8: "strawberry;strawberries;jam;berries",
  en9: "wifi;wi-fi;wi fi router;R2/D2;r2d2",
  en10: "mug; MUG ;Ｍｕｇ;m-0",
  de1: "strassenkreide;Straßenkreide;STRASSENKREIDE BUNT;strassenkr",
  de2: "große schussel;Größe Schüssel;ruhrschussel",
  de3: "giesskanne;Gießkanne",
  de4: "bücherregal;BUCHERREGAL eiche;regale",
  de5: "weisswein;Weißwein;suss;riesling",
  fr1: "creme brulee;CRÈME;caramel",
  fr2: "coeur;cœur en chocolat;chocolat noir",
  fr3: "theiere;théière en fonte;fonte",
  fr4: "d'ecolier;tablier d’écolier;ecolier;l'atelier",
  fr5: "boeuf;bœuf seche",
  pl1: "lopata;Łopata;lopata ogrod",
  pl2: "zolta swieca;żółta;swiatlo",
  pl3: "ksiazka;kucharska ksiazka",
  pl4: "miod;miód gryczany;slodkie",
  da1: "smorrebrod;smørrebrød;braet",
  da2: "kaffekrus;blå krus;krus",
  da3: "aebleskiver;æbleskiver;stobejern",
  da4: "handklaede;håndkl",
  no1: "roykeovn;orret",
  tr1: "ışıklı;isikli ayna;IŞIKLI AYNA",
  tr2: "ipek;İPEK;ipek esarp",
  tr3: "cay bardagi;çay",
  el1: "ελιες;ΕΛΙΕΣ;Ελιές Καλαμών",
  el2: "δρομος;ΔΡΟΜΟΣ;χαρτης",
  ja1: "タワー;ブルー;ブルータワー;ﾌﾞﾙｰ;玩具",
  ja2: "茶碗;碗",
  ja3: "コップ;ガラス",
  ja4: "抹茶碗;抹茶;茶道",
  ja5: "充電器;usb;usb充電器;ＵＳＢ",
  ja6: "傘;折りたたみ;折りたたみ 傘",
  zh1: "茶壶;红色;紫砂;红色茶壶",
  zh2: "筷子;竹;竹筷子",
  zh3: "围巾;丝绸　围巾;丝绸围巾;丝绸 围巾",
  zh4: "保温杯;蓝色;杯",
  zh5: "台灯;灯",
  ko1: "커피;커피잔;세트 커피",
  ko2: "한복;저고리",
  ko3: "김치;냉장고;김치냉장고",
  ko4: "젓가락;나무 젓가락;나무",
  th1: "กาแฟ;แก้ว;แก้วกาแฟ",
  th2: "ร่ม;กันฝน;ร่มกันฝน",
  th3: "ผ้าพันคอ;ผ้าไหม",
  th4: "โคมไฟ;ตั้งโต๊ะ",
};
const cases = Object.entries(firsts).flatMap(([id, queries]) =>
  queries.split(";").map((q) => [q, id] as const),
);

/** What is typed, what is looked for, and what comes first. */
const typos = [
  ["ceramc mug", "ceramic mug", "en1"],
  ["cerramic", "ceramic", "en1"],
  ["evenign", "evening", "en4"],
  ["evennig dress", "evening dress", "en4"],
  ["chiar garden", "chair garden", "en5"],
  ["t-shrit cotton", "tshirt cotton", "en3"],
  ["strawbery jam", "strawberry jam", "en8"],
  ["giesskane", "giesskanne", "de3"],
  ["buecherregal eiche", "bucherregal eiche", "de4"],
  ["chocolta", "chocolat", "fr2"],
  ["ksiaska", "ksiazka", "pl3"],
  ["smorebrod", "smorrebrod", "da1"],
  ["eşrap", "esarp", "tr2"],
  ["bardaği çya", undefined, undefined],
  ["茶壶 紫砂 hearht", undefined, undefined],
] as const;

describe("the test set", () => {
  it(`has ${productsCount} products, ${languagesMin} languages and ${queriesMin} queries at least`, () => {
    expect(new Set(catalog.map(({ id }) => id)).size).toBe(productsCount);
    const languages = new Set(Object.keys(firsts).map((id) => id.replace(/\d+/, "")));
    expect(languages.size).toBeGreaterThanOrEqual(languagesMin);
    expect(new Set(cases.map(([q]) => q)).size).toBeGreaterThanOrEqual(queriesMin);
  });
});

describe("a search", () => {
  it.each(cases)("for %s finds %s first", (q, id) => {
    const { hits, corrected } = index.query({ q, limit: 5 });
    expect({ first: hits[0]?.id, corrected }).toEqual({ first: id, corrected: undefined });
  });

  it.each(typos)("for %s looks for %s and finds %s first", (q, corrected, id) => {
    const answer = index.query({ q, limit: 5 });
    expect({ first: answer.hits[0]?.id, corrected: answer.corrected }).toEqual({ first: id, corrected });
  });

  it.each(["mgu", "teb", "xyzzy", "mug xyzzy", "冰箱", "★★"])("for %s finds nothing", (q) => {
    expect(index.query({ q, limit: 5 })).toMatchObject({ hits: [], total: 0 });
  });
});
