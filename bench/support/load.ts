import autocannon from "autocannon";
import { WrongAnswer } from "./measurement.ts";

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
}

export interface LoadResult {
  answers: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
}

/** Sends requests as fast as they are answered. @throws WrongAnswer */
export async function runLoad({ url, connections, requests, expected, until }: Load): Promise<LoadResult> {
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
  p50Ms: number;
  p99Ms: number;
}

/** Runs a load and its ceiling in turns, so that what else the machine does meets both. */
export async function inTurns(
  rounds: number,
  load: () => Promise<LoadResult>,
  ceiling: () => Promise<LoadResult>,
): Promise<Compared> {
  const ours: LoadResult[] = [];
  const bare: LoadResult[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(await load());
    bare.push(await ceiling());
  }
  return {
    perSecond: perSecondOf(ours),
    ceiling: perSecondOf(bare),
    p50Ms: Math.max(...ours.map(({ p50Ms }) => p50Ms)),
    p99Ms: Math.max(...ours.map(({ p99Ms }) => p99Ms)),
  };
}

export function perSecondOf(results: readonly LoadResult[]): number {
  const answers = results.reduce((sum, each) => sum + each.answers, 0);
  return answers / results.reduce((sum, each) => sum + each.seconds, 0);
}
