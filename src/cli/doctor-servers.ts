import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { shopEvents } from "../../commands/events.ts";
import { type Config, InvalidConfig } from "../config.ts";
import { createCodec } from "../engine/codec.ts";
import { Engine } from "../engine/write/engine.ts";
import { clockTrouble } from "../runtime/clocks.ts";
import { checkSettings } from "../runtime/kept-settings.ts";
import { backendsOf } from "../runtime/runtime.ts";
import type { OpenLog } from "../stores/backends.ts";
import { type InspectedServer, inspectServers } from "../stores/inspect.ts";
import type { Finding } from "./doctor-models.ts";
import { stateOf } from "./log-turn.ts";

/** Whether the servers answer, which they are, and whether their clocks agree. */
export async function checkServers(
  config: Config,
  log: OpenLog | undefined,
  findings: Finding[],
): Promise<InspectedServer[]> {
  const inspected: InspectedServer[] = [];
  const inspections = inspectServers(backendsOf(config), log);
  const answers = await Promise.allSettled(inspections.map(({ work }) => work));
  for (const [index, answer] of answers.entries()) {
    const about = inspections[index]?.about ?? "server";
    if (answer.status === "rejected") {
      findings.push({ level: "problem", about, message: messageOf(answer.reason) });
      continue;
    }
    inspected.push(answer.value);
    const message = clockTrouble(answer.value.clockMs ?? 0);
    if (message !== undefined) findings.push({ level: "problem", about, message });
  }
  return inspected;
}

/** Whose turn it is to write the log, and whether these settings are those that it keeps. */
export async function checkTerms(log: OpenLog, config: Config, findings: Finding[]): Promise<void> {
  const codec = createCodec(shopEvents);
  const engine = new Engine({ events: log.events, codec });
  const state = await stateOf(engine);
  if (state.is === "moved")
    findings.push({ level: "note", about: "log", message: `the shop has moved to ${state.to}` });
  if (state.is === "filling") {
    const message = `it is not whole: what filled it from ${state.from} was broken off, or is at it still`;
    findings.push({ level: "problem", about: "log", message });
  }
  const secret = secretOf(config);
  try {
    // As one process of several: only these have to agree.
    await checkSettings({
      ...log,
      engine,
      codec,
      config: { ...config, ROLE: "worker" },
      secret: secret ?? "",
    });
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    for (const line of error.message.split("\n").slice(1)) {
      const message = line.trim();
      if (secret === undefined && message.startsWith("SHARED_SECRET")) continue;
      const level = message.startsWith("STORE_CURRENCY") ? "problem" : "note";
      findings.push({ level, about: "settings", message });
    }
  }
}

/** A running shop's, read beside it: nothing is made here. */
function secretOf({ SHARED_SECRET, DATA_DIR }: Config): string | undefined {
  if (SHARED_SECRET !== undefined) return SHARED_SECRET;
  const file = join(DATA_DIR, "secret");
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
