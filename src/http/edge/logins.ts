import type { FastifyReply, FastifyRequest } from "fastify";
import { Problem } from "../../values/problem.ts";
import { clientAddress } from "./addresses.ts";
import { type Counters, refusal, tightest } from "./counted.ts";

const minuteMs = 60_000;

/** Failed logins are counted by who is meant, whether there is such an account or not, and by where they come from. */
export const loginLimits = {
  login: { max: 10, windowMs: 15 * minuteMs },
  loginFrom: { max: 30, windowMs: 15 * minuteMs },
  code: { max: 5, windowMs: 15 * minuteMs },
  mail: { max: 3, windowMs: 60 * minuteMs },
  mailFrom: { max: 10, windowMs: 60 * minuteMs },
} as const;

export interface LoginLimit {
  /**
   * Checks credentials, unless too many were wrong.
   * @param digest of who is meant
   * @throws Problem rate_limited, before anything is checked
   */
  attempt<T>(
    request: FastifyRequest,
    reply: FastifyReply,
    digest: string,
    check: () => Promise<T>,
  ): Promise<T>;
  /**
   * Counts a message that somebody asks for.
   * @returns whether it may be sent: who has asked is not told
   * @throws Problem rate_limited where one place asks for many
   */
  mayMail(request: FastifyRequest, reply: FastifyReply, digest: string): Promise<boolean>;
}

export function createLoginLimit(counters: Counters): LoginLimit {
  const within = async (request: FastifyRequest, reply: FastifyReply, keys: readonly string[]) => {
    const least = tightest(
      await Promise.all(
        keys.map(async (key) => {
          const counted = await counters.read(request, key);
          return { ...counted, isExceeded: counted.left === 0 };
        }),
      ),
    );
    if (least.isExceeded) throw refusal(reply, least, `at most ${least.max} failed logins in 15 minutes`);
  };
  return {
    async attempt(request, reply, digest, check) {
      const from = `loginFrom:${clientAddress(request)}`;
      await within(request, reply, [`login:${digest}`, `code:${digest}`, from]);
      try {
        return await check();
      } catch (error) {
        if (error instanceof Problem && error.code === "invalid_credentials") {
          const what = error.extras.factor === "code" ? "code" : "login";
          await Promise.all([`${what}:${digest}`, from].map((key) => counters.hit(request, key)));
        }
        throw error;
      }
    },
    async mayMail(request, reply, digest) {
      const from = await counters.hit(request, `mailFrom:${clientAddress(request)}`);
      if (from.isExceeded) throw refusal(reply, from, `at most ${from.max} messages an hour`);
      return !(await counters.hit(request, `mail:${digest}`)).isExceeded;
    },
  };
}
