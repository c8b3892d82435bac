import { connect, createServer, type Socket } from "node:net";
import { BSON, type Document } from "mongodb";
import { onTestFinished } from "vitest";

/** A command as it went over the wire: the documents of its sequences are in `items`. */
export interface WireCommand {
  name: string;
  body: Document;
  items: Document[];
}

/**
 * What becomes of a command: `pass`; `cut` closes the connection before the server sees it; `mute` lets the server
 * do it and closes the connection in place of its answer; a document is the answer, and the server sees nothing.
 */
export type Fate = "pass" | "cut" | "mute" | Document;

export interface Wire {
  /** Of the server, by way of the wire. */
  url: string;
  /** All that were sent, heartbeats left out. */
  commands: WireCommand[];
  /** Decides on each command that is not a heartbeat; awaited, so it can hold one back. */
  decide: (command: WireCommand) => Fate | Promise<Fate>;
  /** Told of the driver's greetings. */
  onHello: (body: Document) => void;
  /** From now on nobody is there: all connections are closed, and none is taken. */
  tear: () => void;
}

const headerBytes = 16;
const opMsg = 2013;
const opQuery = 2004;
const greetings = new Set(["hello", "ismaster", "isMaster"]);
const quiet = new Set([...greetings, "ping", "endSessions"]);

/** A wire between the driver and a server, which is read and may fail at any command. */
export async function wireTo(serverUrl: string): Promise<Wire> {
  const { hostname, port } = new URL(serverUrl);
  const wire: Wire = { url: "", commands: [], decide: () => "pass", onHello: () => {}, tear: () => {} };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ host: hostname, port: Number(port) });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    carry(wire, client, upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  wire.tear = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  onTestFinished(wire.tear);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the wire has no port");
  wire.url = `mongodb://127.0.0.1:${address.port}/?directConnection=true`;
  return wire;
}

function carry(wire: Wire, client: Socket, upstream: Socket): void {
  const muted = new Set<number>();
  onMessages(client, async (message) => {
    const command = commandOf(message);
    const fate = command === undefined ? "pass" : await told(wire, command);
    if (fate === "cut") return client.destroy();
    if (fate === "mute") muted.add(message.readInt32LE(4));
    if (typeof fate === "object") return client.write(answer(message.readInt32LE(4), fate));
    return upstream.write(message);
  });
  onMessages(upstream, async (message) => {
    if (muted.has(message.readInt32LE(8))) return client.destroy();
    return client.write(message);
  });
}

function told(wire: Wire, command: WireCommand): Fate | Promise<Fate> {
  if (greetings.has(command.name)) wire.onHello(command.body);
  if (quiet.has(command.name)) return "pass";
  wire.commands.push(command);
  return wire.decide(command);
}

/** One message after the other, each whole. */
function onMessages(socket: Socket, take: (message: Buffer) => Promise<unknown>): void {
  let pending: Buffer = Buffer.alloc(0);
  let turn: Promise<unknown> = Promise.resolve();
  socket.on("data", (data: Buffer) => {
    pending = Buffer.concat([pending, data]);
    while (pending.length >= headerBytes && pending.length >= pending.readInt32LE(0)) {
      const message = pending.subarray(0, pending.readInt32LE(0));
      pending = pending.subarray(message.length);
      turn = turn.then(() => take(message));
    }
  });
}

/** https://github.com/mongodb/specifications/blob/master/source/message/OP_MSG.md */
function commandOf(message: Buffer): WireCommand | undefined {
  const code = message.readInt32LE(12);
  // The first greeting is in the old form: flags, the collection's name, skip, limit, and the document.
  if (code === opQuery) return commandIn(BSON.deserialize(message.subarray(message.indexOf(0, 20) + 9)), []);
  if (code !== opMsg) return undefined;
  let body: Document = {};
  const items: Document[] = [];
  for (let at = headerBytes + 4; at < message.length; ) {
    const kind = message.readUInt8(at);
    const size = message.readInt32LE(at + 1);
    if (kind === 0) body = BSON.deserialize(message.subarray(at + 1, at + 1 + size));
    else items.push(...sequenceOf(message.subarray(at + 1, at + 1 + size)));
    at += 1 + size;
  }
  return commandIn(body, items);
}

function commandIn(body: Document, items: Document[]): WireCommand {
  return { name: Object.keys(body)[0] ?? "", body, items };
}

function sequenceOf(section: Buffer): Document[] {
  const documents: Document[] = [];
  for (let at = section.indexOf(0, 4) + 1; at < section.length; ) {
    const size = section.readInt32LE(at);
    documents.push(BSON.deserialize(section.subarray(at, at + size)));
    at += size;
  }
  return documents;
}

function answer(to: number, document: Document): Buffer {
  const body = BSON.serialize(document);
  const header = Buffer.alloc(headerBytes + 5);
  header.writeInt32LE(header.length + body.length, 0);
  header.writeInt32LE(to, 8);
  header.writeInt32LE(opMsg, 12);
  return Buffer.concat([header, body]);
}

/** The operations of a bulk, whether the driver sent them beside the command or in it. */
export function operationsOf({ name, body, items }: WireCommand): Document[] {
  if (items.length > 0) return items;
  const field = name === "insert" ? "documents" : "updates";
  return (body[field] as Document[] | undefined) ?? [];
}
