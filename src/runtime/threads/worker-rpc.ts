import type { MessagePort, Worker } from "node:worker_threads";

/** Calls between a thread and its worker. Messages hold names, numbers and text, never large objects. */
type Message =
  | { kind: "call"; id: number; name: string; input: unknown }
  | { kind: "answer"; id: number; output: unknown }
  | { kind: "failure"; id: number; error: Pick<Error, "name" | "message" | "stack"> }
  | { kind: "event"; name: string; data: unknown };

export type Handlers = Readonly<Record<string, (input: never) => unknown>>;

/** In the worker: answers calls, and @returns how to tell the thread that started it something. */
export function serve(port: MessagePort, handlers: Handlers): (name: string, data: unknown) => void {
  const post = (message: Message) => port.postMessage(message);
  port.on("message", async (message: Message) => {
    if (message.kind !== "call") return;
    const { id, name, input } = message;
    try {
      const handler = handlers[name];
      if (!handler) throw new Error(`the worker does not know ${name}`);
      post({ kind: "answer", id, output: await handler(input as never) });
    } catch (error) {
      post({ kind: "failure", id, error: toldError(error) });
    }
  });
  return (name, data) => post({ kind: "event", name, data });
}

/** What of an error crosses to the other thread: its class does not. */
function toldError(error: unknown): Pick<Error, "name" | "message" | "stack"> {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return { name, message, ...(stack !== undefined && { stack }) };
}

export interface WorkerClient {
  call<T>(name: string, input?: unknown): Promise<T>;
  /** Ends the worker at once; calls under way fail. */
  terminate(): Promise<void>;
}

/** For the thread that started a worker. `onEvent` receives what the worker tells by itself. */
export function clientOf(
  worker: Worker,
  onEvent: (name: string, data: unknown) => void,
  onDeath: (error: Error) => void,
): WorkerClient {
  const waiting = new Map<number, { resolve: (output: never) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  let dead: Error | undefined;
  const die = (error: Error) => {
    dead ??= error;
    for (const { reject } of waiting.values()) reject(dead);
    waiting.clear();
  };
  worker.on("message", (message: Message) => {
    if (message.kind === "event") return onEvent(message.name, message.data);
    if (message.kind === "call") return;
    const caller = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.kind === "answer") caller?.resolve(message.output as never);
    else caller?.reject(Object.assign(new Error(message.error.message), message.error));
  });
  worker.on("error", (cause) => {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    die(error);
    onDeath(error);
  });
  worker.on("exit", (code) => die(new Error(`the worker ended with code ${code}`)));
  return {
    call: (name, input) =>
      new Promise((resolve, reject) => {
        if (dead) return reject(dead);
        const id = ++lastId;
        waiting.set(id, { resolve: resolve as (output: never) => void, reject });
        worker.postMessage({ kind: "call", id, name, input } satisfies Message);
      }),
    terminate: async () => {
      await worker.terminate();
    },
  };
}
