import { shopEvents } from "../../../commands/events.ts";
import { createCodec } from "../../../src/engine/codec.ts";
import { streamName } from "../../../src/engine/decider.ts";
import type { CommandContext, Engine } from "../../../src/engine/write/engine.ts";
import type { RecordedEvent } from "../../../src/stores/event-store/event-store.ts";

const codec = createCodec(shopEvents);

type Evolve = (state: unknown, data: unknown, context: { time: number }) => unknown;

interface AnyDecider {
  category: string;
  initial: () => unknown;
  evolve: Record<string, Evolve>;
  decide: Record<string, (state: unknown, command: unknown, context: { now: number }) => AnyEvent[]>;
}

interface AnyEvent {
  type: string;
  data: unknown;
}

interface Stream {
  state: unknown;
  revision: number;
  time: number;
  commands: Set<string>;
}

type Respond = (state: unknown, revision: number) => unknown;

/** Streams in memory: what the engine does of one process after the other, without its queues and its store. */
export class Streams {
  readonly log: RecordedEvent[] = [];
  private readonly streams = new Map<string, Stream>();
  private readonly heard: (event: RecordedEvent) => void;

  /** @param heard is told every event that is new */
  constructor(heard: (event: RecordedEvent) => void) {
    this.heard = heard;
  }

  /** @param pass what is waited for before each call */
  engine(pass: () => Promise<void>): Engine {
    const engine = {
      execute: async (
        decider: AnyDecider,
        id: string,
        name: string,
        command: unknown,
        context: CommandContext,
        respond: Respond = () => undefined,
      ) => {
        await pass();
        const stream = this.of(decider, id);
        const { commandId } = context;
        const repeated = stream.commands.has(commandId);
        const changed = !repeated && this.decide(decider, id, name, command, context);
        if (changed) stream.commands.add(commandId);
        const { state, revision } = stream;
        return { revision, position: "", repeated, changed, result: respond(state, revision) };
      },
      read: async (decider: AnyDecider, id: string, select: Respond) => {
        await pass();
        const { state, revision } = this.of(decider, id);
        return select(state, revision);
      },
    };
    return engine as unknown as Engine;
  }

  /** The state of a stream now. */
  state<State>(decider: { category: string; initial: () => State }, id: string): State {
    return this.of(decider as unknown as AnyDecider, id).state as State;
  }

  private of(decider: AnyDecider, id: string): Stream {
    const name = streamName(decider.category, id);
    const known = this.streams.get(name);
    if (known) return known;
    const stream: Stream = { state: decider.initial(), revision: -1, time: 0, commands: new Set() };
    this.streams.set(name, stream);
    return stream;
  }

  /** @returns whether anything came of it */
  private decide(
    decider: AnyDecider,
    id: string,
    name: string,
    command: unknown,
    context: CommandContext,
  ): boolean {
    const stream = this.of(decider, id);
    const time = Math.max(context.now, stream.time);
    const decided = decider.decide[name]?.(stream.state, command, { now: time }) ?? [];
    const events = decided.map(({ type, data }) => {
      const { json } = codec.encode(type, data);
      return { type, data: JSON.parse(json) };
    });
    let { state } = stream;
    for (const { type, data } of events) state = decider.evolve[type]?.(state, data, { time });
    stream.state = state;
    stream.time = time;
    for (const { type, data } of events) {
      const at = this.log.length;
      const event: RecordedEvent = {
        position: String(at + 1).padStart(16, "0"),
        stream: streamName(decider.category, id),
        revision: ++stream.revision,
        id: `e-${at}`,
        type,
        time,
        data,
        metadata: { time, commandId: context.commandId, correlationId: "c", actor: "test" },
      };
      this.log.push(event);
      this.heard(event);
    }
    return events.length > 0;
  }
}
