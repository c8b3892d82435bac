import { openEmbeddedEventStore } from "../../src/stores/event-store/embedded/log.ts";
import { noStream } from "../../src/stores/event-store/event-store.ts";
import { newId } from "../../src/values/ids.ts";

/** Appends to four streams for ever and says on stdout what was acknowledged: `stream revision position`. */
const [, , directory = "", threaded] = process.argv;
const store = openEmbeddedEventStore({ directory, threaded: threaded === "true" });

async function appendForEver(stream: string): Promise<void> {
  for (let revision = noStream; ; ) {
    const events = [1, 2].map((n) => ({
      id: newId(),
      type: "Noted",
      data: JSON.stringify({ n, text: "x".repeat(500) }),
      metadata: { time: 0, commandId: newId(), correlationId: "", actor: "test" },
    }));
    const result = await store.append(stream, revision, events);
    revision = result.revision;
    process.stdout.write(`${stream} ${revision} ${result.position}\n`);
  }
}

await Promise.all(["a-1", "a-2", "b-1", "b-2"].map(appendForEver));
