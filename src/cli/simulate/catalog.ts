import { currencyDecimals } from "../../values/money.ts";

/** A product of the shop that is played; prices in major units. */
interface Row {
  name: string;
  brand: string;
  price: number;
  options?: readonly string[];
}

const sizes = ["Small", "Medium", "Large"];
const row = (name: string, brand: string, price: number, options?: readonly string[]): Row => ({
  name,
  brand,
  price,
  ...(options && { options }),
});

const rows: Record<string, readonly Row[]> = {
  kitchen: [
    row("Enamel Teapot", "Potter", 38),
    row("Bread Board", "Joiner", 24),
    row("Copper Saucepan", "Smith", 96, ["16 cm", "20 cm", "24 cm"]),
    row("Paring Knife", "Smith", 29),
    row("Pepper Mill", "Joiner", 42, ["Beech", "Walnut"]),
    row("Salad Bowl", "Potter", 54),
    row("Espresso Cup", "Potter", 12, ["White", "Blue"]),
    row("Storage Jar", "Potter", 18),
  ],
  clothing: [
    row("Merino Jumper", "Weaver", 89, sizes),
    row("Cotton T-Shirt", "Weaver", 25, sizes),
    row("Rain Jacket", "Tailor", 149, sizes),
    row("Work Apron", "Tailor", 45),
    row("Wool Socks", "Weaver", 14, ["36-40", "41-45"]),
    row("Flat Cap", "Tailor", 39, sizes),
    row("Silk Scarf", "Weaver", 65, ["Red", "Green"]),
    row("Canvas Belt", "Tailor", 32),
  ],
  home: [
    row("Linen Cushion", "Weaver", 34, ["Sand", "Slate"]),
    row("Table Lamp", "Glazier", 119),
    row("Beeswax Candle", "Chandler", 9),
    row("Door Mat", "Weaver", 27),
    row("Flower Vase", "Glazier", 48, ["Clear", "Amber"]),
    row("Picture Frame", "Joiner", 22, ["A4", "A3"]),
    row("Log Basket", "Joiner", 58),
    row("Bath Towel", "Weaver", 31, ["White", "Grey"]),
  ],
  furniture: [
    row("Ash Stool", "Wainwright", 129),
    row("Reading Chair", "Wainwright", 449),
    row("Coat Rack", "Joiner", 99),
    row("Bookshelf", "Wainwright", 279, ["Low", "High"]),
    row("Side Table", "Wainwright", 169),
    row("Kitchen Bench", "Wainwright", 219),
    row("Folding Desk", "Joiner", 249),
    row("Toy Chest", "Joiner", 139),
  ],
  stationery: [
    row("Dot Notebook", "Printer", 16, ["A6", "A5"]),
    row("Fountain Pen", "Printer", 74),
    row("Ink Bottle", "Printer", 13, ["Black", "Blue"]),
    row("Desk Calendar", "Printer", 19),
    row("Letter Paper", "Printer", 11),
    row("Wax Seal", "Chandler", 26),
    row("Pencil Case", "Tailor", 28),
    row("Paper Knife", "Smith", 33),
  ],
};

export interface Listing {
  body: {
    name: string;
    brand: string;
    category: string;
    tags: string[];
    description: string;
    variants: { sku: string; name?: string; price: { amount: number; currency: string } }[];
  };
  skus: string[];
}

/** What the shop sells, as its products are created. */
export function catalogIn(currency: string): Listing[] {
  const scale = 10 ** currencyDecimals(currency);
  return Object.entries(rows).flatMap(([category, products], shelf) =>
    products.map(({ name, brand, price, options }, place): Listing => {
      const number = `${shelf + 1}${String(place + 1).padStart(2, "0")}`;
      const amount = { amount: price * scale, currency };
      const variants = options
        ? options.map((option, index) => ({ sku: `W-${number}-${index + 1}`, name: option, price: amount }))
        : [{ sku: `W-${number}`, price: amount }];
      const description = `${name}, made by ${brand}.`;
      return {
        body: { name, brand, category, tags: [brand.toLowerCase(), category], description, variants },
        skus: variants.map(({ sku }) => sku),
      };
    }),
  );
}
