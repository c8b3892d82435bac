import { availableParallelism, cpus, loadavg } from "node:os";
import type { Measurement } from "./measurement.ts";

export interface Report {
  node: string;
  cpu: string;
  cores: number;
  quick: boolean;
  seconds: number;
  /** Of the machine, of the last minute. */
  loadAverage: { before: number; after: number };
  remarks: string[];
  results: Measurement[];
  /** What went wrong; nothing when all is well. */
  failure?: string;
}

const remarks = [
  "The load generator and the server share the cores, and so do a ceiling and its load generator.",
  "Ceilings are measured in the same run. The ratio tells how near a value is to its ceiling: 1.00 is there.",
];

export function reportOf(
  results: Measurement[],
  run: { quick: boolean; seconds: number; loadBefore: number; failure: string | undefined },
): Report {
  const { quick, seconds, loadBefore, failure } = run;
  return {
    node: process.version,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    quick,
    seconds: Math.round(seconds),
    loadAverage: { before: loadBefore, after: loadavg()[0] ?? 0 },
    remarks,
    results,
    ...(failure !== undefined && { failure }),
  };
}

export function reportText(report: Report): string {
  const { node, cpu, cores, quick, seconds, loadAverage, results } = report;
  const rows = results.map(({ name, value, unit, ceiling, ratio, ceilingIs = "" }) => [
    name,
    numberText(value),
    unit,
    ceiling === undefined ? "" : numberText(ceiling),
    ratio === undefined ? "" : ratio.toFixed(2),
    ceilingIs,
  ]);
  const notes = results.flatMap(({ name, note }) => (note === undefined ? [] : [`  ${name}: ${note}`]));
  const { before, after } = loadAverage;
  return [
    `Node ${node}, ${cores} cores (${cpu}), ${quick ? "quick" : "full"} run of ${seconds} s`,
    `Load average ${before.toFixed(1)} before, ${after.toFixed(1)} after`,
    ...report.remarks,
    "",
    ...tableOf([["measurement", "value", "unit", "ceiling", "ratio", "the ceiling is"], ...rows]),
    "",
    ...new Set(notes),
    "",
  ].join("\n");
}

const rightAligned: ReadonlySet<number> = new Set([1, 3, 4]);

function tableOf(rows: readonly string[][]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return rightAligned.has(column) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
}

function numberText(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
