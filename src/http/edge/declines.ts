import type { FastifyReply, FastifyRequest } from "fastify";
import type { Auth } from "../auth.ts";
import { clientAddress } from "./addresses.ts";
import { type Counters, refusal, tightest } from "./counted.ts";

/** So many payments may be under way at once where none was declined within the hour. */
const undeclinedMax = 100;
/** Until another payment that is under way has been answered. */
const undecidedSeconds = 1;

/** One payment by a gateway, as its command sees the limit of declined ones. */
export interface Paying {
  /** Before the gateway is asked. @throws Problem rate_limited */
  begin(): Promise<void>;
  /** The gateway has said no. */
  declined(): Promise<void>;
}

/**
 * Carries out a command that asks a gateway for money. What gateways decline is counted by the cart and by the
 * client's address, against those who try out which of many cards are good; staff are not.
 * Once one was declined, payments under way count as if they would be: a burst cannot slip through side by side.
 */
export type WatchDeclines = <T>(
  request: FastifyRequest,
  reply: FastifyReply,
  cartId: string | undefined,
  pay: (paying: Paying) => Promise<T>,
) => Promise<T>;

const unwatched: Paying = { begin: async () => {}, declined: async () => {} };

export const watchNone: WatchDeclines = (_request, _reply, _cartId, pay) => pay(unwatched);

export function createDeclineLimit(counters: Counters, auth: Auth): WatchDeclines {
  const underWay = new Map<string, number>();
  const move = (key: string, by: 1 | -1) => {
    const left = (underWay.get(key) ?? 0) + by;
    if (left === 0) underWay.delete(key);
    else underWay.set(key, left);
  };

  return async (request, reply, cartId, pay) => {
    if (auth.isStaff(request)) return pay(unwatched);
    const address = `decline:address:${clientAddress(request)}`;
    const keys = cartId === undefined ? [address] : [`decline:cart:${cartId}`, address];
    let begun = false;
    const begin = async () => {
      // It takes its place before it looks: many that come at once do not all find room.
      begun = true;
      for (const key of keys) move(key, 1);
      const counts = await Promise.all(
        keys.map(async (key) => {
          const counted = await counters.read(request, key);
          const { max, left, resetsInSeconds } = counted;
          const others = (underWay.get(key) ?? 1) - 1;
          // Nobody has been declined yet: a shop's customers behind one address may all pay at once.
          const room = left < max ? left : Math.max(left, undeclinedMax);
          const waitsFor = left === 0 ? resetsInSeconds : undecidedSeconds;
          return { ...counted, isExceeded: room <= others, resetsInSeconds: waitsFor };
        }),
      );
      const least = tightest(counts);
      if (!least.isExceeded) return;
      begun = false;
      for (const key of keys) move(key, -1);
      throw refusal(reply, least, `at most ${least.max} declined payments an hour`);
    };
    const declined = async () => {
      await Promise.all(keys.map((key) => counters.hit(request, key)));
    };
    try {
      return await pay({ begin, declined });
    } finally {
      if (begun) for (const key of keys) move(key, -1);
    }
  };
}
