import { readFile, writeFile } from "node:fs/promises";
import pino from "pino";
import { describe, expect, it } from "vitest";
import { salesByPeriod } from "../../projections/sales/sales.ts";
import { stockLedger } from "../../projections/stock/ledger.ts";
import { readConfig } from "../../src/config.ts";
import { importOnlineRetail } from "../../src/importers/online-retail/online-retail.ts";
import { openRuntime, type Runtime } from "../../src/runtime/runtime.ts";
import { logStart } from "../../src/stores/event-store/event-store.ts";
import { cli, temporaryPath } from "../cli/cli.ts";

const settings = { STORE_CURRENCY: "GBP", STORE_TIME_ZONE: "Europe/London", SAMPLE_SHOP: "off" };
const header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";

/** Five weeks of invoices of three lines, a cancellation for every tenth, and write-offs. */
function invoices(): string {
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
  return `${header}\n${rows.join("\n")}\n`;
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
  const stock = await (await models.model("stock")).scan(undefined, 100);
  const ledger = await stockLedger(await models.model("stock-ledger"), "10001", { limit: 100 });
  return {
    sales,
    stock: stock.map(({ key, json }) => [key, json]),
    orders: await (await models.model("orders")).count(),
    payments: await (await models.model("payments")).count(),
    work: await (await models.model("tasks")).count(),
    movements: ledger.items.length,
    events: (await commandsOn(events)).length,
  };
}

describe("importing invoices", () => {
  it("goes on after it was stopped half way, and doubles nothing", async () => {
    const file = await temporaryPath("invoices.csv");
    await writeFile(file, invoices());
    const rejectsFile = await temporaryPath("rejects.csv");

    const whole = await withRuntime(await temporaryPath("whole"), async (runtime) => {
      const summary = await importOnlineRetail(runtime, { file, rejectsFile });
      expect(summary).toMatchObject({ orders: 150, lines: 471 });
      expect(summary.used.total + summary.rejected.total).toBe(summary.lines);
      return result(runtime);
    });
    expect(whole.work).toBe(0);

    const broken = await temporaryPath("broken");
    for (const stopAt of [30, 75]) {
      const stopped = withRuntime(broken, (runtime) =>
        importOnlineRetail(runtime, {
          file,
          rejectsFile,
          progress: (done) => {
            if (done === stopAt) throw new Error("stopped");
          },
        }),
      );
      await expect(stopped).rejects.toThrow("stopped");
    }
    const resumed = await withRuntime(broken, async (runtime) => {
      const summary = await importOnlineRetail(runtime, { file, rejectsFile });
      expect(summary).toMatchObject({ orders: 150, resumed: true });
      return result(runtime);
    });
    expect(resumed).toEqual(whole);
    const again = await withRuntime(broken, async (runtime) => {
      expect(await importOnlineRetail(runtime, { file, rejectsFile })).toMatchObject({
        alreadyImported: true,
      });
      return result(runtime);
    });
    expect(again).toEqual(whole);
  });

  it("says on the command line what became of every line, and why some were rejected", async () => {
    const file = await temporaryPath("invoices.csv");
    await writeFile(
      file,
      `${header}\n1,10001,MUG,2,2011-03-07T10:00:00,1.25,,France\n2,10001,MUG,1,2011-03-07T10:00:00,0,,France\n`,
    );
    const rejects = await temporaryPath("rejects.csv");
    const env = { ...settings, DATA_DIR: await temporaryPath("data") };
    const { code, stdout } = await cli(
      ["import", "online-retail", file, "--rejects", rejects, "--json"],
      env,
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      lines: 2,
      used: { sales: 1, total: 1 },
      rejected: { total: 1 },
      orders: 1,
      units: 2,
      gross: { amount: 250, currency: "GBP" },
    });
    expect(await readFile(rejects, "utf8")).toMatch(/^line,reason\n3,"goods in at no price/);
    const wrong = await temporaryPath("wrong.csv");
    await writeFile(wrong, "a,b\n1,2\n");
    const refused = await cli(["import", "online-retail", wrong, "--rejects", rejects], env);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("has the columns a,b; needed: InvoiceNo");
  });
});
