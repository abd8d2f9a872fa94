import { type EndpointOf, ExactNumber, isMapping, type PlacedText, parsePlaceholders } from '@tributary/shared';
import type { Filling, Fillings } from '../../fillings.js';

/**
 * Text with its placeholders filled in.
 * @param encode writes a value as its place asks for
 * @returns undefined if one of the placeholders is empty
 */
export function fillText(
  text: PlacedText,
  fillings: Fillings,
  encode: (value: string) => string = (value) => value,
): string | undefined {
  let filled = '';
  for (const part of text) {
    if (typeof part === 'string') {
      filled += part;
      continue;
    }
    const value = fillings(part.placeholder);
    if (isEmpty(value)) return undefined;
    filled += encode(String(value));
  }
  return filled;
}

const isEmpty = (value: Filling | undefined): value is undefined => value === undefined || value === '';

/** A value of a body, with its placeholders. Filling it gives undefined where it is left out. */
type BodyTemplate = (fillings: Fillings) => unknown;

/**
 * A body as the settings give it. A text that is one placeholder and nothing else becomes the value itself, so that a
 * number stays a number. An entry whose placeholder is empty is left out, and so is an object or a list of which nothing
 * else is left.
 */
export function compileBody(value: unknown): BodyTemplate {
  if (typeof value === 'string') return compileBodyText(value);
  if (Array.isArray(value)) {
    const items = value.map(compileBody);
    return (fillings) => {
      const filled = items.map((item) => item(fillings)).filter((item) => item !== undefined);
      return filled.length === 0 && items.length > 0 ? undefined : filled;
    };
  }
  if (!isMapping(value) || value instanceof ExactNumber) return () => value;
  const entries = Object.entries(value).map(([name, item]) => [name, compileBody(item)] as const);
  return (fillings) => {
    const filled = entries
      .map(([name, item]) => [name, item(fillings)] as const)
      .filter(([, item]) => item !== undefined);
    return filled.length === 0 && entries.length > 0 ? undefined : Object.fromEntries(filled);
  };
}

function compileBodyText(value: string): BodyTemplate {
  const text = parsePlaceholders(value);
  const [only, ...others] = text;
  if (text.length === 0) return () => value;
  if (others.length > 0 || typeof only === 'string' || only === undefined)
    return (fillings) => fillText(text, fillings);
  return (fillings) => {
    const filling = fillings(only.placeholder);
    return isEmpty(filling) ? undefined : filling;
  };
}

/** The settings that placeholders may stand in. */
export type TemplateSettings = Pick<EndpointOf<'rest'>, 'url' | 'query' | 'headers' | 'body' | 'form' | 'graphql'>;
