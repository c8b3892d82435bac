import { lookup } from "node:dns";
import { BlockList, isIP, isIPv4, type LookupFunction } from "node:net";

const urlCharactersMax = 2_000;

/** Of the registries of special addresses (RFC 6890 and IANA's): what is not for everybody to reach. */
const notPublicIpv4: readonly (readonly [network: string, prefix: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];
/** Only this is handed out at all; what else there is (loopback, link-local, mapped and translated IPv4) is outside. */
const globalUnicast = ["2000::", 3] as const;
/** Of it: tunnels, which lead to any IPv4 address, protocol assignments and examples. */
const notPublicIpv6: readonly (readonly [network: string, prefix: number])[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

const closed = new BlockList();
for (const [network, prefix] of notPublicIpv4) closed.addSubnet(network, prefix, "ipv4");
for (const [network, prefix] of notPublicIpv6) closed.addSubnet(network, prefix, "ipv6");
const open = new BlockList();
open.addSubnet(...globalUnicast, "ipv6");

/** Whether an IP address is for everybody to reach: not of this machine, this network or a special use. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !closed.check(address, "ipv4");
  return open.check(address, "ipv6") && !closed.check(address, "ipv6");
}

/**
 * @param allowPrivate also plain HTTP, and addresses of this machine and network
 * @returns why nothing is to be sent to this URL; undefined where that may be, as far as the URL tells
 */
export function whyNotUrl(text: string, allowPrivate: boolean): string | undefined {
  if (text.length > urlCharactersMax) return `at most ${urlCharactersMax} characters`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const protocols = allowPrivate ? ["https:", "http:"] : ["https:"];
  if (!url || !protocols.includes(url.protocol)) return "a URL that begins with https://";
  if (url.username !== "" || url.password !== "") return "a URL without a user name or password";
  if (url.hash !== "") return "a URL without a fragment";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (!allowPrivate && isIP(host) !== 0 && !isPublicAddress(host))
    return "a public address; WEBHOOK_PRIVATE_ADDRESSES=true allows others";
  return undefined;
}

/** A name that leads to addresses of this machine or network only. */
export class PrivateAddress extends Error {
  constructor(hostname: string) {
    super(`${hostname} has no public address`);
    this.name = "PrivateAddress";
  }
}

/** Looks a name up for a connection, which is then made to what was looked at here and nothing else. */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const [first, ...others] = (addresses ?? []).filter(({ address }) => isPublicAddress(address));
    if (error) callback(error, "");
    else if (!first) callback(new PrivateAddress(hostname), "");
    else if (options.all) callback(null, [first, ...others]);
    else callback(null, first.address, first.family);
  });
};
