import { execFile, spawn } from "node:child_process";
import { createWriteStream, existsSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sharedShop } from "../http/shop.ts";

const run = promisify(execFile);
const deploy = join(import.meta.dirname, "../../deploy");
const packed = join(import.meta.dirname, "../../../shared/bin/promtool.xz");
const noPromtool = existsSync(packed) ? undefined : "there is no promtool in ../shared/bin";

interface Panel {
  id: number;
  title: string;
  type: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string }[];
}

const dashboard = JSON.parse(readFileSync(join(deploy, "grafana/dashboard.json"), "utf8")) as {
  panels: Panel[];
  templating: { list: { definition?: string }[] };
};
const rules = readFileSync(join(deploy, "prometheus/alerts.yml"), "utf8");
const ruleTests = readFileSync(join(deploy, "prometheus/alerts.test.yml"), "utf8");
const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

/** Without what a histogram's name ends in: a metric of its own otherwise. */
function metricsIn(text: string): string[] {
  const names = text.match(/\b(?:cartwright|http|nodejs|process)_[a-z0-9_]+\b/g) ?? [];
  return [...new Set(names)].sort();
}

describe("the metrics that dashboard and rules name", () => {
  const shop = sharedShop();

  it("are all exported", async () => {
    const { text } = await shop().get("/metrics");
    const kinds = new Map(
      [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", kind = ""]) => [name, kind]),
    );
    const isExported = (name: string): boolean => {
      const parts = /^(.*)_(?:bucket|sum|count)$/.exec(name);
      return kinds.has(name) || (parts !== null && kinds.get(parts[1] ?? "") === "histogram");
    };
    const queries = [
      ...dashboard.templating.list.map(({ definition }) => definition ?? ""),
      ...expressions,
      rules,
      ruleTests,
    ];
    const named = metricsIn(queries.join("\n"));
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter((name) => !isExported(name))).toEqual([]);
  });

  it("are, of those that are of this program alone, all that it exports", async () => {
    const { text } = await shop().get("/metrics");
    const exported = [...text.matchAll(/^# TYPE (cartwright_\S+)/gm)].map(([, name = ""]) => name);
    const shown = metricsIn(expressions.join("\n"));
    const unseen = exported.filter((name) => !shown.some((each) => each.startsWith(name)));
    expect(unseen).toEqual([]);
  });
});

describe("the dashboard", () => {
  it("has panels that do not lie on each other, each with an id of its own and something to show", () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { type, title, targets = [], gridPos } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      if (type !== "row") expect(targets.length, title).toBeGreaterThan(0);
    }
  });
});

describe("the rules", () => {
  it("are each tried by a test that lets them fire", () => {
    const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
    const fired = [...ruleTests.matchAll(/alertname: (\w+)\n\s+exp_alerts:/g)].map(([, name]) => name);
    expect([...new Set(fired)].sort()).toEqual([...alerts].sort());
  });
});

describe.skipIf(noPromtool)(`promtool${noPromtool ? ` (${noPromtool})` : ""}`, () => {
  let folder: string;
  let promtool: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cartwright-promtool-"));
    promtool = join(folder, "promtool");
    const unpacked = spawn("xz", ["-dc", packed], { stdio: ["ignore", "pipe", "inherit"] });
    await pipeline(unpacked.stdout, createWriteStream(promtool));
    await chmod(promtool, 0o700);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("finds the rules right", async () => {
    const { stdout } = await run(promtool, ["check", "rules", join(deploy, "prometheus/alerts.yml")]);
    expect(stdout).toMatch(/SUCCESS: \d+ rules found/);
  });

  it("sees each alert fire when it should, and not before", async () => {
    const { stdout } = await run(promtool, ["test", "rules", join(deploy, "prometheus/alerts.test.yml")]);
    expect(stdout).toContain("SUCCESS");
  });

  it("understands each query of the dashboard", async () => {
    const asked = expressions.map((expr, at) => ({
      record: `panel:query_${at}`,
      expr: expr.replaceAll("$__rate_interval", "5m").replaceAll("$instance", ".*"),
    }));
    const file = join(folder, "panels.yml");
    await writeFile(file, JSON.stringify({ groups: [{ name: "panels", rules: asked }] }));
    const { stdout } = await run(promtool, ["check", "rules", file]);
    expect(stdout).toContain(`SUCCESS: ${expressions.length} rules found`);
  });
});
