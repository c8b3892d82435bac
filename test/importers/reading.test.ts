import { tmpdir } from "node:os";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { Decimals } from "../../src/importers/csv/decimals.ts";
import { rowsOf } from "../../src/importers/csv/rows.ts";
import { Dates } from "../../src/importers/online-retail/dates.ts";
import { layoutOf, parseColumns } from "../../src/importers/online-retail/layout.ts";
import { lookThrough } from "../../src/importers/online-retail/look.ts";
import { dataSet, fileOf } from "./files.ts";

const place = { folder: tmpdir(), timeZone: "Europe/London", currency: "GBP" };

/** The lines of a file as they were read. */
async function read(content: string | Uint8Array, options: { encoding?: string } = {}) {
  const { staging } = await lookThrough({ file: await fileOf(content), ...place, ...options });
  const lines = [
    ...staging.rows<Record<string, unknown>>(
      "SELECT invoice, code, name, quantity, price, at, customer FROM lines ORDER BY id",
    ),
  ].map((line) => ({ ...line }));
  const rejects = [
    ...staging.rows<Record<string, unknown>>("SELECT line, field, value, reason FROM rejects"),
  ].map((reject) => ({ ...reject }));
  staging.close();
  return { lines, rejects };
}

const row = (more: Partial<Record<"date" | "price" | "customer" | "quantity" | "name", string>>) =>
  `1,10001,${more.name ?? "MUG"},${more.quantity ?? "2"},${more.date ?? "2011-03-01T09:00:00"},${more.price ?? "2.50"},${more.customer ?? ""},France`;

describe("the encoding of a file", () => {
  const text = dataSet(row({ name: "CAFÉ – 茶" }));
  const named = [{ name: "CAFÉ – 茶" }];
  const utf16 = (order: "le" | "be", mark: boolean) => {
    const bytes = Buffer.from(`${mark ? "\ufeff" : ""}${text}`, "utf16le");
    return order === "le" ? bytes : bytes.swap16();
  };

  it.each([
    ["UTF-8", Buffer.from(text)],
    ["UTF-8 with a byte order mark", Buffer.from(`\ufeff${text}`)],
    ["UTF-16 of either byte order with a mark", utf16("le", true)],
    ["UTF-16, big end first, with a mark", utf16("be", true)],
    ["UTF-16 without a mark", utf16("le", false)],
    ["UTF-16, big end first, without a mark", utf16("be", false)],
    ["gzip, whatever the file is called", gzipSync(text)],
  ])("is told by the file: %s", async (_, bytes) => {
    expect((await read(bytes)).lines).toMatchObject(named);
  });

  it("is another one only when it is named, and bytes that do not fit are refused with their line", async () => {
    const bytes = Buffer.from(dataSet(row({}), row({ name: "CAF\u00c9" }), row({})), "latin1");
    await expect(read(bytes)).rejects.toThrow(/line 3 holds bytes that are not utf-8/);
    const { lines } = await read(bytes, { encoding: "windows-1252" });
    expect(lines.map(({ name }) => name)).toEqual(["MUG", "CAFÉ", "MUG"]);
    const half = Buffer.concat([utf16("le", true), Buffer.from([0x00, 0xd8, 0x41, 0x00, 0x0a, 0x00])]);
    await expect(read(half)).rejects.toThrow(/line 3 holds bytes that are not utf-16le/);
  });

  it("is kept across the parts that a long file is read in", async () => {
    const rows = Array.from({ length: 20_000 }, () => row({ name: "ÉÉÉ 茶碗" }));
    const { lines } = await read(dataSet(...rows));
    expect(lines).toHaveLength(20_000);
    expect(new Set(lines.map(({ name }) => name))).toEqual(new Set(["ÉÉÉ 茶碗"]));
  });
});

describe("the header", () => {
  const values: Record<string, string> = { order: "1", sku: "10001", price: "2.50" };

  it.each([",", ";", "\t"])("tells what stands between fields: %j", async (delimiter) => {
    const text = dataSet(row({})).replaceAll(",", delimiter);
    expect((await read(text)).lines).toMatchObject([{ code: "10001", price: 250 }]);
  });

  it("names the columns of either edition, in any order and case, among others", async () => {
    const second = "price,customer ID,INVOICE,StockCode,,Description,Quantity,InvoiceDate,Country";
    const { lines } = await read(`${second}\n2.50,17850.0,1,10001,x,MUG,2,2009-12-01 07:45:00,France\n`);
    expect(lines).toEqual([
      {
        invoice: values.order,
        code: values.sku,
        name: "MUG",
        quantity: 2,
        price: 250,
        at: Date.UTC(2009, 11, 1, 7, 45),
        customer: "17850",
      },
    ]);
  });

  it("may hold line breaks in quotes, which have to end", async () => {
    const header =
      'InvoiceNo,StockCode,"Descrip\ntion",Description,Quantity,InvoiceDate,"Unit\r\nPrice",CustomerID';
    const columns = parseColumns(
      'order=InvoiceNo,sku=StockCode,quantity=Quantity,at=InvoiceDate,"unitPrice=Unit\r\nPrice"',
    );
    const layout = await layoutOf({ file: await fileOf(`${header}\n1,2,3\n`) }, columns);
    expect(layout).toMatchObject({ delimiter: ",", columns: 8 });
    const open = await fileOf('InvoiceNo,"StockCode,Description\n1,2,3\n');
    await expect(layoutOf({ file: open }, undefined)).rejects.toThrow(/cannot be read: Quote Not Closed/);
  });

  it("is refused when a column is not there, or is there twice", async () => {
    const file = await fileOf("a,b\n1,2\n");
    await expect(layoutOf({ file }, undefined)).rejects.toThrow(/has the columns a,b; needed: InvoiceNo/);
    const twice = await fileOf("InvoiceNo,Invoice,StockCode\n");
    await expect(layoutOf({ file: twice }, undefined)).rejects.toThrow(/two columns/);
    const columns = parseColumns(
      'order=id,sku=code,quantity=n,at=day,unitPrice="a, b"'.replace('"a, b"', "p"),
    );
    await expect(layoutOf({ file }, columns)).rejects.toThrow(/not there: id, code, n, day, p/);
  });

  it("is named by hand with all that an order line needs, once", () => {
    const enough = "order=id,sku=code,quantity=n,at=day";
    expect([...parseColumns(`${enough},"unitPrice=price, net"`)]).toContainEqual(["unitPrice", "price, net"]);
    for (const [list, why] of [
      ["order=id", /sku is needed/],
      [enough, /unitPrice or for lineTotal/],
      [`${enough},unitPrice=a,lineTotal=b`, /not for both/],
      [`${enough},unitPrice=a,order=b`, /twice/],
      [`${enough},price=a`, /none of/],
      [`${enough},unitPrice=`, /no column/],
    ] as const)
      expect(() => parseColumns(list)).toThrow(why);
  });
});

describe("a row", () => {
  it("is known by the line it begins in, also where fields go over several", async () => {
    const file = await fileOf('a,b\n1,"x\ny\nz"\n\n2,"say ""so"""\n3,5" nail\n');
    const rows = [];
    for await (const each of rowsOf({ file }, ",")) rows.push(each);
    expect(rows).toEqual([
      { line: 2, fields: ["1", "x\ny\nz"] },
      { line: 6, fields: ["2", 'say "so"'] },
      { line: 7, fields: ["3", '5" nail'] },
    ]);
  });

  it("that never ends makes the file unreadable", async () => {
    await expect(read(dataSet(row({}), '2,"10001'))).rejects.toThrow(/cannot be read: Quote Not Closed/);
  });

  it("with a field that cannot be read is rejected with the field, its value and the reason", async () => {
    const { rejects } = await read(
      dataSet(row({ price: "dear" }), `${row({})},more`, row({ customer: "\u0007" })),
    );
    expect(rejects).toMatchObject([
      { line: 2, field: "UnitPrice", value: "dear", reason: "is no number" },
      { line: 3, field: "InvoiceNo", value: "1" },
      { line: 4, field: "CustomerID", reason: "holds control characters" },
    ]);
  });

  it("has a customer however tables of numbers have written it, or none", async () => {
    const customers = ["17850", "17850.0", "", "nan", "NaN", " 17850 "];
    const { lines } = await read(dataSet(...customers.map((customer) => row({ customer }))));
    expect(lines.map(({ customer }) => customer)).toEqual(["17850", "17850", "", "", "", "17850"]);
  });
});

describe("numbers", () => {
  const cents = (texts: readonly string[], file: readonly string[] = texts, currency = "GBP") => {
    const decimals = new Decimals(currency);
    for (const text of file) decimals.look(text);
    return texts.map((text) => {
      try {
        return decimals.money(text).amount;
      } catch (error) {
        return (error as Error).message;
      }
    });
  };

  it("have point or comma, currency signs, and thousands set apart", () => {
    expect(
      cents(["2.55", "1,234.50", "£2.55", "£ 2.55", "-£2.55", "2.55 GBP", "1 234.5", "1'234.50", ".5"]),
    ).toEqual([255, 123450, 255, 255, -255, 255, 123450, 123450, 50]);
    expect(cents(["2,55", "1.234,50", "1.234.567", "2,5", "1\u00a0234,50"])).toEqual([
      255, 123450, 123456700, 250, 123450,
    ]);
  });

  it("are thousands or decimals as the whole file tells, and are rejected when it does not", () => {
    expect(cents(["1,234", "1.234"], ["2.50", "1,234", "1.234"])).toEqual([123400, 123]);
    expect(cents(["1,234", "1.234"], ["2,50", "1,234", "1.234"])).toEqual([123, 123400]);
    const unknown = "may be thousands or decimals: the file has nothing that tells which";
    expect(cents(["1,234"])).toEqual([unknown]);
    expect(cents(["1,234"], ["2,50", "2.50"])).toEqual([unknown]);
    expect(cents(["0,125", "12345,678"])).toEqual([13, 1234568]);
  });

  it("in another currency, or that are none, are no amounts", () => {
    expect(cents(["€2.55", "2.55 USD", "$2.55"])).toEqual(Array(3).fill("is not in GBP"));
    expect(cents(["$2.55", "US$2.55"], [], "USD").at(0)).toBe(255);
    for (const text of ["", "-", "2.5.5", "1,23.4", "2e3", "--2", "1..2"])
      expect(cents([text])).toEqual(["is no number"]);
  });

  it("of pieces are whole", () => {
    const decimals = new Decimals("GBP");
    for (const text of ["6", "-6", "6.0", "1.234,00"]) decimals.look(text);
    expect(["6", "-6", "6.0", "1.234,00"].map((text) => decimals.whole(text))).toEqual([6, -6, 6, 1234]);
    expect(() => decimals.whole("1.5")).toThrow("is no whole number");
  });
});

describe("dates", () => {
  const instants = (texts: readonly string[], order?: "day-first" | "month-first") => {
    const dates = new Dates("Europe/London", order);
    for (const [index, text] of texts.entries()) dates.look(text, index + 2);
    const undecided = dates.decide();
    if (undecided !== undefined) return undecided;
    return texts.map((text) => {
      try {
        return new Date(dates.read(text)).toISOString().slice(0, 19);
      } catch (error) {
        return (error as Error).message;
      }
    });
  };

  it("are ISO in every dress, local unless they say otherwise", () => {
    expect(
      instants([
        "2011-07-01T12:00:00",
        "2011-07-01 12:00",
        "2011-12-01",
        "2011-07-01T12:00:00Z",
        "2011-07-01T12:00:00.123+02:00",
        "2011/12/01 8:05",
      ]),
    ).toEqual([
      "2011-07-01T11:00:00",
      "2011-07-01T11:00:00",
      "2011-12-01T00:00:00",
      "2011-07-01T12:00:00",
      "2011-07-01T10:00:00",
      "2011-12-01T08:05:00",
    ]);
  });

  it("have day or month first as the whole file tells", () => {
    expect(instants(["1/12/2010 8:26", "13/12/2010 8:26"])).toEqual([
      "2010-12-01T08:26:00",
      "2010-12-13T08:26:00",
    ]);
    expect(instants(["12/1/10 8:26", "12/13/10 8:26 PM"])).toEqual([
      "2010-12-01T08:26:00",
      "2010-12-13T20:26:00",
    ]);
    expect(instants(["01.12.2010", "31.12.2010"])).toEqual(["2010-12-01T00:00:00", "2010-12-31T00:00:00"]);
    expect(instants(["7/7/2010"])).toEqual(["2010-07-06T23:00:00"]);
  });

  it("that fit both orders are refused, unless somebody says which it is", () => {
    const texts = ["1/12/2010", "2/12/2010"];
    expect(instants(texts)).toMatch(/fits day first and month first alike \(line 2: 1\/12\/2010\)/);
    expect(instants(texts, "day-first")).toEqual(["2010-12-01T00:00:00", "2010-12-02T00:00:00"]);
    expect(instants(texts, "month-first")).toEqual(["2010-01-12T00:00:00", "2010-02-12T00:00:00"]);
    expect(instants(["13/1/2010", "1/13/2010"])).toMatch(/line 2 has the day first .* line 3 the month/);
    expect(instants(["13/1/2010", "1/13/2010"], "day-first")).toEqual([
      "2010-01-13T00:00:00",
      "is no date that there is",
    ]);
  });

  it("that there are not are rejected", () => {
    for (const text of ["2011-02-29", "2011-13-01", "2011-01-01T25:00:00", "29/2/2011 10:00"])
      expect(instants([text], "day-first")).toEqual(["is no date that there is"]);
    for (const text of ["", "yesterday", "2011", "1/2"]) expect(instants([text])).toEqual(["is no date"]);
  });
});
