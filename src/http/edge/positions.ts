import { createCipheriv, createDecipheriv, hash, hkdfSync } from "node:crypto";
import type { FastifyRequest } from "fastify";
import type { EventStore, Position } from "../../stores/event-store/event-store.ts";
import type { Problem } from "../../values/problem.ts";
import { pooledRandomBytes } from "../../values/random.ts";
import { header } from "../auth.ts";
import { invalid } from "../problems.ts";

const algorithm = "aes-256-gcm";
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const logBytes = 8;
const tokenCharactersMax = 200;

/**
 * Positions as clients hold them: opaque, for a position tells how many events a shop has, and authenticated, so
 * that only what was given out is waited for. A token names its log.
 */
export interface Positions {
  seal(position: Position): string;
  /**
   * The position that a request asks for with Min-Position; of another log's, such as one before a restore, where
   * the log ends now.
   * @throws Problem validation_failed for what `seal` has not given out
   */
  asked(request: FastifyRequest): Promise<Position | undefined>;
  /**
   * The position of a token, for who goes on reading the log from there.
   * @param name of where the token stands in the request
   * @throws Problem validation_failed for what `seal` has not given out, and for another log's: there is no going on from it
   */
  opened(name: string, token: string): Position;
}

export function createPositions(
  secret: string,
  { logId, head }: Pick<EventStore, "logId" | "head">,
): Positions {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "cartwright position", keyBytes));
  const log = hash("sha256", logId, "buffer").subarray(0, logBytes);
  /** Reads between two writes all tell the same. */
  let last: { position: Position; token: string } | undefined;

  const open = (name: string, token: string): { isOwn: boolean; position: Position } => {
    const bytes = Buffer.from(token, "base64url");
    if (token.length > tokenCharactersMax || bytes.length < nonceBytes + tagBytes + logBytes)
      throw unknown(name);
    const nonce = bytes.subarray(0, nonceBytes);
    const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
    decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
    try {
      const plain = Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]);
      const isOwn = plain.subarray(0, logBytes).equals(log);
      return { isOwn, position: plain.subarray(logBytes).toString("latin1") };
    } catch {
      throw unknown(name);
    }
  };

  return {
    seal(position) {
      if (last?.position === position) return last.token;
      // Random, not counted: a count would tell how much is written.
      const nonce = pooledRandomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
      const text = Buffer.concat([cipher.update(log), cipher.update(position, "latin1"), cipher.final()]);
      const token = Buffer.concat([nonce, cipher.getAuthTag(), text]).toString("base64url");
      last = { position, token };
      return token;
    },
    async asked(request) {
      const token = header(request, "min-position");
      if (token === undefined) return undefined;
      const { isOwn, position } = open("Min-Position", token);
      return isOwn ? position : head();
    },
    opened(name, token) {
      const { isOwn, position } = open(name, token);
      if (!isOwn) throw invalid([{ path: name, message: "a position of this log, not of one before it" }]);
      return position;
    },
  };
}

function unknown(name: string): Problem {
  return invalid([{ path: name, message: "a Position as an answer of this shop gave it" }]);
}
