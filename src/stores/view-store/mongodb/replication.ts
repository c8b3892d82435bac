import type { Document, MongoClient } from "mongodb";

/** How far a secondary is behind the primary. */
export interface MemberLag {
  /** Host and port. */
  member: string;
  seconds: number;
}

interface Heard {
  isPrimary: boolean;
  /** Epoch milliseconds by the server's clock: its last write. */
  lastWriteAt: number;
  /** Epoch milliseconds by this process's clock. */
  heardAt: number;
}

/**
 * What every member says of itself each heartbeat, compared as the driver compares it for `maxStalenessSeconds`: each
 * member's last write against the time it was asked at, so that neither their clocks nor when each was asked count.
 * Members tell whole seconds.
 * https://github.com/mongodb/specifications/blob/master/source/max-staleness/max-staleness.md
 */
export function watchReplication(client: MongoClient, observe: (lags: readonly MemberLag[]) => void): void {
  const members = new Map<string, Heard>();
  client.on("serverHeartbeatSucceeded", ({ connectionId, reply }) => {
    const heard = heardIn(reply);
    if (!heard) return;
    members.set(connectionId, heard);
    observe(lagsOf(members));
  });
  client.on("serverHeartbeatFailed", ({ connectionId }) => members.delete(connectionId));
  client.on("serverClosed", ({ address }) => members.delete(address));
}

/** @returns undefined for what belongs to no replica set */
function heardIn(reply: Document): Heard | undefined {
  const { setName, secondary, isWritablePrimary, lastWrite } = reply;
  const lastWriteDate: unknown = lastWrite?.lastWriteDate;
  if (setName === undefined || !(lastWriteDate instanceof Date)) return undefined;
  if (isWritablePrimary !== true && secondary !== true) return undefined;
  return {
    isPrimary: isWritablePrimary === true,
    lastWriteAt: lastWriteDate.getTime(),
    heardAt: Date.now(),
  };
}

/** @returns none while there is no primary to compare with */
function lagsOf(members: ReadonlyMap<string, Heard>): MemberLag[] {
  const primary = [...members.values()].find(({ isPrimary }) => isPrimary);
  if (!primary) return [];
  const behindOf = ({ heardAt, lastWriteAt }: Heard): number => heardAt - lastWriteAt;
  return [...members]
    .filter(([, heard]) => !heard.isPrimary)
    .map(([member, heard]) => ({
      member,
      seconds: Math.max(0, behindOf(heard) - behindOf(primary)) / 1_000,
    }));
}
