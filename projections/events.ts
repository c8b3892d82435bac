import { answerEvents } from "../commands/answer/answer.ts";
import { cartEvents } from "../commands/cart/cart.ts";
import { claimEvents } from "../commands/claim/claim.ts";
import { importEvents } from "../commands/import/import.ts";
import { orderEvents } from "../commands/order/events.ts";
import { paymentEvents } from "../commands/payment/payment.ts";
import { productEvents } from "../commands/product/product.ts";
import { stockEvents } from "../commands/stock/stock.ts";

/** Every event type of the shop, by name. */
export const shopEvents = {
  ...answerEvents,
  ...cartEvents,
  ...claimEvents,
  ...importEvents,
  ...orderEvents,
  ...paymentEvents,
  ...productEvents,
  ...stockEvents,
};

export type ShopEvents = typeof shopEvents;
