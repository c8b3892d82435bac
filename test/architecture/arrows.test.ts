import { describe, expect, it } from "vitest";
import { importsOf, sources, textOf } from "./sources.ts";

/** Which rooms a room may import, by path prefix. `self` is always allowed. */
const allowed: { room: string; may: readonly string[] }[] = [
  {
    room: "commands/",
    may: [
      "commands/",
      "src/engine/",
      "src/gateways/gateway.ts",
      "src/stores/event-store/event-store.ts",
      "src/values/",
    ],
  },
  {
    room: "projections/",
    may: [
      "projections/",
      "commands/",
      "src/engine/decider.ts",
      "src/engine/projection.ts",
      "src/stores/view-store/view-store.ts",
      "src/values/",
    ],
  },
  {
    room: "src/engine/",
    may: [
      "src/engine/",
      "src/stores/event-store/event-store.ts",
      "src/stores/view-store/view-store.ts",
      "src/stores/hot-store/hot-store.ts",
      "src/values/",
    ],
  },
  { room: "src/stores/event-store/", may: ["src/stores/event-store/", "src/values/"] },
  {
    room: "src/stores/view-store/",
    may: [
      "src/stores/view-store/",
      "src/stores/sqlite.ts",
      "src/stores/event-store/event-store.ts",
      "src/values/",
    ],
  },
  {
    room: "src/stores/vault/",
    may: [
      "src/stores/vault/",
      "src/stores/sqlite.ts",
      "src/stores/event-store/event-store.ts",
      "src/stores/view-store/mongodb/",
      "src/values/",
    ],
  },
  { room: "src/privacy/", may: ["src/privacy/", "src/stores/vault/vault.ts", "src/values/"] },
  { room: "src/mail/", may: ["src/mail/", "src/values/"] },
  // Who somebody is, whoever asks over whatever.
  {
    room: "src/identity/",
    may: [
      "src/identity/",
      "commands/",
      "src/engine/",
      "src/mail/",
      "src/privacy/",
      "src/stores/hot-store/hot-store.ts",
      "src/stores/vault/vault.ts",
      "src/values/",
    ],
  },
  { room: "src/stores/hot-store/", may: ["src/stores/hot-store/", "src/values/"] },
  { room: "src/webhooks/", may: ["src/webhooks/"] },
  { room: "src/gateways/", may: ["src/gateways/", "src/values/"] },
  {
    room: "src/telemetry/",
    may: ["src/telemetry/", "src/stores/", "src/engine/read/projector.ts", "src/config.ts", "package.json"],
  },
  // What a shop builds knows the API, and nothing of how it is made.
  { room: "examples/", may: ["examples/", "client/index.js"] },
];

describe("the arrows between the rooms", () => {
  for (const { room, may } of allowed) {
    it(`${room} imports only what it may`, () => {
      const files = sources(room);
      expect(files.length).toBeGreaterThan(0);
      const strays = files.flatMap((file) =>
        importsOf(file)
          .filter((path) => !may.some((prefix) => path.startsWith(prefix)))
          .map((path) => `${file} -> ${path}`),
      );
      expect(strays).toEqual([]);
    });
  }

  it("nothing on the write side reads a read model", () => {
    const strays = sources("commands").flatMap((file) =>
      importsOf(file).filter((path) => path.startsWith("projections/") || path.includes("view-store")),
    );
    expect(strays).toEqual([]);
  });

  /** What a projection may ask of the write side, beside its events. */
  const pureQuestions = [
    ...["paymentIdOf", "statusOf", "paymentStatusOf", "receivedStatusOf", "nameOf", "isUnderWay"],
    ...["refundableIn", "withMore"],
  ];

  /** What its events name things by. */
  const words = ["paymentMethods", "deliveryOutcomes", "refundCauses", "returnReasons"];

  it("a projection knows events of the write side, and none of its decisions", () => {
    const strays = sources("projections").flatMap((file) => {
      const text = textOf(file);
      return [...text.matchAll(/import (?!type)\{([^}]*)\} from "(?:\.\.\/)+commands\/[^"]*"/g)]
        .flatMap(([, names = ""]) => names.split(","))
        .map((name) => name.trim())
        .filter((name) => name !== "" && !name.startsWith("type ") && !name.endsWith("Events"))
        .filter((name) => ![...pureQuestions, ...words].includes(name))
        .map((name) => `${file}: ${name}`);
    });
    expect(strays).toEqual([]);
  });
});
