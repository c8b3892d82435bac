import { answerEvents } from "./answer/answer.ts";
import { cartEvents } from "./cart/cart.ts";
import { claimEvents } from "./claim/claim.ts";
import { importEvents } from "./import/import.ts";
import { orderEvents } from "./order/events.ts";
import { paymentEvents } from "./payment/payment.ts";
import { productEvents } from "./product/product.ts";
import { stockEvents } from "./stock/stock.ts";

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
