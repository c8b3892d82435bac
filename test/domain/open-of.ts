import type { Payment } from "../../commands/payment/state.ts";

/** What a payment's own stream says is open, by the names of its task. That its order has to hear of it is not in it. */
export function openOf(state: Payment): string[] {
  if (state.phase === "absent") return [];
  const refunds = [...state.refunds].filter(([, { status }]) => status === "pending");
  return [
    ...(state.capturing !== undefined ? ["capture"] : []),
    ...(state.givingBack !== undefined || state.releasing !== undefined ? ["void"] : []),
    ...(state.orphaned ? ["orphan"] : []),
    ...(state.stray !== undefined ? ["second"] : []),
    ...refunds.map(([name]) => `refund/${name}`),
  ].toSorted();
}
