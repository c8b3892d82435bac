import type { FastifyReply, FastifyRequest } from "fastify";
import { Problem } from "../../values/problem.ts";
import { clientAddress } from "./addresses.ts";
import { type Counted, type Counters, refusal, tightest } from "./counted.ts";

const minuteMs = 60_000;

/**
 * Failed logins are counted by who is meant, whether there is such an account or not, and by where they come from;
 * passwords that are set, by where that is asked from, for each takes a moment of a core.
 */
export const loginLimits = {
  login: { max: 10, windowMs: 15 * minuteMs },
  loginFrom: { max: 30, windowMs: 15 * minuteMs },
  code: { max: 5, windowMs: 15 * minuteMs },
  settingFrom: { max: 60, windowMs: 15 * minuteMs },
  mail: { max: 3, windowMs: 60 * minuteMs },
  mailFrom: { max: 10, windowMs: 60 * minuteMs },
} as const;

export interface LoginLimit {
  /**
   * Checks credentials, unless too many were wrong. Those that are being checked count as if they were: a burst does not
   * slip through side by side.
   * @param who is meant, and by which password: another one begins anew
   * @throws Problem rate_limited, before anything is checked
   */
  attempt<T>(request: FastifyRequest, reply: FastifyReply, who: string, check: () => Promise<T>): Promise<T>;
  /**
   * The same, of who has a link instead of a password: whoever was kept out by others may still set another one.
   * @throws Problem rate_limited
   */
  attemptByLink<T>(
    request: FastifyRequest,
    reply: FastifyReply,
    who: string,
    check: () => Promise<T>,
  ): Promise<T>;
  /** Sets a password. @throws Problem rate_limited where one place sets many */
  setting(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /**
   * Counts a message that somebody asks for.
   * @returns whether it may be sent: who has asked is not told
   * @throws Problem rate_limited where one place asks for many
   */
  mayMail(request: FastifyRequest, reply: FastifyReply, digest: string): Promise<boolean>;
}

type Watched = <T>(
  request: FastifyRequest,
  reply: FastifyReply,
  /** Keys that take a place while they are checked, and those that only have to have one left. */
  counted: { who: string; reserved: readonly string[]; looked: readonly string[] },
  check: () => Promise<T>,
) => Promise<T>;

export function createLoginLimit(counters: Counters): LoginLimit {
  const underWay = new Map<string, number>();
  const move = (key: string, by: 1 | -1) => {
    const left = (underWay.get(key) ?? 0) + by;
    if (left === 0) underWay.delete(key);
    else underWay.set(key, left);
  };
  const requireRoom = async (request: FastifyRequest, reply: FastifyReply, keys: readonly string[]) => {
    const counts = await Promise.all(
      keys.map(async (key): Promise<Counted> => {
        const counted = await counters.read(request, key);
        return { ...counted, isExceeded: counted.left <= Math.max(0, (underWay.get(key) ?? 0) - 1) };
      }),
    );
    const least = tightest(counts);
    // Which of them it is would tell whether a password was right.
    if (least.isExceeded)
      throw refusal(reply, { ...least, max: loginLimits.login.max, left: 0 }, "too many failed logins");
  };

  const watched: Watched = async (request, reply, { who, reserved, looked }, check) => {
    const from = `loginFrom:${clientAddress(request)}`;
    const keys = [...reserved, from];
    for (const key of keys) move(key, 1);
    try {
      await requireRoom(request, reply, [...keys, ...looked]);
      return await check();
    } catch (error) {
      if (error instanceof Problem && error.code === "invalid_credentials") {
        const what = error.extras.factor === "code" ? "code" : "login";
        await Promise.all([`${what}:${who}`, from].map((key) => counters.hit(request, key)));
      }
      throw error;
    } finally {
      for (const key of keys) move(key, -1);
    }
  };

  return {
    // Whether a code will be wrong is not known before the password is: as many as logins at once.
    attempt: (request, reply, who, check) =>
      watched(request, reply, { who, reserved: [`login:${who}`], looked: [`code:${who}`] }, check),
    attemptByLink: (request, reply, who, check) =>
      watched(request, reply, { who, reserved: [`code:${who}`], looked: [] }, check),

    async setting(request, reply) {
      const counted = await counters.hit(request, `settingFrom:${clientAddress(request)}`);
      if (counted.isExceeded)
        throw refusal(reply, counted, `at most ${counted.max} passwords are set from one place`);
    },
    async mayMail(request, reply, digest) {
      const from = await counters.hit(request, `mailFrom:${clientAddress(request)}`);
      if (from.isExceeded) throw refusal(reply, from, `at most ${from.max} messages an hour`);
      return !(await counters.hit(request, `mail:${digest}`)).isExceeded;
    },
  };
}
