import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressesMax, customer, restoredWithinMs } from "../../commands/customer/customer.ts";
import { addressUsages, addressUses } from "../../commands/customer/events.ts";
import { type Customer, fits } from "../../commands/customer/state.ts";
import { given } from "./given.ts";

const data = { emailRef: "REF", email: "s1.email", keyId: "KEY" };
const registered = { type: "CustomerRegistered", data, at: 1 } as const;
const address = (addressId: string, usage: (typeof addressUsages)[number] = "both") => ({
  ...{ addressId, label: "home" as const, usage, country: "GB", address: `s1.${addressId}` },
});
const added = (...which: Parameters<typeof address>) =>
  ({ type: "AddressAdded", data: address(...which) }) as const;
const isDefault = (use: "shipping" | "billing", addressId: string) =>
  ({ type: "DefaultAddressSet", data: { use, addressId } }) as const;
const consent = { purpose: "newsletter", basis: "consent", textVersion: "v1" } as const;

describe("registering", () => {
  const nothing = { profile: {}, preferences: {}, consents: [] };

  test("says what was told, and nothing that was not", () => {
    given(customer, [])
      .when("Register", { ...data, ...nothing })
      .then([{ type: "CustomerRegistered", data }]);
    given(customer, [])
      .when("Register", {
        ...data,
        profile: { firstName: "s1.a" },
        preferences: { language: "de" },
        consents: [consent],
      })
      .then([
        { type: "CustomerRegistered", data },
        { type: "ProfileChanged", data: { firstName: "s1.a" } },
        { type: "PreferencesChanged", data: { language: "de" } },
        { type: "ConsentGranted", data: consent },
      ]);
  });

  test("is done once", () => {
    given(customer, [registered])
      .when("Register", { ...data, ...nothing })
      .refused("token_invalid");
  });
});

describe("a profile", () => {
  test("changes by what is news", () => {
    const past = [
      registered,
      { type: "ProfileChanged", data: { firstName: "s1.a", phone: "s1.p" } } as const,
    ];
    given(customer, past)
      .when("Change", { profile: { firstName: "s1.a", lastName: null, phone: null }, preferences: {} })
      .then([{ type: "ProfileChanged", data: { phone: null } }]);
    given(customer, past)
      .when("Change", { profile: { firstName: "s1.a" }, preferences: {} })
      .then([]);
  });

  test("of nobody is none", () => {
    given(customer, []).when("Change", { profile: {}, preferences: {} }).refused("not_found");
  });
});

describe("addresses", () => {
  test("the first that fits a use is its default", () => {
    given(customer, [registered])
      .when("AddAddress", address("a", "billing"))
      .then([added("a", "billing"), isDefault("billing", "a")]);
    given(customer, [registered, added("a", "billing"), isDefault("billing", "a")])
      .when("AddAddress", address("b"))
      .then([added("b"), isDefault("shipping", "b")]);
  });

  test("of a default that is removed, the newest that fits takes the place", () => {
    const past = [
      registered,
      ...[added("a"), isDefault("shipping", "a"), isDefault("billing", "a")],
      ...[added("b", "shipping"), added("c", "shipping")],
    ];
    given(customer, past)
      .when("RemoveAddress", { addressId: "a" })
      .then([
        { type: "AddressRemoved", data: { addressId: "a" } },
        isDefault("shipping", "c"),
        { type: "DefaultAddressSet", data: { use: "billing" } },
      ]);
  });

  test("are as many as there may be", () => {
    const many = Array.from({ length: addressesMax }, (_, n) => added(`a${n}`));
    given(customer, [registered, ...many])
      .when("AddAddress", address("more"))
      .refused("limit_reached");
    given(customer, [registered, ...many])
      .when("AddAddress", address("a3"))
      .then([]);
  });

  test("whatever is done, each use has one default exactly while an address fits it", () => {
    const id = fc.constantFrom("a", "b", "c", "d");
    const usage = fc.constantFrom(...addressUsages);
    const step = fc.oneof(
      fc.record({ name: fc.constantFrom("AddAddress", "ChangeAddress"), id, usage }),
      fc.record({ name: fc.constant("RemoveAddress"), id, usage }),
      fc.record({ name: fc.constant("SetDefaults"), id, usage }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        let state = customer.evolve.CustomerRegistered({ phase: "absent" }, data, { time: 1 });
        for (const { name, id: addressId, usage: fitting } of steps) {
          const command = name === "SetDefaults" ? { shipping: addressId } : address(addressId, fitting);
          let events: { type: string; data: unknown }[] = [];
          try {
            events = customer.decide[name as "AddAddress"](state, command as ReturnType<typeof address>);
          } catch {
            // Refused.
          }
          for (const event of events)
            state = customer.evolve[event.type as "AddressAdded"](state, event.data as never, { time: 2 });
          const { addresses, defaults } = (state as { customer: Customer }).customer;
          for (const use of addressUses) {
            const fit = addresses.filter((each) => fits(each.usage, use)).map((each) => each.addressId);
            if (fit.length > 0) expect(fit).toContain(defaults[use]);
            else expect(defaults[use]).toBeUndefined();
          }
        }
      }),
    );
  });
});

describe("consents", () => {
  const granted = { type: "ConsentGranted", data: consent } as const;

  test("are said when they are news", () => {
    given(customer, [registered])
      .when("SetConsent", { ...consent, granted: false })
      .then([]);
    given(customer, [registered, granted])
      .when("SetConsent", { ...consent, granted: true })
      .then([]);
    given(customer, [registered, granted])
      .when("SetConsent", { ...consent, textVersion: "v2", granted: true })
      .then([{ type: "ConsentGranted", data: { ...consent, textVersion: "v2" } }]);
    given(customer, [registered, granted])
      .when("SetConsent", { ...consent, granted: false })
      .then([{ type: "ConsentWithdrawn", data: consent }]);
  });
});

describe("an account", () => {
  const closed = { type: "CustomerDeactivated", data: {}, at: 10 } as const;
  const suspended = { type: "CustomerSuspended", data: { reason: "r" } } as const;

  test("that was closed is opened by a login within a month, later by staff alone", () => {
    const open = (byStaff: boolean, now: number) =>
      given(customer, [registered, closed]).when("Reactivate", { byStaff }, { now });
    open(false, 10 + restoredWithinMs).then([{ type: "CustomerReactivated", data: {} }]);
    open(false, 11 + restoredWithinMs).refused("illegal_transition");
    open(true, 11 + restoredWithinMs).then([{ type: "CustomerReactivated", data: {} }]);
  });

  test("that is suspended is opened by staff alone, and not closed", () => {
    given(customer, [registered, suspended])
      .when("Reactivate", { byStaff: false })
      .refused("account_suspended");
    given(customer, [registered, suspended]).when("Deactivate", {}).refused("illegal_transition");
    given(customer, [registered, suspended])
      .when("Reactivate", { byStaff: true })
      .then([{ type: "CustomerReactivated", data: {} }]);
  });
});
