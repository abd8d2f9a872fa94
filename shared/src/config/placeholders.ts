import { isMapping } from '../records/own-value.js';

/** A text with `{{name}}` in it: what stands as it is, and the names of what is filled in for each request. */
export type PlacedText = readonly (string | Placeholder)[];

export interface Placeholder {
  /** What stands between the braces, such as `since` or `parent.id`. */
  readonly placeholder: string;
}

const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/;

/** The parts of a text; a text without placeholders is one part. */
export function parsePlaceholders(text: string): PlacedText {
  return text.split(PLACEHOLDER).flatMap((part, index): PlacedText => {
    if (index % 2 === 1) return [{ placeholder: part }];
    return part === '' ? [] : [part];
  });
}

/** The names of all placeholders in a setting, however deep they stand. */
export function placeholdersIn(value: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  const walk = (part: unknown): void => {
    if (typeof part === 'string') {
      for (const piece of parsePlaceholders(part)) if (typeof piece !== 'string') names.add(piece.placeholder);
    } else if (Array.isArray(part)) {
      part.forEach(walk);
    } else if (isMapping(part)) {
      for (const [name, item] of Object.entries(part)) {
        walk(name);
        walk(item);
      }
    }
  };
  walk(value);
  return names;
}
