/** One line of the result. */
export interface Measurement {
  name: string;
  value: number;
  unit: string;
  /** What could be reached at best, in the same unit, measured in the same run. */
  ceiling?: number;
  ceilingIs?: string;
  /** How near the value is to its ceiling: 1 is there. */
  ratio?: number;
  note?: string;
}

/** What a measurement is told. */
export interface BenchOptions {
  quick: boolean;
  /** A real file in the columns of Online Retail, instead of a made-up one. */
  importFile: string | undefined;
  /** Servers leave a CPU profile here. */
  profileDir: string | undefined;
  /** Says what is going on, to whom is waiting. */
  say: (text: string) => void;
}

/** What was measured did something else than it should have: no number of it means anything. */
export class WrongAnswer extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WrongAnswer";
  }
}

/** @throws WrongAnswer */
export function expectThat(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new WrongAnswer(otherwise);
}

interface Against {
  name: string;
  value: number;
  unit: string;
  ceiling: number;
  ceilingIs: string;
  note?: string;
}

/** The more the better: events, commands, pages per second. */
export function rate(measured: Against): Measurement {
  return { ...measured, ratio: measured.value / measured.ceiling };
}

/** The less the better: milliseconds, mebibytes. */
export function cost(measured: Against): Measurement {
  return { ...measured, ratio: measured.ceiling / measured.value };
}

/** @param share 0.5 is the median */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1);
  return sorted[Math.max(0, at)] ?? Number.NaN;
}

export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

export const mebibyte = 1024 * 1024;
