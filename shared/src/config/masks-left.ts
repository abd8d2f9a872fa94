import { isMapping } from '../records/own-value.js';
import type { Fault } from './fault.js';
import { Written } from './written-value.js';

/** What stands in the place of a secret on the page Configuration. As long as a secret has to be, so that what is shown is as valid as the file. */
export const MASK = '*'.repeat(16);
/** The same in the place of the user and password of a URL. */
export const MASKED_USER = '********@';

/** Values that were copied from that page, secrets and all: nothing would tell it but refused sign-ins, far from here. */
export function masksIn(value: unknown, path: readonly string[] = []): Fault[] {
  if (value instanceof Written) return masksIn(value.text, path);
  if (Array.isArray(value)) return value.flatMap((item, index) => masksIn(item, [...path, String(index)]));
  if (isMapping(value)) return Object.entries(value).flatMap(([name, item]) => masksIn(item, [...path, name]));
  if (typeof value !== 'string' || !isMasked(value)) return [];
  const message =
    'holds the stars that the page Configuration shows in the place of a secret: put the secret back, or a variable of the environment';
  return [{ path: path.join('.'), message }];
}

const isMasked = (text: string): boolean => text.includes(MASK) || text.includes(`://${MASKED_USER}`);
