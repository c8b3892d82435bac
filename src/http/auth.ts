import { createHmac, hash, timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { Problem } from "../values/problem.ts";

/** Who sends a request. A guest may hold a cart's token. */
export type Principal = { kind: "staff" } | { kind: "guest"; cartToken: string | undefined };

export interface Auth {
  principal(request: FastifyRequest): Principal;
  /** For what is answered in any case: credentials that are not valid are a guest's. */
  isStaff(request: FastifyRequest): boolean;
  /** @throws Problem unauthorized */
  requireStaff(request: FastifyRequest): void;
  /** Staff, or whoever holds the cart's token. @throws Problem unauthorized, forbidden */
  requireCart(request: FastifyRequest, cartId: string): void;
  cartToken(cartId: string): string;
}

export function createAuth(secret: string, adminApiKey: string): Auth {
  const adminDigest = digest(adminApiKey);
  const cartToken = (cartId: string) =>
    createHmac("sha256", secret).update(`cart:${cartId}`).digest("base64url");

  const isStaff = ({ headers: { authorization } }: FastifyRequest): boolean => {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
    return token !== undefined && timingSafeEqual(digest(token), adminDigest);
  };

  const principal = (request: FastifyRequest): Principal => {
    if (request.headers.authorization === undefined)
      return { kind: "guest", cartToken: header(request, "cart-token") };
    if (!isStaff(request)) throw new Problem("unauthorized", "the bearer token is not valid");
    return { kind: "staff" };
  };

  return {
    principal,
    isStaff,
    cartToken,
    requireStaff: (request) => {
      if (principal(request).kind !== "staff")
        throw new Problem("unauthorized", "this needs a staff API key as bearer token");
    },
    requireCart: (request, cartId) => {
      const who = principal(request);
      if (who.kind === "staff") return;
      if (who.cartToken === undefined) throw new Problem("unauthorized", "this needs the cart's Cart-Token");
      if (!timingSafeEqual(digest(who.cartToken), digest(cartToken(cartId))))
        throw new Problem("forbidden", "the Cart-Token is not this cart's");
    },
  };
}

export function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Of one length, so that comparing takes the same time whatever was sent. */
function digest(text: string): Buffer {
  return hash("sha256", text, "buffer");
}
