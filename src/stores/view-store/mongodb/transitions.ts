import type { StoreUnavailable } from "../../event-store/event-store.ts";
import { specHash } from "../spec.ts";
import { ModelOutdated, type ModelSpec } from "../view-store.ts";
import type { Decided, Generation, GenerationState, SeenState } from "./catalog.ts";
import { away } from "./errors.ts";

/** What each call makes of a model's generations. All of it is decided on one document, which changes at once. */

type Change = Decided<Generation>;

/** @throws ModelOutdated when it is of another version, or has other columns, lists, indexes or settings */
export function liveOf(state: SeenState, spec: ModelSpec): Generation | undefined {
  const live = inState(state, "live");
  const own = live.find(({ version }) => version === spec.version);
  if (own !== undefined) return fitting(own, spec);
  const other = live.at(-1);
  if (other !== undefined) throw new ModelOutdated(spec.name, other.version, spec.version);
  return undefined;
}

/** @throws ModelOutdated */
export function previousOf(state: SeenState, spec: ModelSpec): Generation | undefined {
  const own = inState(state, "previous").find(({ version }) => version === spec.version);
  return own && fitting(own, spec);
}

function inState(state: SeenState, wanted: GenerationState): Generation[] {
  return state.generations
    .filter((each) => each.state === wanted)
    .sort((a, b) => a.generation - b.generation);
}

function fitting(generation: Generation, spec: ModelSpec): Generation {
  if (generation.shape === specHash(spec)) return generation;
  const outdated = new ModelOutdated(spec.name, generation.version, spec.version);
  outdated.message = `read model ${spec.name} is stored with other columns, lists, indexes or settings than this program's`;
  throw outdated;
}

/** A first generation, live at once; or the one that somebody else has made meanwhile. */
export function firstLive(state: SeenState, spec: ModelSpec): Change {
  const live = liveOf(state, spec);
  if (live !== undefined) return { result: live };
  const made = begun(state, spec, "live");
  return { generations: [...state.generations, made], result: made };
}

/** Drops what is filling or was rolled back: the last one who begins a generation is who fills it. */
export function begin(state: SeenState, spec: ModelSpec): Change {
  const made = begun(state, spec, "filling");
  const others = dropped(state, (each) => each.state === "filling" || each.state === "retired");
  return { generations: [...others, made], result: made };
}

function begun(state: SeenState, spec: ModelSpec, as: GenerationState): Generation {
  const generation = state.epoch + 1;
  return { generation, version: spec.version, shape: specHash(spec), state: as, indexed: false };
}

export function indexed(state: SeenState, generation: number): Change {
  const known = knownIn(state, generation);
  if (known.indexed) return { result: known };
  return changed(state, known, { indexed: true });
}

/**
 * Of its version the one that was live stays for a rollback. The version before stays live for processes that are
 * of it still, without its own one before; those before that go.
 */
export function promoted(state: SeenState, generation: number): Change {
  const known = knownIn(state, generation);
  if (known.state !== "filling") throw unavailable(state, generation, "is not one being filled");
  const versionBefore = inState(state, "live")
    .filter(({ version }) => version !== known.version)
    .at(-1)?.version;
  const kept = dropped(state, (each) => {
    if (each.state === "live") return each.version !== known.version && each.version !== versionBefore;
    return each.state === "previous" || each.state === "retired";
  });
  const live: Generation = { ...known, state: "live" };
  const generations = kept.map((each): Generation => {
    if (each.generation === generation) return live;
    const isReplaced = each.state === "live" && each.version === known.version;
    return isReplaced ? { ...each, state: "previous" } : each;
  });
  return { generations, result: live };
}

/** @param version of the model; the latest one that was promoted when it is not known */
export function rolledBack(state: SeenState, version: number | undefined): Decided<boolean> {
  const of = version ?? inState(state, "live").at(-1)?.version;
  const before = inState(state, "previous").find((each) => each.version === of);
  if (before === undefined) return { result: false };
  const generations = state.generations.map((each): Generation => {
    if (each === before) return { ...each, state: "live" };
    return each.state === "live" && each.version === of ? { ...each, state: "retired" } : each;
  });
  return { generations, result: true };
}

export function droppedOne(state: SeenState, generation: number): Change {
  const known = knownIn(state, generation);
  if (known.state === "live") {
    throw new TypeError(`generation ${generation} of ${state._id} is live and cannot be dropped`);
  }
  return { generations: dropped(state, (each) => each === known), result: known };
}

/** Those whose wait is over and whose collections are gone. */
export function swept(state: SeenState, gone: ReadonlySet<number>): Decided<void> {
  const generations = state.generations.filter(({ generation }) => !gone.has(generation));
  if (generations.length === state.generations.length) return { result: undefined };
  return { generations, result: undefined };
}

function dropped(state: SeenState, which: (generation: Generation) => boolean): Generation[] {
  return state.generations.map((each): Generation => {
    if (each.state === "dropped" || !which(each)) return each;
    return { ...each, state: "dropped", droppedAt: state.now };
  });
}

function changed(state: SeenState, generation: Generation, change: Partial<Generation>): Change {
  const result = { ...generation, ...change };
  const generations = state.generations.map((each) => (each === generation ? result : each));
  return { generations, result };
}

/** @throws StoreUnavailable when it is dropped */
export function knownIn(state: SeenState, generation: number): Generation {
  const known = state.generations.find((each) => each.generation === generation);
  if (known === undefined || known.state === "dropped") throw unavailable(state, generation, "was dropped");
  return known;
}

export function unavailable(state: SeenState, generation: number, why: string): StoreUnavailable {
  return away(`generation ${generation} of read model ${state._id} ${why}`);
}
