import { isIP, isIPv4 } from "node:net";
import { normalizeIP } from "@fastify/rate-limit";
import type { FastifyRequest } from "fastify";
import { LRUCache } from "lru-cache";
import { atMost } from "../../values/at-most.ts";

/** Of IPv6: what one household or server is given as a whole, and moves about in as it likes. */
const ipv6PrefixBits = 64;
const knownMax = 10_000;

/** Finding the prefix of an IPv6 address takes ten times as long as all else that counting takes. */
const known = new LRUCache<string, string>(atMost(knownMax));

/**
 * By what address a client is counted: IPv4 as it is, also where IPv6 wraps it, and the first 64 bits of IPv6. What a
 * proxy calls a client that is no address is the proxy's.
 */
export function clientAddress({ ip, socket }: FastifyRequest): string {
  return addressOf(isIP(ip) !== 0 ? ip : (socket.remoteAddress ?? ""));
}

/** The same of a connection. */
export function addressOf(ip: string): string {
  if (isIPv4(ip)) return ip;
  let address = known.get(ip);
  if (address === undefined) {
    address = normalizeIP(ip, ipv6PrefixBits);
    known.set(ip, address);
  }
  return address;
}
