import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";

export interface Received {
  /** As `webhook-id` gave it. */
  id: string;
  type: string;
  body: { id: string; type: string; timestamp: string; data: Record<string, unknown> };
  headers: Record<string, string>;
  text: string;
}

/** A system of somebody else: it takes webhooks as its owner would write it. */
export interface Receiver {
  url: string;
  /** All that came, those that it did not take included. */
  received: Received[];
  /** What it answers from now on; `hang` answers nothing. */
  answer: number | "hang" | { status: number; headers: Record<string, string> };
  /** Signatures are checked with it, by the library for it; what is not signed with it is answered 401. */
  secret: string | undefined;
  typesReceived(): string[];
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const server: Server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const headers = request.headers as Record<string, string>;
    const body = JSON.parse(text);
    received.push({ id: headers["webhook-id"] ?? "", type: body.type, body, headers, text });
    if (receiver.answer === "hang") return;
    const { status, headers: more } =
      typeof receiver.answer === "number" ? { status: receiver.answer, headers: {} } : receiver.answer;
    response.writeHead(isSigned(receiver.secret, text, headers) ? status : 401, more).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    answer: 204,
    secret: undefined,
    typesReceived: () => received.map(({ type }) => type),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return receiver;
}

function isSigned(secret: string | undefined, text: string, headers: Record<string, string>): boolean {
  if (secret === undefined) return true;
  try {
    new Webhook(secret).verify(text, headers);
    return true;
  } catch {
    return false;
  }
}
