import { accountEvents } from "./account/events.ts";
import { apiKeyEvents } from "./apikey/apikey.ts";
import { brandEvents } from "./brand/brand.ts";
import { cartEvents } from "./cart/events.ts";
import { categoryEvents } from "./category/events.ts";
import { claimEvents } from "./claim/claim.ts";
import { customerEvents } from "./customer/events.ts";
import { importEvents } from "./import/import.ts";
import { importedEvents } from "./imported/imported.ts";
import { keyEvents } from "./key/key.ts";
import { answerEvents } from "./key/stored-answer.ts";
import { logEvents } from "./log/log-state.ts";
import { orderEvents } from "./order/events.ts";
import { paymentEvents } from "./payment/events.ts";
import { productEvents } from "./product/product.ts";
import { importFileEvents, productImportEvents } from "./productimport/events.ts";
import { settingsEvents } from "./settings/settings.ts";
import { stockEvents } from "./stock/events.ts";
import { subscriptionEvents } from "./subscription/events.ts";
import { upgradeEvents } from "./upgrade/upgrade.ts";
import { webhookEvents } from "./webhook/webhook.ts";

/** Every event type of the shop, by name. */
export const shopEvents = {
  ...accountEvents,
  ...answerEvents,
  ...apiKeyEvents,
  ...brandEvents,
  ...cartEvents,
  ...categoryEvents,
  ...claimEvents,
  ...customerEvents,
  ...importedEvents,
  ...importEvents,
  ...importFileEvents,
  ...keyEvents,
  ...logEvents,
  ...orderEvents,
  ...paymentEvents,
  ...productEvents,
  ...productImportEvents,
  ...settingsEvents,
  ...stockEvents,
  ...subscriptionEvents,
  ...upgradeEvents,
  ...webhookEvents,
};

export type ShopEvents = typeof shopEvents;
