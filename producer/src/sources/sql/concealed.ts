import { concealedIn, type EndpointOf, withoutValues } from '@tributary/shared';

/** What must not be shown of a database's settings: the password of its URL, and what came from outside of the file. */
export class Concealed {
  readonly #values: readonly string[];

  constructor(config: EndpointOf<'sql'>) {
    const { password } = new URL(config.url);
    this.#values = [...new Set([password, decoded(password), ...concealedIn(config)])].filter(
      (value) => value.length > 3,
    );
  }

  conceal(text: string): string {
    return withoutValues(text, this.#values);
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
