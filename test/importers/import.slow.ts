import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pino from "pino";
import { describe, expect, it } from "vitest";
import { createProduct } from "../../commands/processes/listing.ts";
import { findSku } from "../../commands/processes/skus.ts";
import { product } from "../../commands/product/product.ts";
import { stock } from "../../commands/stock/stock.ts";
import { salesByPeriod } from "../../projections/sales/sales.ts";
import { stockLedger } from "../../projections/stock/ledger.ts";
import { readConfig } from "../../src/config.ts";
import { type ImportOptions, importOnlineRetail } from "../../src/importers/online-retail/online-retail.ts";
import { openRuntime, type Runtime } from "../../src/runtime/runtime.ts";
import { logStart } from "../../src/stores/event-store/event-store.ts";
import { newId } from "../../src/values/ids.ts";
import { cli, program } from "../cli/cli.ts";
import { inherited } from "../support/inherited.ts";
import { dataSet, fileOf, temporary } from "./files.ts";

const settings = { STORE_CURRENCY: "GBP", STORE_TIME_ZONE: "Europe/London", SAMPLE_SHOP: "off" };
/** Five weeks of invoices of three lines, a cancellation for every tenth, and write-offs. */
function invoices(): string[] {
  const rows: string[] = [];
  for (let index = 0; index < 150; index++) {
    const day = new Date(Date.UTC(2011, 2, 1 + (index % 35))).toISOString().slice(0, 10);
    const customer = index % 3 === 0 ? "" : String(10_000 + (index % 7));
    const line = (code: string, quantity: number, price: string) =>
      rows.push(
        `${500_000 + index},${code},THING ${code},${quantity},${day}T09:00:00,${price},${customer},France`,
      );
    line(`1000${index % 5}`, 1 + (index % 4), "2.50");
    // The same SKU at another price: a line of its own.
    line(`1000${index % 5}`, 2, "1.95");
    line("POST", 1, "18.00");
    if (index % 10 === 1)
      rows.push(`C${600_000 + index},1000${index % 5},,-1,${day}T15:00:00,2.50,${customer},France`);
    if (index % 25 === 0) rows.push(`${700_000 + index},10001,broken,-3,${day}T16:00:00,0,,France`);
  }
  return rows;
}

/** The same invoices as another program would write them: other columns, order, dates, delimiter and encoding. */
function otherDress(rows: readonly string[]): Buffer {
  const dressed = rows.map((row) => {
    const [number, code, name, quantity, at = "", price = "", customer, country] = row.split(",");
    const [year, month, day] = at.slice(0, 10).split("-");
    const local = `${day}/${month}/${year} ${at.slice(11, 16)}`;
    const given = customer === "" ? "nan" : `${customer}.0`;
    return [
      country,
      given,
      `£${price.replace(".", ",")}`,
      local,
      quantity,
      name,
      code?.toLowerCase(),
      number,
    ];
  });
  const titles = [
    "Country",
    "Customer ID",
    "Price",
    "InvoiceDate",
    "Quantity",
    "Description",
    "StockCode",
    "Invoice",
  ];
  const text = [titles, ...dressed.reverse()].map((fields) => fields.join(";")).join("\r\n");
  return Buffer.from(`\ufeff${text}\r\n`, "utf16le");
}

async function withRuntime<T>(folder: string, task: (runtime: Runtime) => Promise<T>): Promise<T> {
  const config = readConfig({ ...settings, DATA_DIR: folder });
  const runtime = await openRuntime({ config, log: pino({ level: "silent" }), tellsOfAppends: false });
  try {
    return await task(runtime);
  } finally {
    await runtime.close();
  }
}

/** Every event but those of a start: it claims blocks of order numbers, and looks for what is to be upgraded. */
async function commandsOn(events: Runtime["events"]) {
  const page = await events.readAll({ after: logStart, maxCount: 100_000 });
  return page.events.filter(({ stream }) => !/^(claim-orderNumber|settings|upgrade)-/.test(stream));
}

/** What a shop would see afterwards. */
async function result({ models, events }: Runtime) {
  const sales = await salesByPeriod(await models.model("sales"), { interval: "day" });
  const levels = await (await models.model("stock")).scan(undefined, 100);
  const ledger = await stockLedger(await models.model("stock-ledger"), "10001", { limit: 100 });
  return {
    sales,
    stock: levels.map(({ key, json }) => [key, json]),
    onHand: levels
      .map(({ key, json }) => ({ key, ...JSON.parse(json) }))
      .filter(({ track }) => track !== false)
      .map(({ key, onHand }) => [key, onHand]),
    orders: await (await models.model("orders")).count(),
    payments: await (await models.model("payments")).count(),
    work: await (await models.model("tasks")).count(),
    movements: ledger.items.length,
    events: (await commandsOn(events)).length,
  };
}

async function importFile(folder: string, content: string | Buffer, options: Partial<ImportOptions> = {}) {
  const file = await fileOf(content);
  const rejectsFile = await temporary("rejects.csv");
  return withRuntime(folder, async (runtime) => {
    const summary = await importOnlineRetail(runtime, { file, rejectsFile, ...options });
    const { lines, used, alreadyImported, setAside, rejected } = summary;
    if (summary.refused === undefined)
      expect(used.total + alreadyImported.lines + setAside.total + rejected.total).toBe(lines);
    return { summary, shop: await result(runtime), rejects: await readFile(rejectsFile, "utf8") };
  });
}

/** Stops the runtime before it executes a command of this name for the nth time, and whatever comes then. */
function stopAt({ engine }: Runtime, command: string, nth: number): void {
  const execute = engine.execute.bind(engine) as (...args: unknown[]) => Promise<unknown>;
  let count = 0;
  const stopping = (...args: unknown[]) => {
    if (args[2] === command) count++;
    return count >= nth ? Promise.reject(new Error("stopped")) : execute(...args);
  };
  Object.assign(engine, { execute: stopping });
}

function stopsAt(order: number): Partial<ImportOptions> {
  return {
    progress: (done) => {
      if (done === order) throw new Error("stopped");
    },
  };
}

describe("importing invoices", () => {
  it("goes on after it was stopped half way, and doubles nothing", async () => {
    const text = dataSet(...invoices());
    const whole = await importFile(await temporary("whole"), text);
    expect(whole.summary).toMatchObject({ orders: 150, lines: 471, rejected: { total: 0 } });
    expect(whole.shop.work).toBe(0);

    const broken = await temporary("broken");
    for (const order of [30, 75])
      await expect(importFile(broken, text, stopsAt(order))).rejects.toThrow("stopped");
    const resumed = await importFile(broken, text);
    expect(resumed.summary).toMatchObject({ orders: 150, resumed: true });
    expect(resumed.shop).toEqual(whole.shop);
    const again = await importFile(broken, text);
    expect(again.summary).toMatchObject({ orders: 0, events: 0, used: { total: 0 } });
    expect(again.shop).toEqual(whole.shop);
  });

  it("changes nothing when the same orders come again, in whatever dress", async () => {
    const folder = await temporary("data");
    const first = await importFile(folder, dataSet(...invoices()));
    const { lines, setAside } = first.summary;
    const again = await importFile(folder, otherDress(invoices()));
    expect(again.summary).toMatchObject({
      events: 0,
      setAside,
      rejected: { total: 0 },
      alreadyImported: { invoices: 171 - setAside.total, lines: lines - setAside.total },
    });
    expect(again.shop).toEqual(first.shop);
  });

  it("takes of a changed file what is new, opens stock for that alone, and rejects what has changed", async () => {
    const rows = invoices();
    const folder = await temporary("data");
    const first = await importFile(folder, dataSet(...rows.slice(0, 300)));
    const changed = rows.map((row) => (row.startsWith("500003,10003") ? row.replace("2.50", "2.60") : row));
    const second = await importFile(folder, dataSet(...changed));
    expect(second.rejects.match(/^.*,"500003",.*$/gm)).toHaveLength(3);
    expect(second.rejects).toContain('"500003","InvoiceNo","500003","was imported with other lines"');
    expect(first.summary.orders + second.summary.orders).toBe(150);
    const whole = await importFile(await temporary("whole"), dataSet(...rows));
    expect(second.shop.orders).toBe(whole.shop.orders);
    // What is on hand is what came back, however often stock was opened.
    expect(second.shop.onHand).toEqual(whole.shop.onHand);
  });

  it("goes on with a part of a run that was stopped, in a file that is not the same any more", async () => {
    const rows = invoices();
    const whole = await importFile(await temporary("whole"), dataSet(...rows));
    const folder = await temporary("data");
    await expect(importFile(folder, dataSet(...rows), stopsAt(40))).rejects.toThrow("stopped");
    const more = [...rows, "1,10001,THING,5,2011-03-03T09:00:00,2.50,,France"];
    const { summary, shop } = await importFile(folder, dataSet(...more));
    expect(summary).toMatchObject({ rejected: { total: 0 } });
    expect(shop.orders).toBe(151);
    expect(shop.onHand).toEqual(whole.shop.onHand);
    expect(shop.work).toBe(0);
  });

  it.each([
    ["ListInvoices", 2],
    ["FinishList", 1],
    ["Receive", 2],
    ["FinishStock", 1],
    ["FinishWeek", 2],
    ["Finish", 1],
  ])(
    "opens stock once, in whatever file it goes on, when it was stopped at %s (%i)",
    async (command, nth) => {
      const rows = invoices().slice(0, 100);
      const folder = await temporary("data");
      const file = await fileOf(dataSet(...rows));
      const stopped = withRuntime(folder, (runtime) => {
        stopAt(runtime, command, nth);
        return importOnlineRetail(runtime, { file, rejectsFile: `${file}.rejects` });
      });
      await expect(stopped).rejects.toThrow("stopped");
      const more = [...rows, "1,10001,THING,5,2011-03-03T09:00:00,2.50,,France"];
      const { summary, shop } = await importFile(folder, dataSet(...more));
      expect(summary).toMatchObject({ rejected: { total: 0 } });
      const whole = await importFile(await temporary("whole"), dataSet(...rows));
      expect(shop.orders).toBe(whole.shop.orders + 1);
      expect(shop.onHand).toEqual(whole.shop.onHand);
    },
  );

  it("recognises what version 0.1 has imported", async () => {
    const parent = await temporary("");
    execFileSync("tar", ["-xzf", join(import.meta.dirname, "../fixtures/import-v0.1.tar.gz"), "-C", parent]);
    const folder = join(parent, "data");
    const rows = [
      "500001,10001,MUG,3,2011-03-01T09:00:00,2.50,12345,France",
      "500001,10001,MUG,2,2011-03-01T09:00:00,1.95,12345,France",
      "500001,POST,POSTAGE,1,2011-03-01T09:00:00,18.00,12345,France",
      "500002,10002a,CAP,4,2011-03-02T09:00:00,9.00,,France",
      "500003,10001,MUG,1,2011-03-03T09:00:00,2.50,12345,France",
      "500003,10001,MUG,1,2011-03-03T09:00:00,2.50,12345,France",
      "C500004,10001,MUG,-1,2011-03-04T09:00:00,2.50,12345,France",
      "500005,10001,broken,-3,2011-03-05T09:00:00,0,,France",
    ];
    const again = await importFile(folder, otherDress(rows), { dates: "day-first" });
    expect(again.summary).toMatchObject({ events: 0, alreadyImported: { invoices: 5, lines: 8 } });
    const more = [
      ...rows.map((row) => row.replace("CAP,4", "CAP,5")),
      "500006,10001,MUG,2,2011-03-06T09:00:00,2.50,12345,France",
      "C500007,10001,MUG,-2,2011-03-07T09:00:00,2.50,12345,France",
      "C500008,10001,MUG,-1,2011-03-08T09:00:00,2.50,12345,France",
    ];
    const { summary, rejects, shop } = await importFile(folder, dataSet(...more), { allowRejects: true });
    expect(summary).toMatchObject({ orders: 1, used: { sales: 1, returns: 2 }, rejected: { total: 1 } });
    expect(rejects).toContain('"500002"');
    expect(shop).toMatchObject({ orders: 4, work: 0 });
    // One came back of an order of each version, and two of one that is new.
    expect(shop.onHand).toEqual([
      ["10001", 4],
      ["10002a", 0],
    ]);
  });

  it("leaves the products of a shop as they are, and its stock too", async () => {
    const folder = await temporary("data");
    await withRuntime(folder, async ({ engine }) => {
      const context = { commandId: newId(), now: Date.UTC(2020, 0, 1), actor: "test", correlationId: "test" };
      const variants = [{ sku: "10001", price: { amount: 990, currency: "GBP" } }];
      await createProduct(engine, context, { name: "Our mug", slug: "thing-10002", variants }, () => {});
      await engine.execute(stock, "10001", "Receive", { quantity: 7 }, { ...context, commandId: newId() });
    });
    const { summary, shop } = await importFile(
      folder,
      dataSet(
        "1,10001,THING,3,2011-03-01T09:00:00,2.50,12345,France",
        "1,10002,THING,3,2011-03-01T09:00:00,2.50,12345,France",
        "2,10001,THING ANEW,3,2011-04-01T09:00:00,2.60,12345,France",
      ),
    );
    expect(summary).toMatchObject({ orders: 2, gross: { amount: 3 * (250 + 250 + 260) } });
    expect(shop.onHand).toEqual([
      ["10001", 7],
      ["10002", 0],
    ]);
    await withRuntime(folder, async ({ engine }) => {
      const listed = ["10001", "10002"].map(async (sku) => {
        const { holder = "" } = (await findSku(engine, sku)) ?? {};
        return engine.read(product, holder, (state) => state.exists && [state.name, state.slug]);
      });
      expect(await Promise.all(listed)).toEqual([
        ["Our mug", "thing-10002"],
        // Its own slug is another product's.
        ["THING", "thing"],
      ]);
    });
  });
});

describe("the import on the command line", () => {
  const mug = (number: number, more = "2,2011-03-07T10:00:00,1.25") => `${number},10001,MUG,${more},,France`;
  const mugs = (count: number) => Array.from({ length: count }, (_, index) => mug(index + 1));

  async function run(content: string | Buffer, args: string[] = [], folder?: string) {
    const file = await fileOf(content);
    const rejects = await temporary("rejects.csv");
    const env = { ...settings, DATA_DIR: folder ?? (await temporary("data")) };
    const outcome = await cli(["import", "online-retail", file, "--rejects", rejects, ...args], env);
    return { ...outcome, rejects };
  }

  it("says what became of every line, and is done when there is nothing new", async () => {
    const folder = await temporary("data");
    const text = dataSet(
      ...mugs(11),
      mug(12, "1,2011-03-07T10:00:00,0"),
      mug(13, "many,2011-03-07T10:00:00,1"),
    );
    const { code, stdout, rejects } = await run(text, ["--json"], folder);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      lines: 13,
      used: { sales: 11, total: 11 },
      setAside: { total: 1, byKind: { "a price of 0: neither a sale nor a write-off": 1 } },
      rejected: { total: 1, byReason: { "Quantity is no number": 1 } },
      orders: 11,
      units: 22,
      gross: { amount: 2_750, currency: "GBP" },
    });
    expect(await readFile(rejects, "utf8")).toBe(
      'line,order,field,value,reason\n14,"13","Quantity","many","is no number"\n',
    );
    const again = await run(text, [], folder);
    expect(again).toMatchObject({ code: 0, stderr: expect.not.stringContaining("Error") });
    expect(again.stdout).toMatch(/known\s+11: 11 invoices had been imported before/);
  });

  it("fails, and writes nothing, when nothing can be read or a tenth of the lines", async () => {
    const folder = await temporary("data");
    const bad = mug(99, "2,tomorrow,1.25");
    const refused = await run(dataSet(...mugs(9), bad), ["--json"], folder);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("1 of 10 lines are rejected, a tenth or more; nothing was written");
    expect(JSON.parse(refused.stdout)).toMatchObject({ orders: 0, events: 0, rejected: { total: 1 } });
    expect(await readFile(refused.rejects, "utf8")).toContain('"InvoiceDate","tomorrow","is no date"');
    expect((await run(dataSet(bad), ["--allow-rejects"], folder)).code).toBe(1);
    expect((await run(dataSet(), [], folder)).code).toBe(1);
    const allowed = await run(dataSet(...mugs(9), bad), ["--allow-rejects", "--json"], folder);
    expect(allowed.code).toBe(0);
    expect(JSON.parse(allowed.stdout)).toMatchObject({ orders: 9 });
    const unclear = await run(dataSet(...mugs(9), mug(10, "2,1/2/2011,1.25")), [], folder);
    expect(unclear.code).toBe(1);
    expect(unclear.stderr).toContain("say which comes first");
    expect(unclear.stderr).not.toContain("    at ");
    const wrong = await run("a,b\n1,2\n", [], folder);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain("has the columns a,b; needed: InvoiceNo");
  });

  it("tells wrong use apart", async () => {
    const text = dataSet(...mugs(1));
    for (const args of [
      ["--encoding", "martian"],
      ["--dates", "year-first"],
      ["--columns", "order=InvoiceNo"],
      ["--columns", "order=No,sku=StockCode,quantity=Quantity,at=InvoiceDate,unitPrice=UnitPrice"],
    ])
      expect({ args, code: (await run(text, args)).code }).toEqual({ args, code: 2 });
    const missing = await cli(["import", "online-retail", "/nowhere.csv"], {
      DATA_DIR: await temporary("data"),
    });
    expect(missing).toMatchObject({ code: 1, stderr: expect.not.stringContaining("    at ") });
  });

  it("takes order lines of another shop by the names of their columns", async () => {
    const text =
      "Nr;Artikel;Menge;Tag;Summe\nA-1;Tasse;3;31.12.2023 10:00;10,00 £\nC-2;Tasse;1;01.01.2024;3,50\n";
    const columns = "order=Nr,sku=Artikel,quantity=Menge,at=Tag,lineTotal=Summe";
    const { code, stdout } = await run(text, ["--columns", columns, "--json"]);
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({
      code: 0,
      orders: 2,
      units: 4,
      gross: { amount: 1_350 },
    });
  });

  it("goes on after kill -9, as if nothing had been", async () => {
    const text = dataSet(...invoices());
    const whole = await importFile(await temporary("whole"), text);
    const folder = await temporary("data");
    const file = await fileOf(text);
    for (const eventsBytes of [1_000_000, 2_000_000]) await killed(file, folder, eventsBytes);
    const { summary, shop } = await importFile(folder, text);
    expect(summary).toMatchObject({ orders: 150, rejected: { total: 0 }, resumed: true });
    expect(shop).toEqual(whole.shop);
  });
});

/** Imports in a process of its own, which is killed once so many bytes of events are on their way. */
async function killed(file: string, folder: string, bytes: number): Promise<void> {
  const rejects = await temporary("rejects.csv");
  const env = { ...inherited(), ...settings, DATA_DIR: folder };
  const child = spawn(process.execPath, [program, "import", "online-retail", file, "--rejects", rejects], {
    env,
    stdio: "ignore",
  });
  const gone = once(child, "exit");
  while (child.exitCode === null && logBytes(folder) < bytes) await sleep(2);
  child.kill("SIGKILL");
  const [code] = await gone;
  expect(code).not.toBe(0);
}

function logBytes(folder: string): number {
  return ["log.db", "log.db-wal"].reduce((sum, name) => {
    return sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0);
  }, 0);
}
