export interface Piece {
  readonly sku: string;
  readonly quantity: number;
}

/** Pieces of an order that stock did not count when they left: those that are still out, and those that came back. */
export interface Uncounted {
  readonly out: readonly Piece[];
  readonly back: readonly Piece[];
}

export const nothingUncounted: Uncounted = { out: [], back: [] };

/** What events of an order do to it, for the decider and the read model alike. */
export const uncountedEvents = {
  EffectsApplied: (
    before: Uncounted | undefined,
    { uncounted = [] }: { uncounted?: readonly Piece[] | undefined },
  ): Uncounted => ({
    out: uncounted.reduce(plus, before?.out ?? []),
    back: before?.back ?? [],
  }),
  ShipmentReturned: cameBack,
  ReturnReceived: cameBack,
  ReturnInspected: cameBack,
};

interface FoundPieces {
  readonly sku: string;
  readonly sellable: number;
  readonly damaged: number;
}

/** Those that are out uncounted come back first. @returns also the lines, with what is not to be restocked of each */
function cameBack<L extends FoundPieces>(before: Uncounted, { lines }: { lines: readonly L[] }) {
  let uncounted = before;
  const found = lines.map((line) => {
    const { sku, sellable, damaged } = line;
    const out = uncounted.out.find((piece) => piece.sku === sku)?.quantity ?? 0;
    const notRestocked = Math.min(out, sellable + damaged);
    if (notRestocked === 0) return line;
    uncounted = {
      out: plus(uncounted.out, { sku, quantity: -notRestocked }),
      back: plus(uncounted.back, { sku, quantity: notRestocked }),
    };
    return { ...line, notRestocked };
  });
  return { uncounted, lines: found };
}

function plus(pieces: readonly Piece[], { sku, quantity }: Piece): readonly Piece[] {
  const before = pieces.find((piece) => piece.sku === sku)?.quantity ?? 0;
  const others = pieces.filter((piece) => piece.sku !== sku);
  return before + quantity === 0 ? others : [...others, { sku, quantity: before + quantity }];
}
