import type { IndexedProduct } from "../../../projections/catalog/search/catalog-query.ts";

export const productsCount = 300;

/** id | name | brand | category | tags | description | sku; the id begins with the language. */
const rows = `
en1|Blue Ceramic Mug|Hearth|Kitchen/Mugs|gift,blue|For coffee and tea|MUG-BLUE
en2|Mug Rack|Hearth|Kitchen/Storage|wood|Holds six cups|RACK-6
en3|Cotton T-Shirt|Levi's|Clothes/Shirts|summer|Soft jersey|TS-100
en4|Evening Dress|Belle|Clothes/Dresses|silk|Long and red|MK-J/1973
en5|Garden Chair|Oakley|Garden/Chairs|wood|Folds flat|GC-1
en6|Dress Shirt|Belle|Clothes/Shirts|office|Cut slim|DS-20
en7|Wine Glasses|Hearth|Kitchen/Glass|party|Set of four|GL-4
en8|Strawberry Jam|Orchard|Food/Spreads|breakfast|From ripe berries|JAM-1
en9|Wi-Fi Router|Netbox|Electronics|home office|Two bands|R2/D2
en10|Mug|Plain|Kitchen/Mugs|white|Nothing but a mug|M-0
de1|Straßenkreide bunt|Malfix|Spielzeug|kinder|Für draußen|DE-1
de2|Größe Schüssel|Küchenwelt|Küche|rührschüssel|Aus Edelstahl|DE-2
de3|Gießkanne|Grünwerk|Garten|balkon|Zwei Liter|DE-3
de4|Bücherregal Eiche|Holzmann|Wohnen/Regale|massiv|Fünf Böden|DE-4
de5|Weißwein trocken|Weingut Süß|Getränke|riesling|Vom Hang|DE-5
fr1|Crème brûlée au caramel|Délices|Épicerie|dessert|Pour deux|FR-1
fr2|Cœur en chocolat|Délices|Épicerie|fête|Chocolat noir|FR-2
fr3|Théière en fonte|Maison|Cuisine|thé|Garde la chaleur|FR-3
fr4|Tablier d’écolier|L'Atelier|Vêtements|rentrée|Coton épais|FR-4
fr5|Bœuf séché|Montagne|Épicerie|apéritif|Tranches fines|FR-5
pl1|Łopata ogrodowa|Żubr|Ogród|narzędzia|Stalowa|PL-1
pl2|Żółta świeca|Żubr|Dom|światło|Pachnąca|PL-2
pl3|Książka kucharska|Znak|Książki|gotowanie|Przepisy|PL-3
pl4|Miód gryczany|Pasieka|Spożywcze|słodkie|Słoik|PL-4
da1|Smørrebrød bræt|Nordisk|Køkken|egetræ|Til frokost|DA-1
da2|Blå kaffekrus|Nordisk|Køkken|krus|Stentøj|DA-2
da3|Æbleskiver pande|Nordisk|Køkken|støbejern|Til jul|DA-3
da4|Håndklæde|Vask|Bad|bomuld|Blødt|DA-4
no1|Røykeovn|Fjell|Hage|fisk|Til ørret|NO-1
tr1|Işıklı ayna|Güneş|Ev|banyo|Duvara asılır|TR-1
tr2|İpek eşarp|Bursa|Giyim|hediye|El dokuması|TR-2
tr3|Çay bardağı|Paşa|Mutfak|ince belli|Altılı takım|TR-3
el1|Ελιές Καλαμών|Αγρός|Τρόφιμα|μεζές|Σε λάδι|EL-1
el2|Χάρτης δρόμος|Πυξίδα|Βιβλία|ταξίδι|Όλη η χώρα|EL-2
ja1|ブルータワー|東京堂|おもちゃ|積み木|木製の玩具|JA-1
ja2|茶碗|和工房|食器|陶器|手作りの器|JA-2
ja3|ガラスのコップ|和工房|食器|透明|冷たい飲み物に|JA-3
ja4|抹茶碗セット|京都屋|食器|茶道|茶筅つき|JA-4
ja5|USB充電器|電機|家電|旅行|急速|JA-5
ja6|折りたたみ傘|東京堂|雑貨|雨|軽量|JA-6
zh1|红色茶壶|景德|厨房|礼物|紫砂|ZH-1
zh2|竹筷子|景德|餐具|竹子|十双装|ZH-2
zh3|丝绸围巾|苏绣|服装|丝绸|柔软|ZH-3
zh4|蓝色保温杯|虎牌|厨房|户外|不锈钢|ZH-4
zh5|台灯|明亮|家居|书房|护眼|ZH-5
ko1|커피잔 세트|한빛|주방|선물|도자기|KO-1
ko2|한복 저고리|단아|의류|전통|비단|KO-2
ko3|김치냉장고|대한|가전|주방|대용량|KO-3
ko4|나무 젓가락|한빛|주방|나무|다섯 벌|KO-4
th1|แก้วกาแฟ|สยาม|ครัว|ของขวัญ|เซรามิก|TH-1
th2|ร่มกันฝน|สยาม|แฟชั่น|ฤดูฝน|พับได้|TH-2
th3|ผ้าพันคอไหม|จิม|แฟชั่น|ผ้าไหม|ทอมือ|TH-3
th4|โคมไฟตั้งโต๊ะ|แสง|บ้าน|อ่านหนังสือ|ปรับได้|TH-4
`;
const named = rows.trim().split("\n");

/**
 * Those with a name of their own, and others that sell better and name all of them somewhere less weighty: in the
 * description, and every third a name among the tags.
 */
export const catalog: readonly IndexedProduct[] = [
  ...named.map(productOf),
  ...Array.from({ length: productsCount - named.length }, (_, index) => {
    const [, name = "", brand = "", , tags = ""] = (named[index % named.length] ?? "").split("|");
    const tag = index % 3 === 0 ? name : "part";
    return productOf(`x${index}|Widget ${index}|Acme|Parts/Bin|${tag}|${name} ${brand} ${tags}|W-${index}`);
  }),
];

function productOf(row: string): IndexedProduct {
  const [id = "", name = "", brand = "", category = "", tags = "", description = "", sku = ""] =
    row.split("|");
  return {
    id,
    status: "published",
    name,
    brand,
    category,
    tags: tags.split(","),
    description,
    variants: [{ sku, price: 1000, inStock: true }],
    publishedAt: 1,
    createdAt: 1,
    featured: false,
    sold: id.startsWith("x") ? 50 : 0,
    rating: 0,
  };
}
