import { concealedIn, decodeUserInfo, withoutValues } from '@tributary/shared';

/** What must not be shown of a database's settings: the password of its URL, and what came from outside of the file. */
export class Concealed {
  readonly #values: readonly string[];

  constructor(config: { readonly url: string }) {
    this.#values = [...new Set([...passwordsOf(config.url), ...concealedIn(config)])].filter(
      (value) => value.length > 3,
    );
  }

  conceal(text: string): string {
    return withoutValues(text, this.#values);
  }
}

/** The passwords of a database's URL, as they are written and as they are read. Postgres takes them in the query too. */
export function passwordsOf(text: string): string[] {
  const { password, search, searchParams } = new URL(text);
  const inQuery = [...searchParams].flatMap(([name, value]) => (/password/i.test(name) ? [value] : []));
  const written = search
    .slice(1)
    .split('&')
    .flatMap((pair) => (/^[^=]*password/i.test(pair) ? [pair.slice(pair.indexOf('=') + 1)] : []));
  return [password, decodeUserInfo(password), ...inQuery, ...written].filter((value) => value !== '');
}
