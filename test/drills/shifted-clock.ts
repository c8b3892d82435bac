/** Loaded before a process: its clock, and that of its threads, is CLOCK_SHIFT_MS milliseconds off. */
const shiftMs = Number(process.env.CLOCK_SHIFT_MS ?? "0");
const RealDate = Date;
const now = () => RealDate.now() + shiftMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, given, newTarget) =>
    Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
  get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
});
