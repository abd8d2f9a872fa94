import { FatalError } from '@tributary/shared';
import type { EntityDraft } from './draft.js';
import type { Settings } from './guess.js';

/** What the pipeline file fills from the environment and from files. */
const PLACEHOLDER = /\$\{[^}]*\}/g;

/** By the place of a setting, the placeholders in it. */
type Placed = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Refuses settings with a placeholder that the person has not put at this place. What an API answers becomes settings (names of
 * parameters, cursors, ids, addresses): one that answers `${AWS_SECRET_ACCESS_KEY}` or `${file:/root/.ssh/id_rsa}` would be sent it.
 *
 * @param own the settings as the person gave them
 * @throws FatalError
 */
export function refuseForeign(settings: unknown, own: Settings = {}): void {
  const known = placedIn(own);
  for (const [place, found] of placedIn(settings)) {
    for (const placeholder of found) if (!known.get(place)?.has(placeholder)) throw foreign(placeholder);
  }
}

/** @param wanted the variables that a description needs @throws FatalError as {@link refuseForeign} */
export function refuseUnwanted(settings: unknown, wanted: ReadonlySet<string>): void {
  for (const found of placedIn(settings).values()) {
    for (const placeholder of found) if (!wanted.has(placeholder.slice(2, -1))) throw foreign(placeholder);
  }
}

/** @throws FatalError as {@link refuseForeign} */
export function refuseForeignIn(entities: readonly EntityDraft[]): void {
  for (const { name, dataset, key, version, columns } of entities) {
    const fields = columns.map((column) => [column.path, column.format, column.items?.map(({ path }) => path)]);
    refuseForeign([name, dataset, key, version, fields]);
  }
}

/**
 * Refuses placeholders that nobody can see in what was pasted: `%24%7Bfile:/root/.ssh/id_rsa%7D` in an address, or the same in base64, is
 * a placeholder once it is decoded, and a stranger who gives away such a line would be sent the file.
 *
 * @param made what was made of it
 * @param pasted the texts, or the placeholders in them
 * @throws FatalError
 */
export function refuseHidden(made: unknown, pasted: Iterable<string>): void {
  const texts = [...pasted];
  for (const found of placeholdersIn(made)) {
    const [, filled = ''] = /^\$\{(file:[^}]*|\w*)/.exec(found) ?? [];
    // A shell's `$NAME` stands for `${NAME}`.
    const isShown = texts.some(
      (text) => text.includes(`\${${filled}`) || (/^\w+$/.test(filled) && text.includes(`$${filled}`)),
    );
    if (isShown) continue;
    throw new FatalError(
      'placeholder_hidden',
      `what was pasted holds ${found.slice(0, 80)} once it is decoded: ${DANGER}, so nothing is asked; write it out if this is meant`,
    );
  }
}

export const placeholdersIn = (value: unknown): ReadonlySet<string> =>
  new Set([...placedIn(value).values()].flatMap((found) => [...found]));

const DANGER = 'it would be filled from your environment or from a file, and sent there';

function foreign(placeholder: string): FatalError {
  const shown = placeholder.slice(0, 80);
  return new FatalError(
    'placeholder_foreign',
    `the answer or the description holds ${shown}: ${DANGER}, so nothing is made of it; write the file by docs/own-api.md if this is meant`,
  );
}

function placedIn(settings: unknown): Placed {
  const placed = new Map<string, Set<string>>();
  const walk = (value: unknown, place: string): void => {
    if (typeof value === 'string') {
      const found = value.match(PLACEHOLDER) ?? [];
      if (found.length > 0) placed.set(place, new Set([...(placed.get(place) ?? []), ...found]));
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, one] of Object.entries(value)) walk(one, `${place}/${name}`);
    }
  };
  walk(settings, '');
  return placed;
}
