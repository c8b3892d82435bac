import { writeFile } from "node:fs/promises";
import { type Random, seededRandom } from "./random.ts";

const invoicesPerDay = 60;
const linesMean = 27;
const customers = 600;
const guestPercent = 25;
const cancelledPercent = 10;
const writeOffsPerDay = 3;
const firstDay = Date.UTC(2010, 11, 1);
const dayMs = 24 * 60 * 60 * 1_000;
const openingMinute = 8 * 60;
const openMinutes = 10 * 60;

type Row = [
  invoice: string,
  code: string,
  description: string,
  quantity: number,
  date: string,
  unitPrice: string,
  customer: string,
  country: string,
];

interface Bought {
  code: string;
  quantity: number;
  unitPrice: string;
  customer: string;
}

/**
 * Writes invoices in the columns of the Online Retail data set, the same ones every time: sales in the
 * course of days, some of them taken back later, and write-offs.
 */
export async function writeOnlineRetail(file: string, invoices: number): Promise<void> {
  const random = seededRandom(2);
  const skus = Math.max(400, invoices);
  const rows: Row[] = [];
  const returnable: Bought[] = [];
  const takenBack = new Set<string>();
  for (let number = 0; number < invoices; number++) {
    const ofDay = number % invoicesPerDay;
    const day = Math.floor(number / invoicesPerDay);
    const date = dateAt(day, openingMinute + Math.floor((ofDay * openMinutes) / invoicesPerDay));
    const customer = random.below(100) < guestPercent ? "" : String(12_000 + random.below(customers));
    const lines = 1 + random.below(2 * linesMean - 1);
    for (let line = 0; line < lines; line++) {
      const sold = soldLine(random, skus, day);
      rows.push([
        String(536_000 + number),
        sold.code,
        nameOf(sold.code),
        sold.quantity,
        date,
        sold.unitPrice,
        customer,
        "United Kingdom",
      ]);
      if (customer !== "" && line === 0) returnable.push({ ...sold, customer });
    }
    if (random.below(100) < cancelledPercent)
      rows.push(...cancellation(random, returnable, takenBack, number, date));
    if (ofDay < writeOffsPerDay) {
      const code = codeOf(random.below(skus));
      rows.push([
        String(800_000 + number),
        code,
        "damaged",
        -(1 + random.below(20)),
        date,
        "0.00",
        "",
        "United Kingdom",
      ]);
    }
  }
  const header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";
  await writeFile(file, `${[header, ...rows.map((row) => row.join(","))].join("\n")}\n`);
}

/** Few SKUs make most of the sales; what one costs changes now and then. */
function soldLine(random: Random, skus: number, day: number): Omit<Bought, "customer"> {
  const share = random.below(1_000) / 1_000;
  const number = Math.floor(share * share * skus);
  const pence = 42 + ((number * 37) % 1_500) + (Math.floor(day / 7 + number) % 8 === 0 ? 30 : 0);
  return { code: codeOf(number), quantity: 1 + random.below(24), unitPrice: (pence / 100).toFixed(2) };
}

/** Takes back one line that was sold before. A customer's SKU only once, so that it finds its order. */
function cancellation(
  random: Random,
  returnable: readonly Bought[],
  takenBack: Set<string>,
  number: number,
  date: string,
): Row[] {
  const bought = returnable[random.below(returnable.length)];
  if (!bought) return [];
  const { code, quantity, unitPrice, customer } = bought;
  const key = `${customer}/${code}`;
  if (takenBack.has(key)) return [];
  takenBack.add(key);
  return [
    [`C${700_000 + number}`, code, nameOf(code), -quantity, date, unitPrice, customer, "United Kingdom"],
  ];
}

function codeOf(number: number): string {
  return String(20_000 + number);
}

function nameOf(code: string): string {
  return `PRETTY THING NUMBER ${code}`;
}

function dateAt(day: number, minute: number): string {
  return new Date(firstDay + day * dayMs + minute * 60_000).toISOString().slice(0, 19);
}
