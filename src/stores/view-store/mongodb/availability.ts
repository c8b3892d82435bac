import type { MongoClient } from "mongodb";

/** A server that is away for less may be one that starts again, or another that takes its place: calls wait for it. */
const awayMsMin = 1_000;
/** While all are away, so often one call waits for a server all the same: the driver looks for one sooner then. */
const probeEveryMs = 1_000;

/** Whether no server at all can be reached, as the driver's monitors see it: each call would wait for one in vain. */
export class Availability {
  private awaySince: number | undefined;
  private nextProbeAt = 0;

  constructor(client: Pick<MongoClient, "on">) {
    client.on("topologyDescriptionChanged", ({ newDescription: { servers } }) => {
      const isReached = [...servers.values()].some(({ type }) => type !== "Unknown");
      if (isReached) this.awaySince = undefined;
      else this.awaySince ??= performance.now();
    });
  }

  /** Asked before each call. */
  isHopeless(): boolean {
    const now = performance.now();
    if (this.awaySince === undefined || now - this.awaySince < awayMsMin) return false;
    if (now < this.nextProbeAt) return true;
    this.nextProbeAt = now + probeEveryMs;
    return false;
  }
}
