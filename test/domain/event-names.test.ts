import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { shopEvents } from "../../commands/events.ts";
import type { EventDefinition } from "../../src/engine/decider.ts";

test("every event type has one name, over all streams", async () => {
  const folder = join(import.meta.dirname, "../../commands");
  const files = (await readdir(folder, { recursive: true })).filter(
    (name) => name.endsWith(".ts") && name !== "events.ts" && !name.startsWith("processes"),
  );
  const definitions = new Map<string, EventDefinition>();
  for (const file of files) {
    const exported = (await import(join(folder, file))) as Record<string, unknown>;
    for (const [name, events] of Object.entries(exported)) {
      if (!name.endsWith("Events")) continue;
      for (const [type, definition] of Object.entries(events as object)) {
        if (!("upcast" in definition)) continue;
        expect(definitions.get(type) ?? definition, `${file}: ${type} is another stream's, too`).toBe(
          definition,
        );
        definitions.set(type, definition as EventDefinition);
      }
    }
  }
  expect([...definitions.keys()].sort()).toEqual(Object.keys(shopEvents).sort());
});
