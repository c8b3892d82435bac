/** Reads a message in protobuf's wire format (https://protobuf.dev/programming-guides/encoding/), field by field. */
export class MessageReader {
  private readonly bytesOfAll: Buffer;
  private at: number;
  private readonly end: number;
  /** The number of the field that `next` has come to; it is read, or skipped, before the next one. */
  field = 0;
  private wireType = 0;

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytesOfAll = bytes;
    this.at = at;
    this.end = end;
  }

  /** @returns false at the end of the message */
  next(): boolean {
    if (this.at >= this.end) return false;
    const tag = this.small();
    this.field = tag >>> 3;
    this.wireType = tag & 7;
    return true;
  }

  /** A field of type uint64 or int64, its bits taken as unsigned. */
  unsigned(): bigint {
    let [low, shift] = [0, 1];
    for (let count = 0; count < 7; count++) {
      const byte = this.byte();
      low += (byte & 0x7f) * shift;
      if (byte < 0x80) return BigInt(low);
      shift *= 128;
    }
    let value = BigInt(low);
    for (let bits = 49n; bits < 64n; bits += 7n) {
      const byte = this.byte();
      value += BigInt(byte & 0x7f) << bits;
      if (byte < 0x80) break;
    }
    return BigInt.asUintN(64, value);
  }

  /** Goes past a field of bytes, which end at `offset`. @returns where they begin */
  pass(): number {
    const length = this.small();
    const from = this.at;
    this.at += length;
    if (this.at > this.end) throw new RangeError("a message ends before one of its fields");
    return from;
  }

  /** Where the next field begins, or the message ends. */
  get offset(): number {
    return this.at;
  }

  text(): string {
    const from = this.pass();
    return this.bytesOfAll.toString("utf8", from, this.at);
  }

  message(): MessageReader {
    const from = this.pass();
    return new MessageReader(this.bytesOfAll, from, this.at);
  }

  skip(): void {
    switch (this.wireType) {
      case 0:
        this.unsigned();
        return;
      case 1:
        this.at += 8;
        return;
      case 2:
        this.pass();
        return;
      case 5:
        this.at += 4;
        return;
      default:
        throw new RangeError(`wire type ${this.wireType} is none of this protocol`);
    }
  }

  /** A tag or a length: less than 2^31. */
  private small(): number {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * shift;
      if (value >= 2 ** 31) throw new RangeError("a message has a field that is too long");
      if (byte < 0x80) return value;
    }
  }

  private byte(): number {
    const byte = this.bytesOfAll[this.at++];
    if (byte === undefined || this.at > this.end) throw new RangeError("a message ends within a field");
    return byte;
  }
}
