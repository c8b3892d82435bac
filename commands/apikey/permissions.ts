/**
 * What staff and keys may do, by name (CUSTOMERS.md, 6): a route asks for one, a key has some. Whoever makes a key can
 * give it what they have themselves, and no more.
 */
export const permissions = {
  products: "products, categories, brands, prices and their imports",
  stock: "what is in stock and what moves it",
  orders: "read orders, carts and payments",
  ship: "ship, deliver, take parcels and returned goods in",
  care: "cancel, edit, exchange, returns, notes, prices of single lines",
  refund: "move money: capture, void, refund, settle by hand",
  customers: "suspend customers and let them in again",
  privacy: "who did what, from where; messages that a sandbox has taken",
  analytics: "reports",
  admin: "keys, webhooks, the event feed, operations",
} as const;

export type Permission = keyof typeof permissions;
export const permissionNames = Object.keys(permissions) as [Permission, ...Permission[]];
