/** A message's subject and paragraphs; `{{name}}` stands for a variable. */
interface Template {
  subject: string;
  paragraphs: readonly string[];
}

/** What each message is told: its template may name these and no others. */
const variables = {
  register: ["link", "hours"],
  already_registered: ["link"],
  password_reset: ["link", "minutes"],
  password_changed: [],
  email_change: ["link", "hours"],
  email_changed: [],
  email_replaced: [],
  two_factor_on: [],
  two_factor_off: [],
  account_closed: ["days"],
} as const satisfies Record<string, readonly string[]>;

export type MailCode = keyof typeof variables;
export type MailVariables<C extends MailCode> = Record<(typeof variables)[C][number], string>;

const languages = {
  en: {
    register: {
      subject: "Confirm your e-mail address",
      paragraphs: [
        "Somebody, we hope you, has asked for an account with this e-mail address.",
        "Open this link to set a password. It is good once, for {{hours}} hours:",
        "{{link}}",
        "If it was not you, there is nothing to do: without the link there is no account.",
      ],
    },
    already_registered: {
      subject: "You have an account already",
      paragraphs: [
        "Somebody, we hope you, has asked for an account with this e-mail address, which has one.",
        "If you have forgotten your password, ask for a new one here:",
        "{{link}}",
      ],
    },
    password_reset: {
      subject: "Set a new password",
      paragraphs: [
        "Open this link to set a new password. It is good once, for {{minutes}} minutes:",
        "{{link}}",
        "If you have not asked for it, your password is as it was.",
      ],
    },
    password_changed: {
      subject: "Your password was changed",
      paragraphs: ["The password of your account was changed. If it was not you, ask for a new one at once."],
    },
    email_change: {
      subject: "Confirm your new e-mail address",
      paragraphs: [
        "Open this link to use this address for your account. It is good for {{hours}} hours:",
        "{{link}}",
      ],
    },
    email_changed: {
      subject: "Your e-mail address is about to change",
      paragraphs: [
        "Somebody who knows your password has asked to use another e-mail address for your account.",
        "If it was not you, change your password now.",
      ],
    },
    email_replaced: {
      subject: "Your account has another e-mail address",
      paragraphs: [
        "Another e-mail address is used for your account from now on. If it was not you, tell us at once.",
      ],
    },
    two_factor_on: {
      subject: "Two-factor authentication is on",
      paragraphs: [
        "A login asks for a code of your authenticator now. If it was not you, set a new password at once.",
      ],
    },
    two_factor_off: {
      subject: "Two-factor authentication is off",
      paragraphs: ["A login asks for no code any more. If it was not you, set a new password at once."],
    },
    account_closed: {
      subject: "Your account is closed",
      paragraphs: ["Your account is closed. Log in within {{days}} days to open it again."],
    },
  },
  de: {
    register: {
      subject: "Bestätigen Sie Ihre E-Mail-Adresse",
      paragraphs: [
        "Jemand, hoffentlich Sie, möchte ein Konto mit dieser E-Mail-Adresse.",
        "Öffnen Sie diesen Link, um ein Passwort zu setzen. Er gilt einmal und {{hours}} Stunden lang:",
        "{{link}}",
        "Waren Sie es nicht, ist nichts zu tun: Ohne den Link entsteht kein Konto.",
      ],
    },
    already_registered: {
      subject: "Sie haben schon ein Konto",
      paragraphs: [
        "Jemand, hoffentlich Sie, möchte ein Konto mit dieser E-Mail-Adresse. Es gibt es schon.",
        "Haben Sie Ihr Passwort vergessen, bekommen Sie hier ein neues:",
        "{{link}}",
      ],
    },
    password_reset: {
      subject: "Setzen Sie ein neues Passwort",
      paragraphs: [
        "Öffnen Sie diesen Link, um ein neues Passwort zu setzen. Er gilt einmal und {{minutes}} Minuten lang:",
        "{{link}}",
        "Haben Sie nicht darum gebeten, bleibt Ihr Passwort, wie es war.",
      ],
    },
    password_changed: {
      subject: "Ihr Passwort wurde geändert",
      paragraphs: [
        "Das Passwort Ihres Kontos wurde geändert. Waren Sie es nicht, fordern Sie sofort ein neues an.",
      ],
    },
    email_change: {
      subject: "Bestätigen Sie Ihre neue E-Mail-Adresse",
      paragraphs: [
        "Öffnen Sie diesen Link, um diese Adresse für Ihr Konto zu verwenden. Er gilt {{hours}} Stunden lang:",
        "{{link}}",
      ],
    },
    email_changed: {
      subject: "Ihre E-Mail-Adresse soll sich ändern",
      paragraphs: [
        "Jemand, der Ihr Passwort kennt, möchte eine andere E-Mail-Adresse für Ihr Konto.",
        "Waren Sie es nicht, ändern Sie jetzt Ihr Passwort.",
      ],
    },
    email_replaced: {
      subject: "Ihr Konto hat eine andere E-Mail-Adresse",
      paragraphs: [
        "Für Ihr Konto gilt ab jetzt eine andere E-Mail-Adresse. Waren Sie es nicht, melden Sie sich sofort bei uns.",
      ],
    },
    two_factor_on: {
      subject: "Die Zwei-Faktor-Anmeldung ist an",
      paragraphs: [
        "Beim Anmelden wird jetzt ein Code Ihres Authenticators verlangt. Waren Sie es nicht, setzen Sie sofort ein neues Passwort.",
      ],
    },
    two_factor_off: {
      subject: "Die Zwei-Faktor-Anmeldung ist aus",
      paragraphs: [
        "Beim Anmelden wird kein Code mehr verlangt. Waren Sie es nicht, setzen Sie sofort ein neues Passwort.",
      ],
    },
    account_closed: {
      subject: "Ihr Konto ist geschlossen",
      paragraphs: [
        "Ihr Konto ist geschlossen. Melden Sie sich innerhalb von {{days}} Tagen an, um es wieder zu öffnen.",
      ],
    },
  },
} as const satisfies Record<string, Record<MailCode, Template>>;

export type Language = keyof typeof languages;

/** @param wanted BCP 47 tags, the best first. @returns the first whose language there is, else English */
export function languageOf(...wanted: readonly (string | undefined)[]): Language {
  for (const tag of wanted) {
    const language = tag?.trim().slice(0, 2).toLowerCase();
    if (language !== undefined && Object.hasOwn(languages, language)) return language as Language;
  }
  return "en";
}

export interface Rendered {
  subject: string;
  text: string;
  html: string;
}

export function render<C extends MailCode>(code: C, language: Language, values: MailVariables<C>): Rendered {
  const { subject, paragraphs }: Template = languages[language][code];
  const filled = (text: string, shown: (value: string) => string) =>
    text.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) =>
      shown((values as Record<string, string>)[name] ?? ""),
    );
  const plain = (value: string) => value;
  const asHtml = (paragraph: string) => {
    const text = filled(escaped(paragraph), escaped);
    return paragraph === "{{link}}" ? `<p><a href="${text}">${text}</a></p>` : `<p>${text}</p>`;
  };
  return {
    subject: filled(subject, plain),
    text: `${paragraphs.map((paragraph) => filled(paragraph, plain)).join("\n\n")}\n`,
    html: `<!doctype html><html lang="${language}"><body>${paragraphs.map(asHtml).join("")}</body></html>`,
  };
}

/** @returns what is wrong with the templates: a variable that is not told, or one that is told and not used */
export function templateProblems(): string[] {
  return Object.entries(languages).flatMap(([language, templates]) =>
    Object.entries(templates).flatMap(([code, { subject, paragraphs }]) => {
      const used = [...[subject, ...paragraphs].join(" ").matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name);
      const told: readonly string[] = variables[code as MailCode];
      const wrong = [
        ...used.filter((name = "") => !told.includes(name)),
        ...told.filter((name) => !used.includes(name)),
      ];
      return wrong.map((name) => `${language}/${code}: ${name}`);
    }),
  );
}

function escaped(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? "");
}
