import { isMapping } from '../records/own-value.js';
import { type Origin, Written } from './written-value.js';

/** A text shorter than this is no secret only because it stands in a URL: versions and names of shops stand there too. */
const SHORTEST_IN_URL = 8;
/** As long as this, a part of a path is rather a token than a word. */
const LONG = 16;

/**
 * What of a part of the file must not be shown, by where it came from: what a name calls secret, and what was filled into a URL behind
 * or before its host, where some APIs have their tokens (`https://api.example/bot${TOKEN}/…`).
 */
export function* originsToConceal(part: unknown): Generator<Origin> {
  if (part instanceof Written) {
    for (const origin of part.origins) if (origin.isSecret) yield origin;
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(part.text)) yield* originsInUrl(part);
  } else if (Array.isArray(part)) {
    for (const item of part) yield* originsToConceal(item);
  } else if (isMapping(part)) {
    for (const item of Object.values(part)) yield* originsToConceal(item);
  }
}

function* originsInUrl({ text, origins }: Written): Generator<Origin> {
  const host = /^\w+:\/\/[^/?#]*/.exec(text)?.[0] ?? '';
  const user = host.lastIndexOf('@');
  for (const origin of origins) {
    const { at, value } = origin;
    const end = at + value.length;
    if (at >= host.length || end <= user) {
      if (value.length >= SHORTEST_IN_URL) yield origin;
    } else if (at < user) {
      // The variable holds the user and more, such as the whole URL of a database: its password alone is a secret.
      const password = /^\w+:\/\/[^:@]*:([^@]*)@/.exec(value)?.[1] ?? '';
      if (password !== '') yield { ...origin, value: password };
    } else if (end > host.length) {
      // The variable holds the host too, which should be shown, and perhaps a token in the path.
      const parts = text.slice(host.length, end).split(/[/?#&=]/);
      for (const one of parts) if (isLikeToken(one)) yield { ...origin, value: one };
    }
  }
}

const isLikeToken = (part: string): boolean =>
  part.length >= LONG || (part.length >= SHORTEST_IN_URL && /\d/.test(part));

const CONCEALED = Symbol('concealed');

/**
 * An endpoint's settings with the values in them that must not be shown. A symbol holds them: copies of the settings keep it, and
 * nothing that is made of the settings, such as a fingerprint, shows it.
 *
 * @param written the endpoint as it stands in the file, with every variable filled in
 */
export function withConcealed<Settings extends object>(settings: Settings, written: unknown): Settings {
  const found = [...originsToConceal(written)].map(({ value }) => value);
  // TOKEN_URL and its like are addresses; what is secret in one was found by itself.
  const values = new Set(found.filter((value) => value !== '' && !/^https?:\/\//i.test(value)));
  return values.size === 0 ? settings : { ...settings, [CONCEALED]: [...values] };
}

/** The values in an endpoint's settings that came from outside of the file, and must not be shown. */
export const concealedIn = (settings: object): readonly string[] =>
  CONCEALED in settings ? (settings[CONCEALED] as readonly string[]) : [];

/** A value as it is written in a path, in a query, in a form, and in JSON. */
export const formsOf = (value: string): string[] => {
  const plain = value.toWellFormed();
  return [
    value,
    new URL(`http://host/${plain.replaceAll(/[?#]/g, encodeURIComponent)}`).pathname.slice(1),
    encodeURIComponent(plain),
    new URLSearchParams({ '': plain }).toString().slice(1),
    JSON.stringify(plain).slice(1, -1),
  ];
};

/** A text, such as a URL, without these values, in whatever form it has them. */
export const withoutValues = (text: string, values: readonly string[]): string =>
  [...new Set(values.flatMap(formsOf))]
    .filter((form) => form !== '')
    .sort((a, b) => b.length - a.length)
    .reduce(
      (shown, form) =>
        shown.replaceAll(form, (found, at: number) => (isWithinWord(shown, found, at) ? found : '[secret]')),
      text,
    );

/** A secret that anybody guesses. */
const COMMON = /^[a-z]{1,11}$/;

/**
 * Whether what was found is a part of a longer word of a sentence, such as `short` of `shorter`: to conceal that garbles the sentence, and
 * tells the secret by what is left. Within an address, or in quotes, a secret may stand against other letters.
 */
export function isWithinWord(text: string, found: string, at: number): boolean {
  if (!COMMON.test(found)) return false;
  const before = /(?:^|[\s(])([a-z]*)$/i.exec(text.slice(Math.max(0, at - 40), at))?.[1];
  const after = /^([a-z]*)(?=$|[\s,;)]|[.:](?:\s|$))/i.exec(text.slice(at + found.length, at + found.length + 40))?.[1];
  return before !== undefined && after !== undefined && before + after !== '';
}
