/**
 * News of how far something has come: the log with an append, a read model with a batch. They are told so that
 * others need not look all the time, and may be lost: who must know looks by itself every now and then, and
 * more often while `state()` is away.
 */
export interface News {
  /**
   * Tells everybody who listens, in whichever process, this one too. While one is being told only the newest of
   * what follows waits: a position says all that the earlier ones did. Never fails.
   */
  publish(position: string): void;
  /**
   * @param listener must not throw; positions may come twice, late, or never
   * @returns what ends it
   */
  subscribe(listener: (position: string) => void): () => void;
  /** `away` while what is published may reach nobody, or what others publish may not be heard. */
  state(): "ready" | "away";
  close(): Promise<void>;
}
