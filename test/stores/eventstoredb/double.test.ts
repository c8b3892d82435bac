import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { noStream, OutcomeUnknown } from "../../../src/stores/event-store/event-store.ts";
import { newId } from "../../../src/values/ids.ts";
import { DoubleLog, type Expected, type Proposed } from "./double/log.ts";
import { event, failureOf, impatient, numbered, open, startDouble } from "./support.ts";

function proposed(): Proposed {
  return { id: newId(), type: "Noted", isJson: true, data: Buffer.from("1"), metadata: Buffer.from("{}") };
}

describe("the double's log, as the server's", () => {
  const log = new DoubleLog();
  const [a, b, c] = [proposed(), proposed(), proposed()];
  log.append("s", -1, [a, b]);

  test.each<[string, Expected, Proposed[], object]>([
    ["a repeated append where it was", -1, [a, b], { kind: "written", revision: 1, isRepeated: true }],
    ["its beginning alone too", -1, [a], { kind: "written", revision: 0, isRepeated: true }],
    ["a known id followed by a new one as a conflict", -1, [a, c], { kind: "conflict", actual: 1 }],
    ["another order as a conflict", -1, [b, a], { kind: "conflict", actual: 1 }],
    ["a revision that is not there yet as a conflict", 2, [c], { kind: "conflict", actual: 1 }],
    ["known ids at any revision where they were", "any", [a, b], { kind: "written", isRepeated: true }],
  ])("answers %s", (_, expected, events, answer) => {
    expect(log.append("s", expected, events)).toMatchObject(answer);
    expect(log.revisionOf("s")).toBe(1);
  });

  test("calls an append of nothing a success, and makes no stream", () => {
    expect(log.append("none", -1, [])).toMatchObject({ kind: "written", revision: 0 });
    expect(log.revisionOf("none")).toBe(-1);
  });

  test("writes known ids again at the current revision, and at any once it was restarted", () => {
    expect(log.append("s", 1, [a])).toMatchObject({ revision: 2, isRepeated: false });
    log.forgetIds();
    expect(log.append("s", "any", [a])).toMatchObject({ revision: 3, isRepeated: false });
  });

  test("leaves gaps between positions", () => {
    const positions = log.records.map(({ position }) => position);
    for (const [index, position] of positions.entries())
      if (index > 0) expect(position - (positions[index - 1] ?? 0n)).toBeGreaterThan(1n);
  });
});

test("the same append of two processes at once is dropped once, and lands once", async () => {
  const double = await startDouble();
  const stores = await Promise.all([1, 2].map(() => open({ url: double.url, limits: impatient })));
  double.replicationMs = 100;
  const events = numbered(2);
  const results = await Promise.all(stores.map((store) => failureOf(store.append("a-1", noStream, events))));
  expect(results.filter((result) => result === "it did not fail")).toHaveLength(1);
  expect(results.filter((result) => result instanceof OutcomeUnknown)).toHaveLength(1);
  for (const store of stores) expect((await store.append("a-1", noStream, events)).revision).toBe(1);
  expect(double.log.revisionOf("a-1")).toBe(1);
});

test("the double as a process keeps what it has acknowledged over kill -9", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cartwright-double-"));
  let running = await run(folder);
  try {
    const store = await open({ url: running.url });
    const results = [];
    for (let n = 0; n < 20; n++) results.push(await store.append(`a-${n}`, noStream, [event({ n })]));
    running.child.kill("SIGKILL");
    await once(running.child, "exit");
    await appendFile(join(folder, "double.jsonl"), '{"id":"cut of');
    running = await run(folder);
    const again = await open({ url: running.url });
    expect(again.logId).toBe(store.logId);
    expect(await again.head()).toBe(results.at(-1)?.position);
    expect((await again.append("a-19", 0, [event()])).revision).toBe(1);
  } finally {
    running.child.kill("SIGKILL");
    await rm(folder, { recursive: true });
  }
});

async function run(folder: string): Promise<{ child: ChildProcess; url: string }> {
  const main = join(import.meta.dirname, "double/main.ts");
  const child = spawn(process.execPath, [main, "--port", "0", "--data", folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(child.stdout ?? child, "data");
  const port = /port (\d+)/.exec(String(line))?.[1];
  return { child, url: `esdb://127.0.0.1:${port}?tls=false` };
}
