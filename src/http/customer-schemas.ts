import { z } from "zod";
import { givenAddressSchema } from "../../commands/address.ts";
import {
  addressLabels,
  addressUsages,
  channels,
  consentPurposes,
  genders,
  legalBases,
} from "../../commands/customer/events.ts";
import { passwordCharactersMax, passwordCharactersMin } from "../identity/passwords.ts";
import { emailSchema } from "../values/email.ts";
import { currencySchema } from "../values/money.ts";

const name = z.string().trim().min(1).max(100);
/** E.164. */
const phone = z.string().regex(/^\+[1-9]\d{6,14}$/, "as +491701234567");
const birthDate = z.iso.date().refine((date) => date < new Date().toISOString(), "in the past");
const avatar = z.url({ protocol: /^https$/ }).max(2_000);
const language = z
  .string()
  .regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/, "a language tag, such as en or de-AT");
const preferred = z.array(z.string().trim().min(1).max(100)).max(50);
const minorUnits = z.int().min(0).max(1_000_000_000_000);

const profileShape = { firstName: name, lastName: name, phone, gender: z.enum(genders), birthDate, avatar };
const preferencesShape = {
  language,
  currency: currencySchema,
  categories: preferred,
  brands: preferred,
  priceRange: z
    .strictObject({ min: minorUnits.optional(), max: minorUnits.optional() })
    .refine(({ min = 0, max = min }) => min <= max, { path: ["max"], message: "no less than `min`" }),
  notifications: z.partialRecord(z.enum(channels), z.boolean()),
};
const profile = z.strictObject(profileShape).partial();
const preferences = z.strictObject(preferencesShape).partial();

const password = z.string().min(passwordCharactersMin).max(passwordCharactersMax);
/** What was set before is compared as it is. */
const knownPassword = z.string().min(1).max(1_000);
const linkToken = z.string().min(1).max(2_000).describe("Of the link in the message, behind `token=`");
const code = z.string().regex(/^\d{6}$/, "six digits");
const recoveryCode = z.string().min(1).max(40);
const textVersion = z.string().trim().min(1).max(100).describe("Of what the customer has read");
const purpose = z.enum(consentPurposes);
const basis = z.enum(legalBases).default("consent");

export const emailBody = z.strictObject({ email: emailSchema });
export const registerBody = z.strictObject({
  token: linkToken,
  password,
  profile: profile.optional(),
  preferences: preferences.optional(),
  consents: z.array(z.strictObject({ purpose, basis, textVersion })).max(consentPurposes.length).optional(),
});
export const loginBody = z.strictObject({
  email: emailSchema,
  password: knownPassword,
  totp: code.optional(),
  recoveryCode: recoveryCode.optional(),
  cartId: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe("Of a guest, whose Cart-Token comes along: it becomes the customer's"),
});
export const mergeBody = z.strictObject({ cartId: z.string().min(1).max(64) });
export const refreshBody = z.strictObject({ refreshToken: z.string().min(1).max(400) });
export const logoutBody = z.strictObject({ all: z.boolean().optional() }).nullish();
export const resetBody = z.strictObject({
  token: linkToken,
  password,
  totp: code.optional(),
  recoveryCode: recoveryCode.optional(),
});
export const confirmEmailBody = z.strictObject({ token: linkToken });

const cleared = <S extends z.ZodRawShape>(shape: S) =>
  Object.fromEntries(
    Object.entries(shape).map(([field, schema]) => [field, (schema as z.ZodType).nullish()]),
  ) as unknown as { [K in keyof S]: z.ZodOptional<z.ZodNullable<S[K]>> };
export const customerChangesBody = z
  .strictObject({ ...cleared(profileShape), ...cleared(preferencesShape) })
  .describe("What is left out stays as it is, and `null` clears");
export const passwordBody = z.strictObject({ current: knownPassword, new: password });
export const newEmailBody = z.strictObject({ email: emailSchema, password: knownPassword });
export const totpBody = z.strictObject({ code });

export const addressBody = z.strictObject({
  label: z.enum(addressLabels).default("home"),
  usage: z.enum(addressUsages).default("both"),
  ...givenAddressSchema.shape,
  coordinates: z
    .strictObject({ latitude: z.number().min(-90).max(90), longitude: z.number().min(-180).max(180) })
    .optional(),
});
export const defaultsBody = z.strictObject({
  shipping: z.string().min(1).max(64).optional(),
  billing: z.string().min(1).max(64).optional(),
});
export const purposeParams = z.strictObject({ purpose });
export const consentBody = z.strictObject({ granted: z.boolean(), basis, textVersion });
export const suspendBody = z.strictObject({ reason: z.string().trim().min(1).max(500) });
