type Numbers = Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** A third of the room is idle at most, and each number was copied twice on the average. */
const growth = 1.5;

/** The array itself if it holds so many, else a copy with room for half as many more than before at least. */
export function roomFor<A extends Numbers>(array: A, length: number): A {
  if (length <= array.length) return array;
  const Type = array.constructor as new (length: number) => A;
  const larger = new Type(Math.max(length, Math.ceil(array.length * growth)));
  larger.set(array);
  return larger;
}
