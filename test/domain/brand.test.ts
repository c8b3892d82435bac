import { describe, test } from "vitest";
import { type BrandEvent, brands } from "../../commands/brand/brand.ts";
import { given } from "./given.ts";

const created = (brandId: string, name: string): BrandEvent => ({
  type: "BrandCreated",
  data: { brandId, name },
});
const renamed = (name: string): BrandEvent => ({ type: "BrandRenamed", data: { brandId: "l", name } });
const retired: BrandEvent = { type: "BrandRetired", data: { brandId: "l" } };
const levis = created("l", "Levi's");

describe("a brand", () => {
  test("is created once, and alone has its name, however that is written", () => {
    given(brands, []).when("Create", { brandId: "l", name: "Levi's" }).then([levis]);
    given(brands, [levis]).when("Create", { brandId: "l", name: "Levi's" }).then([]);
    given(brands, [levis])
      .when("Create", { brandId: "x", name: "LEVI’S " })
      .refused("already_exists", { brandId: "l" });
    given(brands, [levis]).when("Ensure", { brandId: "x", name: "levi’s" }).then([]);
    given(brands, [levis])
      .when("Ensure", { brandId: "x", name: "Acme" })
      .then([created("x", "Acme")]);
  });

  test("is renamed to what no other has", () => {
    given(brands, [levis])
      .when("Rename", { brandId: "l", name: "LEVI'S" })
      .then([renamed("LEVI'S")]);
    given(brands, [levis]).when("Rename", { brandId: "l", name: "Levi's" }).then([]);
    given(brands, [levis, created("a", "Acme")])
      .when("Rename", { brandId: "l", name: "acme" })
      .refused("already_exists", { brandId: "a" });
    given(brands, [levis, renamed("Levi Strauss")])
      .when("Create", { brandId: "x", name: "Levi's" })
      .then([created("x", "Levi's")]);
    given(brands, []).when("Rename", { brandId: "l", name: "N" }).refused("not_found");
  });

  test("is retired once, and its name is free then", () => {
    given(brands, [levis]).when("Retire", { brandId: "l" }).then([retired]);
    given(brands, [levis, retired]).when("Retire", { brandId: "l" }).then([]);
    given(brands, [levis, retired]).when("Rename", { brandId: "l", name: "N" }).refused("illegal_transition");
    given(brands, [levis, retired])
      .when("Create", { brandId: "x", name: "Levi's" })
      .then([created("x", "Levi's")]);
  });
});
