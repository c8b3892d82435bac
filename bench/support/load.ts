import autocannon from "autocannon";
import { WrongAnswer } from "./measurement.ts";
import type { ShopServer } from "./shop.ts";

const answerTimeoutSeconds = 60;
/** How often autocannon looks whether it is done. */
const sampleMs = 50;
const shownCharactersMax = 600;

export interface Load {
  url: string;
  connections: number;
  requests: autocannon.Request[];
  /** Any other status is a wrong answer. */
  expected: readonly number[];
  /** How long, or how many requests over all connections. */
  until: { seconds: number } | { requests: number };
  /** At this pace over all connections, rather than as fast as they are answered. */
  perSecond?: number;
}

export interface LoadResult {
  answers: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
}

/** Sends requests. @throws WrongAnswer */
export async function runLoad(load: Load): Promise<LoadResult> {
  const { url, connections, requests, expected, until, perSecond } = load;
  const lastChunk = new WeakMap<autocannon.Client, Buffer>();
  const started = performance.now();
  let answers = 0;
  let lastAt = started;
  let wrong: string | undefined;
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(
      {
        url,
        connections,
        requests,
        timeout: answerTimeoutSeconds,
        sampleInt: sampleMs,
        ...(perSecond !== undefined && { overallRate: perSecond }),
        ...("seconds" in until ? { duration: until.seconds } : { amount: until.requests }),
        setupClient: (client) => {
          client.on("body", (chunk) => lastChunk.set(client, chunk));
        },
      },
      (error: unknown, done) => (error ? reject(error) : resolve(done)),
    );
    instance.on("response", (client, status) => {
      answers++;
      lastAt = performance.now();
      if (expected.includes(status)) return;
      wrong ??= `${status} was answered: ${lastChunk.get(client)?.toString().slice(-shownCharactersMax)}`;
      instance.stop();
    });
    instance.on("reqError", (error: unknown) => {
      wrong ??= `a request failed: ${error}`;
      instance.stop();
    });
  });
  if (wrong !== undefined) throw new WrongAnswer(wrong);
  if (answers === 0) throw new WrongAnswer(`nothing was answered by ${url}`);
  const { p50, p99 } = result.latency ?? { p50: Number.NaN, p99: Number.NaN };
  return { answers, seconds: (lastAt - started) / 1000, p50Ms: p50, p99Ms: p99 };
}

export interface Compared {
  perSecond: number;
  ceiling: number;
  /** How long the answers took, and what the server spent on them. */
  note: string;
}

/** Runs a load and its ceiling in turns, so that what else the machine does meets both. */
export async function inTurns(
  rounds: number,
  server: Pick<ShopServer, "cpuSeconds">,
  load: () => Promise<LoadResult>,
  ceiling: () => Promise<LoadResult>,
): Promise<Compared> {
  const ours: LoadResult[] = [];
  const bare: LoadResult[] = [];
  let cpuSeconds = 0;
  for (let round = 0; round < rounds; round++) {
    const before = await server.cpuSeconds();
    ours.push(await load());
    cpuSeconds += (await server.cpuSeconds()) - before;
    bare.push(await ceiling());
  }
  const p50 = Math.max(...ours.map(({ p50Ms }) => p50Ms));
  const p99 = Math.max(...ours.map(({ p99Ms }) => p99Ms));
  const answers = ours.reduce((sum, each) => sum + each.answers, 0);
  return {
    perSecond: perSecondOf(ours),
    ceiling: perSecondOf(bare),
    note: `p50 ${p50} ms, p99 ${p99} ms, ${cpuText(cpuSeconds, answers)}`,
  };
}

/** What the server spent on each, in all its threads: it depends little on what else the machine does. */
export function cpuText(cpuSeconds: number, count: number): string {
  return `${((cpuSeconds / count) * 1_000).toFixed(2)} ms of CPU each`;
}

function perSecondOf(results: readonly LoadResult[]): number {
  const answers = results.reduce((sum, each) => sum + each.answers, 0);
  return answers / results.reduce((sum, each) => sum + each.seconds, 0);
}
