/**
 * The hot store port: what is read so often that it is kept in memory, and what may be forgotten. It holds
 * nothing that the log cannot give back.
 */
export interface HotStore {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string, ttlMs: number): Promise<void>;
  /** @returns false, and changes nothing, when there is a value already */
  setIfAbsent(key: string, value: string, ttlMs: number): Promise<boolean>;
  delete(key: string): Promise<void>;

  getBlob(key: string): Promise<Uint8Array | undefined>;
  setBlob(key: string, value: Uint8Array): Promise<void>;

  /** Counts a hit in the window that is open for this key, or opens one. */
  hit(key: string, windowMs: number): Promise<{ count: number; resetsInMs: number }>;

  /** Puts a value in front of a list, once, and keeps the newest `max`. */
  pushRecent(key: string, value: string, max: number, ttlMs: number): Promise<void>;
  /** Newest first. */
  recent(key: string): Promise<string[]>;

  close(): Promise<void>;
}
