import { nameOf, paymentIdOf } from "../../commands/order/state.ts";
import { isOfPayment, type PaymentTask, type Task, takeUpAfterMs } from "./documents.ts";

/** Captures that the gateway refused; of more, staff is told, and nothing tries another. */
export const captureTriesMax = 12;

/** With an effect that an order owes elsewhere. */
export function opened(doc: Task | undefined, of: string, time: number): Task {
  const before = doc?.kind === "order" ? doc : { kind: "order" as const, open: [] };
  return { ...before, dueAt: time + takeUpAfterMs, open: [...before.open, of] };
}

/** The effect is applied, or goes on under another name. */
export function closed(doc: Task | undefined, of: string): Task | undefined {
  if (doc?.kind !== "order") return doc;
  const open = doc.open.filter((other) => other !== of);
  if (open.length > 0) return { ...doc, open };
  if (!doc.awaited) return undefined;
  return { ...doc, open, dueAt: Math.min(...Object.values(doc.awaited)) };
}

/** It is here, or need not come any more. */
export function here(doc: Task | undefined, name: string): Task | undefined {
  if (doc?.kind !== "order" || doc.awaited?.[name] === undefined) return doc;
  const { awaited, ...task } = doc;
  const { [name]: _, ...others } = awaited;
  const times = Object.values(others);
  if (times.length === 0) return task.open.length > 0 ? task : undefined;
  const dueAt = task.open.length > 0 ? task.dueAt : Math.min(...times);
  return { ...task, dueAt, awaited: others };
}

/** It has to be here by then. */
export function awaiting(doc: Task | undefined, name: string, time: string): Task {
  const before = doc?.kind === "order" ? doc : { kind: "order" as const, open: [], dueAt: 0 };
  const awaited = { ...before.awaited, [name]: Date.parse(time) };
  const dueAt = before.open.length > 0 ? before.dueAt : Math.min(...Object.values(awaited));
  return { ...before, dueAt, awaited };
}

export interface PaymentChange {
  close?: readonly string[];
  open?: Record<string, number>;
  /** A capture was refused then. */
  refused?: { reason: string; time: number };
  /** All is captured that has to be. */
  isCaptureOver?: boolean;
}

/** With some of a payment's open things closed and some opened. */
export function payment(
  doc: Task | undefined,
  { close = [], open = {}, refused, isCaptureOver = false }: PaymentChange,
): Task | undefined {
  const before: Omit<PaymentTask, "kind"> = isOfPayment(doc) ? doc : { dueAt: 0, open: {}, captureTries: 0 };
  const still = Object.entries(before.open).filter(([name]) => !close.includes(name));
  const now = { ...Object.fromEntries(still), ...open };
  const due = Object.values(now);
  const captureTries = isCaptureOver ? 0 : before.captureTries + Number(refused !== undefined);
  const refusal = isCaptureOver ? undefined : (refused?.reason ?? before.refusal);
  const task = { open: now, captureTries, ...(refusal !== undefined && { refusal }) };
  if (due.length > 0) return { ...task, kind: "payment", dueAt: Math.min(...due) };
  return captureTries > captureTriesMax
    ? { ...task, kind: "capture", dueAt: refused?.time ?? before.dueAt }
    : undefined;
}

export const refundOpens = ({ refundId }: { refundId: string }, dueAt: number): PaymentChange => ({
  open: { [`refund/${refundId}`]: dueAt },
});

/** Money of an order that was never placed: it is here, and could not be given back; or has gone back after all. */
export function kept(
  doc: Task | undefined,
  { id, data: { of }, time }: { id: string; data: { of: string }; time: number },
  unpaid: { amount: number; reason: string } | undefined,
): Task | undefined {
  if (!unpaid) return doc?.kind === "refund" && doc.neverPlaced ? undefined : doc;
  const refundId = nameOf(of).id.slice("refund/".length);
  return {
    kind: "refund",
    dueAt: doc?.dueAt ?? time,
    orderId: id,
    paymentId: nameOf(of).paymentId ?? paymentIdOf(id),
    refundId,
    ...unpaid,
    neverPlaced: true,
  };
}

interface Owing {
  id: string;
  data: { owed?: number | undefined; creditId?: string; reason?: string };
  time: number;
}

export function owing(doc: Task | undefined, { id, data, time }: Owing): Task | undefined {
  const { owed = 0, creditId, reason } = data;
  if (owed === 0) return undefined;
  const before = doc?.kind === "refund" ? doc : { kind: "refund" as const, dueAt: time, orderId: id };
  const failed = { ...(creditId !== undefined && { refundId: creditId }), ...(reason && { reason }) };
  return { ...before, ...failed, amount: owed };
}

/** While a payment's part of it still waits. */
export function approval(task: Extract<Task, { kind: "approval" }>): Task | undefined {
  const parts = Object.values(task.parts);
  return parts.length === 0 ? undefined : { ...task, amount: parts.reduce((sum, part) => sum + part, 0) };
}
