/**
 * The hot store port: what is read so often that it is kept in memory, and what may be forgotten. It holds
 * nothing that the log cannot give back, and any call may be refused while the store is away.
 */
export interface HotStore {
  /**
   * Whether other processes write it too, and what was overwritten may come back (a failover that loses the
   * last second). What is kept in such a store is only as good as it is young.
   */
  readonly isShared: boolean;

  get(key: string): Promise<string | undefined>;
  set(key: string, value: string, ttlMs: number): Promise<void>;
  /** @returns false, and changes nothing, when there is a value already */
  setIfAbsent(key: string, value: string, ttlMs: number): Promise<boolean>;
  /** @returns false, and changes nothing, when there is another value than the expected one, or none any more */
  swap(key: string, expected: string, value: string, ttlMs: number): Promise<boolean>;
  delete(key: string): Promise<void>;

  /**
   * Keeps a value as of a place in the log. What is older never takes the place of what is newer: a value
   * lands only over one of an earlier position, over one of its own position that was not looked at later,
   * or over the mark of its own position.
   * @returns whether it is kept
   */
  setDated(key: string, value: DatedValue, ttlMs: number): Promise<boolean>;
  /**
   * Marks that there is something as of this position which is not here. What is kept of an earlier position
   * is gone, and whoever has read that one meanwhile cannot put it back while the mark lives.
   * @returns whether the mark stands; false when what is kept is of this position or a later one
   */
  markDated(key: string, position: string, ttlMs: number): Promise<boolean>;
  /** @returns undefined where nothing is kept but a mark, too */
  getDated(key: string): Promise<KeptValue | undefined>;

  getBlob(key: string): Promise<Uint8Array | undefined>;
  setBlob(key: string, value: Uint8Array): Promise<void>;

  /**
   * Runs a library's own script (Lua, one key) on the server, as one step; left out where there is no server that
   * runs scripts. A script that reads or writes other keys than its one does not work on a cluster.
   */
  readonly runScript?: RunScript;

  /** Puts a value in front of a list, once, and keeps the newest `max`. */
  pushRecent(key: string, value: string, max: number, ttlMs: number): Promise<void>;
  /** Newest first. */
  recent(key: string): Promise<string[]>;

  close(): Promise<void>;
}

/** A value, and where in the log it stands. Positions are of one width, and compared as text. */
export interface DatedValue {
  value: string;
  /** Of the newest event that is in the value. */
  position: string;
  /** How far the log had been looked at: no event up to here changes the value. */
  asOf: string;
}

export interface KeptValue extends DatedValue {
  /** Since it was kept, by the store's own clock. */
  ageMs: number;
}

export interface Script {
  /** What it is measured as. */
  name: string;
  lua: string;
}

export type RunScript = (script: Script, key: string, ...input: readonly string[]) => Promise<unknown>;
