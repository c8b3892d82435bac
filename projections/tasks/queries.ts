import type { ColumnValue, ViewModel } from "../../src/stores/view-store/view-store.ts";
import { cartKey, isOfPayment, keyOf, paymentKey, type Task, type TaskKind } from "./documents.ts";

/** One thing to do: `id` is the cart, order (that owes money, too), payment, product, webhook or refund that it is about. */
export interface DueTask<K extends TaskKind = TaskKind> {
  key: string;
  kind: K;
  id: string;
  dueAt: number;
  /** What the log says about it. */
  reason: string | undefined;
  /** Of what is staff's: the order, and the money in minor units. */
  orderId?: string;
  paymentId?: string;
  refundId?: string;
  amount?: number;
}

export interface TaskPage<K extends TaskKind> {
  tasks: DueTask<K>[];
  /** Where the next page starts; null on the last one. */
  next: readonly ColumnValue[] | null;
}

/** Tasks of one kind, due by a time or all there are, earliest first. */
export async function tasksOf<K extends TaskKind>(
  model: ViewModel,
  kind: K,
  { dueBy, limit, after }: { dueBy?: number; limit: number; after?: readonly ColumnValue[] | undefined },
): Promise<TaskPage<K>> {
  const { items, next } = await model.find({
    where: [{ column: "kind", eq: kind }, ...(dueBy === undefined ? [] : [{ column: "dueAt", lte: dueBy }])],
    sort: [{ column: "dueAt" }],
    limit,
    ...(after && { after }),
  });
  return { tasks: items.map((item) => ({ ...toTask(item), kind })), next };
}

/** Whether something of this kind is open. */
export async function hasTask(model: ViewModel, kind: TaskKind, id: string): Promise<boolean> {
  const found = await model.get(keptAs(kind)({ id }));
  return found !== undefined && toTask(found).kind === kind;
}

/** A cart's tasks are one document, and a payment's. */
function keptAs(kind: TaskKind) {
  if (kind === "checkout") return cartKey;
  return kind === "capture" ? paymentKey : keyOf(kind);
}

function toTask({ key, json }: { key: string; json: string }): DueTask {
  const task = JSON.parse(json) as Task;
  const { kind, dueAt } = task;
  const known = { key, kind, id: key.slice(key.indexOf("/") + 1), dueAt };
  if (task.kind === "refund" || task.kind === "approval") {
    const { orderId, amount, paymentId, refundId, reason } = task;
    const ids = {
      ...(paymentId !== undefined && { paymentId }),
      ...(refundId !== undefined && { refundId }),
    };
    return { ...known, orderId, amount, reason, ...ids };
  }
  const reason = isOfPayment(task) && (kind === "capture" || task.open.recapture) ? task.refusal : undefined;
  return { ...known, reason };
}
