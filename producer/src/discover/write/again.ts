import { isMapping } from '@tributary/shared';
import { parseDocument } from 'yaml';
import type { Draft } from '../draft.js';
import type { Settings } from '../guess.js';

/** What an endpoint asks for; two that agree in these read the same records. */
const ASKED = ['path', 'url', 'method', 'query', 'form', 'body', 'graphql', 'table', 'items', 'parent'] as const;

/**
 * The endpoints of a file that ask already for what each endpoint of a draft asks for: added once more, everything would be polled twice,
 * into datasets of two names.
 * @param existing the text of the file
 * @returns their names; empty if a single endpoint of the draft is new
 */
export function polledAlready({ endpoints }: Draft, existing: string): readonly string[] {
  const document = parseDocument(existing);
  // What is wrong with the file is told when it is added to.
  const file: unknown = document.errors.length > 0 ? undefined : document.toJS();
  if (!isMapping(file) || !isMapping(file.endpoints)) return [];
  const there = new Map<string, string>();
  for (const [id, settings] of Object.entries(file.endpoints)) {
    if (isMapping(settings)) there.set(askedBy(settings), id);
  }
  const found = endpoints.flatMap(({ settings }) => there.get(askedBy(settings)) ?? []);
  return found.length === endpoints.length ? found : [];
}

const askedBy = (settings: Settings): string =>
  JSON.stringify([settings.source ?? 'rest', ...ASKED.map((name) => settings[name] ?? null)]);
