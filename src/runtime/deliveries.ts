import { setTimeout as sleep } from "node:timers/promises";
import { type ListedEndpoint, listEndpoints } from "../../projections/subscriptions.ts";
import { createSender, type Sender, type Sent } from "../webhooks/send.ts";
import { endpointSecret, goodSecrets, signedHeaders } from "../webhooks/sign.ts";
import { Delivery, type DeliveryOptions, type Message } from "./delivery.ts";
import type { ReadModels } from "./read-models.ts";

/** Of a shop, those that are turned off included. */
export const endpointsMax = 100;
/** Two requests at once may make one more. */
const endpointsListed = 2 * endpointsMax;
/** How long after a change of an endpoint its deliveries go by it. */
const lookMs = 1_000;

export interface DeliveriesOptions extends Omit<DeliveryOptions, "send"> {
  models: ReadModels;
  /** The shop's: those of the endpoints are made of it. */
  secret: string;
  /** Also plain HTTP, and addresses of this machine and network. */
  allowPrivate: boolean;
}

type Signed = Pick<ListedEndpoint, "id" | "url" | "rotation" | "rotatedAt">;

/**
 * Tells other systems what happens: to each endpoint by itself, so that one which is slow or away holds up no other.
 * Two processes that do this at once do no harm: a message has one id, whoever sends it.
 */
export class Deliveries {
  private readonly options: DeliveriesOptions;
  private readonly sender: Sender;
  private readonly byId = new Map<string, Delivery>();
  private stopping = new AbortController();
  private looking: Promise<void> = Promise.resolve();

  constructor(options: DeliveriesOptions) {
    this.options = options;
    this.sender = createSender({ allowPrivate: options.allowPrivate });
  }

  /** Again after a stop, too. */
  start(): void {
    this.stopping = new AbortController();
    this.looking = this.look(this.stopping.signal);
  }

  /** Ends what is under way, and keeps how far it has come. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.looking;
    const all = [...this.byId.values()];
    this.byId.clear();
    await Promise.all(all.map((delivery) => delivery.stop()));
  }

  close(): void {
    this.sender.close();
  }

  secretOf(endpointId: string, rotation: number): string {
    return endpointSecret(this.options.secret, endpointId, rotation);
  }

  /** Signs a message and sends it, once. Never throws. */
  send(endpoint: Signed, { id, type, timestamp, data }: Message, signal?: AbortSignal): Promise<Sent> {
    const { secret, clock } = this.options;
    const now = clock();
    const body = JSON.stringify({ id, type, timestamp, data });
    const headers = {
      "content-type": "application/json",
      "user-agent": "Cartwright-Webhooks",
      ...signedHeaders({ id, body }, goodSecrets(secret, endpoint.id, endpoint, now), now),
    };
    return this.sender.send(endpoint.url, headers, body, signal);
  }

  private async look(signal: AbortSignal): Promise<void> {
    const { models, log } = this.options;
    while (!signal.aborted) {
      try {
        const page = { limit: endpointsListed };
        const { endpoints } = await listEndpoints(await models.model("subscriptions"), page);
        if (!signal.aborted) await this.follow(endpoints.filter(({ enabled }) => enabled));
      } catch (error) {
        log.warn({ err: error }, "whom to tell what happens cannot be seen");
      }
      await sleep(lookMs, undefined, { signal }).catch(() => {});
    }
  }

  private async follow(endpoints: readonly ListedEndpoint[]): Promise<void> {
    const ids = new Set(endpoints.map(({ id }) => id));
    const over = [...this.byId].filter(([id]) => !ids.has(id));
    for (const [id] of over) this.byId.delete(id);
    await Promise.all(over.map(([, delivery]) => delivery.stop()));
    for (const endpoint of endpoints) {
      const delivery = this.byId.get(endpoint.id);
      if (delivery) delivery.update(endpoint);
      else this.byId.set(endpoint.id, this.delivery(endpoint));
    }
  }

  private delivery(endpoint: ListedEndpoint): Delivery {
    const { feed, engine, clock, log } = this.options;
    const send: DeliveryOptions["send"] = (to, message, signal) => this.send(to, message, signal);
    return new Delivery({ feed, engine, clock, log, send }, endpoint);
  }
}
