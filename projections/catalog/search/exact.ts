/** The slots of products by a text that one may be looked for by as a whole: a name, or a SKU. */
export class ExactTexts {
  readonly #slots = new Map<string, number | number[]>();

  add(text: string, slot: number): void {
    const others = this.#slots.get(text);
    if (others === undefined) this.#slots.set(text, slot);
    else if (typeof others === "number") this.#slots.set(text, [others, slot]);
    else others.push(slot);
  }

  /** Those of products that are gone included. */
  slotsOf(text: string): readonly number[] {
    const slots = this.#slots.get(text) ?? [];
    return typeof slots === "number" ? [slots] : slots;
  }

  /** @param slots the new slot of each old one; undefined for those that go */
  compacted(slots: readonly (number | undefined)[]): ExactTexts {
    const kept = new ExactTexts();
    for (const text of this.#slots.keys()) {
      for (const before of this.slotsOf(text)) {
        const slot = slots[before];
        if (slot !== undefined) kept.add(text, slot);
      }
    }
    return kept;
  }
}
