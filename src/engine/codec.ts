import type { RecordedEvent } from "../stores/event-store/event-store.ts";
import type { EventDefinition, EventMap } from "./decider.ts";

/** An event that is not in the catalogue or does not fit its schema. */
export class UndecodableEvent extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UndecodableEvent";
  }
}

export interface EncodedEvent {
  /** The data as a reader will see it: validated, with the schema's defaults. */
  data: unknown;
  json: string;
  /** Left out for version 1. */
  schemaVersion?: number;
}

export interface Codec {
  /** @throws UndecodableEvent when the data does not fit the schema: a decider's bug, nothing is stored */
  encode(type: string, data: unknown): EncodedEvent;
  /** @returns the data in the newest version. Stored data was validated when it was written. */
  decode(event: RecordedEvent): unknown;
  knows(type: string): boolean;
}

/** @throws Error when two maps define one event type */
export function createCodec(...maps: readonly EventMap[]): Codec {
  const definitions = new Map<string, EventDefinition>();
  for (const map of maps) {
    for (const [type, definition] of Object.entries(map)) {
      if (definitions.has(type)) throw new Error(`event type ${type} is defined twice`);
      definitions.set(type, definition);
    }
  }
  const definitionOf = (type: string): EventDefinition => {
    const definition = definitions.get(type);
    if (!definition) throw new UndecodableEvent(`event type ${type} is not known`);
    return definition;
  };

  return {
    encode(type, data) {
      const { schema, version } = definitionOf(type);
      const checked = schema.safeParse(data);
      if (!checked.success)
        throw new UndecodableEvent(`${type} does not fit its schema: ${checked.error.message}`);
      const json = JSON.stringify(checked.data);
      return { data: checked.data, json, ...(version > 1 && { schemaVersion: version }) };
    },
    decode(event) {
      const { version, upcast } = definitionOf(event.type);
      let data = event.data;
      // Metadata of log reads costs a look-up, and a type that never changed has nothing to upcast.
      if (version === 1) return data;
      const written = event.metadata.schemaVersion ?? 1;
      if (written > version)
        throw new UndecodableEvent(`${event.type} has version ${written}, known is up to ${version}`);
      for (let from = written; from < version; from++) {
        const step = upcast[from];
        if (!step) throw new UndecodableEvent(`${event.type} cannot be upcast from version ${from}`);
        data = step(data);
      }
      return data;
    },
    knows: (type) => definitions.has(type),
  };
}
