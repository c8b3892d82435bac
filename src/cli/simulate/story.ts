import type { Answer, Payment, Told, Visit } from "./visit.ts";

/**
 * What happens, in a straight line. It yields how long it is until it goes on: 1 is a seventh of the week, a day unless
 * a shorter week is played.
 */
export type Acts<T = void> = AsyncGenerator<number, T, void>;

/** One kind of what happens in a shop. */
export interface Story {
  name: string;
  /** How often it happens, beside the others; 0 for what staff does on its own, once each day. */
  weight: number;
  play(visit: Visit): Acts;
}

export const card: Payment = { method: "credit_card", token: "tok_ok" };
export const token = (name: string): Payment => ({ method: "credit_card", token: `tok_${name}` });

/** Pieces on backorder, or a capture that was refused, are waited for so often. */
const shipTriesMax = 12;

/** A cart that becomes an order. */
export async function buy(
  visit: Visit,
  payment: Payment = card,
  { lines = 2, most = 3, shippingMethod = "standard" } = {},
): Promise<Told> {
  await visit.fill(lines, most);
  return (await visit.checkOut(payment, { shippingMethod })).body;
}

/** Ships some pieces, or all there are, as soon as they can be. @returns the shipment's id */
export async function* ship(visit: Visit, { id }: Told, lines?: readonly Piece[]): Acts<string> {
  yield 0.1 + visit.dice.next() * 0.3;
  for (let tries = 1; ; tries++) {
    const allowed = tries < shipTriesMax ? [201, 402, 409] : [201];
    const { status, body } = await tryToShip(visit, id, lines, allowed);
    if (status === 201) return body.shipmentId;
    yield 0.2;
  }
}

export function tryToShip(
  visit: Visit,
  id: string,
  lines: readonly Piece[] | undefined,
  allowed: readonly number[],
): Promise<Answer> {
  const carrier = visit.dice.pick(["Pigeon Post", "Snail Mail", "Night Train"]);
  const body = { ...(lines && { lines }), carrier, trackingNumber: `T${visit.dice.upTo(999_999)}` };
  return visit.staff(`/v1/orders/${id}/shipments`, body, allowed);
}

/** Ships all there is of an order, and it arrives. @returns the shipment's id */
export async function* fulfil(visit: Visit, order: Told): Acts<string> {
  const shipmentId = yield* ship(visit, order);
  yield* arrive(visit, order, shipmentId);
  return shipmentId;
}

export async function* arrive(visit: Visit, { id }: Told, shipmentId: string): Acts {
  yield 0.3 + visit.dice.next() * 0.5;
  await visit.staff(`/v1/orders/${id}/deliveries`, { shipmentId });
}

export interface Piece {
  lineId: number;
  quantity: number;
}

/** So many pieces of an order's first line. */
export const some = (quantity: number): Piece[] => [{ lineId: 1, quantity }];

/** All pieces of an order's lines, from one of them on. */
export const linesFrom = ({ lines }: Told, from = 0): Piece[] =>
  lines.slice(from).map(({ lineId, quantity }) => ({ lineId, quantity }));

/** The payment that an order was placed with. */
export function firstPayment({ payments: [first], id }: Told): string {
  if (!first) throw new Error(`order ${id} has no payment`);
  return first.id;
}
