import type { PriceChange } from "../../../commands/product/fields.ts";
import type { Money } from "../../values/money.ts";
import type { Draft } from "./draft.ts";
import type { Reading } from "./format.ts";
import type { Row } from "./rows.ts";
import { asBadValue } from "./values.ts";

/**
 * What a variant costs, and what it is compared with: only what is above the price is, 0 or less says that there is no
 * sale.
 * @returns undefined where the row gives no price
 */
export function priceOf(draft: Draft, row: Row, reading: Reading, currency: string): PriceChange | undefined {
  const money = (text: string): Money => ({
    amount: asBadValue(() => reading.decimals(currency).price(text)),
    currency,
  });
  const price = draft.of(row, "price", money);
  const regular = draft.of(row, "compareAtPrice", money);
  if (!price) return undefined;
  const isSale = regular && regular.amount > price.amount;
  if (regular && !isSale && regular.amount > 0) draft.leaveOut(row, "compareAtPrice", "not above the price");
  return { price, ...(regular !== undefined && { compareAtPrice: isSale ? regular : null }) };
}
