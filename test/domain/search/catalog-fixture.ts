import type { IndexedProduct } from "../../../projections/catalog/search/catalog-query.ts";

const fillersCount = 270;

/** id | name | brand | category | tags | description | sku */
const rows = `
en1|Blue Ceramic Mug|Hearth|Kitchen/Mugs|gift,blue|For coffee and tea|MUG-BLUE
en2|Mug Rack|Hearth|Kitchen/Storage|wood|Holds six cups|RACK-6
en3|Cotton T-Shirt|Levi's|Clothes/Shirts|summer|Soft jersey|TS-100
en4|Evening Dress|Belle|Clothes/Dresses|silk|Long and red|MK-J/1973
en5|Garden Chair|Oakley|Garden/Chairs|wood|Folds flat|GC-1
de1|Straßenkreide bunt|Malfix|Spielzeug|kinder|Für draußen|DE-1
de2|Größe Schüssel|Küchenwelt|Küche|rührschüssel|Aus Edelstahl|DE-2
de3|Gießkanne|Grünwerk|Garten|balkon|Zwei Liter|DE-3
fr1|Crème brûlée au caramel|Délices|Épicerie|dessert|Pour deux|FR-1
fr2|Cœur en chocolat|Délices|Épicerie|fête|Chocolat noir|FR-2
fr3|Théière en fonte|Maison|Cuisine|thé|Garde la chaleur|FR-3
pl1|Łopata ogrodowa|Żubr|Ogród|narzędzia|Stalowa|PL-1
pl2|Żółta świeca|Żubr|Dom|światło|Pachnąca|PL-2
pl3|Książka kucharska|Znak|Książki|gotowanie|Przepisy|PL-3
da1|Smørrebrød bræt|Nordisk|Køkken|egetræ|Til frokost|DA-1
da2|Blå kaffekrus|Nordisk|Køkken|krus|Stentøj|DA-2
no1|Røykeovn|Fjell|Hage|fisk|Til ørret|NO-1
ja1|ブルータワー|東京堂|おもちゃ|積み木|木製の玩具|JA-1
ja2|茶碗|和工房|食器|陶器|手作りの器|JA-2
ja3|ガラスのコップ|和工房|食器|透明|冷たい飲み物に|JA-3
zh1|红色茶壶|景德|厨房|礼物|紫砂|ZH-1
zh2|竹筷子|景德|餐具|竹子|十双装|ZH-2
zh3|丝绸围巾|苏绣|服装|丝绸|柔软|ZH-3
th1|แก้วกาแฟ|สยาม|ครัว|ของขวัญ|เซรามิก|TH-1
th2|ร่มกันฝน|สยาม|แฟชั่น|ฤดูฝน|พับได้|TH-2
`;

export const catalog: readonly IndexedProduct[] = [
  ...rows.trim().split("\n").map(productOf),
  ...Array.from({ length: fillersCount }, (_, index) =>
    productOf(`x${index}|Widget ${index}|Acme|Parts/Bin|part|Beside mug, tea and wood|W-${index}`),
  ),
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
    sold: id.startsWith("x") ? 50 : 0,
    rating: 0,
  };
}
