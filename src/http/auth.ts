import { createHmac, hash, timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { LRUCache } from "lru-cache";
import { atMost } from "../values/at-most.ts";
import { notFound, Problem } from "../values/problem.ts";

const knownTokensMax = 20_000;

/** A customer who is logged in. */
export interface CustomerPrincipal {
  kind: "customer";
  customerId: string;
  sessionId: string;
  /** Epoch milliseconds. */
  loginAt: number;
}

/** Who sends a request. A guest may hold a cart's token. */
export type Principal =
  | { kind: "staff" }
  | CustomerPrincipal
  | { kind: "guest"; cartToken: string | undefined };

/** Who is shown the same: of what everybody may read, a customer is shown what a guest is. */
export type Audience = "staff" | "guest";

export interface Auth {
  /** Finds out which customer a request's access token is of: before anything asks who sends it. */
  recognise(request: FastifyRequest): Promise<void>;
  /** @throws Problem unauthorized for a bearer token that is nobody's */
  principal(request: FastifyRequest): Principal;
  audience(request: FastifyRequest): Audience;
  /** @throws Problem unauthorized */
  requireCustomer(request: FastifyRequest): CustomerPrincipal;
  /** For what is answered in any case: credentials that are not valid are a guest's. */
  isStaff(request: FastifyRequest): boolean;
  /** @throws Problem unauthorized */
  requireStaff(request: FastifyRequest): void;
  /** Staff, or whoever holds the cart's token. @throws Problem unauthorized, forbidden */
  requireCart(request: FastifyRequest, cartId: string): void;
  cartToken(cartId: string): string;
  /**
   * The cart whose token a request shows, as far as that can be told without reading anything: the one that its path
   * names, or any whose token was shown before. A token that is nobody's is as good as none.
   */
  cartShown(request: FastifyRequest): string | undefined;
}

/** @param customers who an access token is of, as of now */
export function createAuth(
  secret: string,
  adminApiKey: string,
  customers: (token: string) => Promise<Omit<CustomerPrincipal, "kind"> | undefined>,
): Auth {
  const adminDigest = digest(adminApiKey);
  const cartToken = (cartId: string) =>
    createHmac("sha256", secret).update(`cart:${cartId}`).digest("base64url");

  /** Tokens that were found to be right, and their carts: the same is shown again and again. */
  const known = new LRUCache<string, string>(atMost(knownTokensMax));

  const opens = (token: string, cartId: string): boolean => {
    const cart = known.get(token);
    if (cart !== undefined) return cart === cartId;
    if (!timingSafeEqual(digest(token), digest(cartToken(cartId)))) return false;
    known.set(token, cartId);
    return true;
  };

  const recognised = new WeakMap<FastifyRequest, CustomerPrincipal>();

  const isStaff = (request: FastifyRequest): boolean => {
    const token = bearerOf(request);
    return token !== undefined && timingSafeEqual(digest(token), adminDigest);
  };

  const principal = (request: FastifyRequest): Principal => {
    if (request.headers.authorization === undefined)
      return { kind: "guest", cartToken: header(request, "cart-token") };
    if (isStaff(request)) return { kind: "staff" };
    const customer = recognised.get(request);
    if (!customer) throw new Problem("unauthorized", "the bearer token is not valid");
    return customer;
  };

  return {
    recognise: async (request) => {
      const token = bearerOf(request);
      if (token === undefined || !jwtPattern.test(token)) return;
      const customer = await customers(token);
      if (customer) recognised.set(request, { kind: "customer", ...customer });
    },
    principal,
    audience: (request) => (principal(request).kind === "staff" ? "staff" : "guest"),
    requireCustomer: (request) => customerAmong(principal(request)),
    isStaff,
    cartToken,
    requireStaff: (request) => {
      if (principal(request).kind !== "staff")
        throw new Problem("unauthorized", "this needs a staff API key as bearer token");
    },
    requireCart: (request, cartId) => {
      const who = principal(request);
      if (who.kind === "staff") return;
      if (who.kind === "customer") throw notFound("cart", cartId);
      if (who.cartToken === undefined) throw new Problem("unauthorized", "this needs the cart's Cart-Token");
      if (!opens(who.cartToken, cartId)) throw new Problem("forbidden", "the Cart-Token is not this cart's");
    },
    cartShown: (request) => {
      const token = header(request, "cart-token");
      if (token === undefined) return undefined;
      const { id } = (request.params ?? {}) as { id?: string };
      return known.get(token) ?? (id !== undefined && opens(token, id) ? id : undefined);
    },
  };
}

/** @throws Problem unauthorized */
function customerAmong(who: Principal): CustomerPrincipal {
  if (who.kind === "customer") return who;
  throw new Problem("unauthorized", "this needs a customer's access token as bearer token");
}

/** A signed token (RFC 7519), as far as it can be told by looking. */
const jwtPattern = /^[\w-]+\.[\w-]+\.[\w-]+$/;

function bearerOf({ headers: { authorization } }: FastifyRequest): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
}

export function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Of one length, so that comparing takes the same time whatever was sent. */
function digest(text: string): Buffer {
  return hash("sha256", text, "buffer");
}
