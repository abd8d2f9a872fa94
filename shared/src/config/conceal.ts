import { stringifyJson } from '../records/json.js';
import { isMapping } from '../records/own-value.js';
import { isWithinWord, originsToConceal } from './concealed.js';
import type { Issue } from './issues.js';
import { SECRET_OF_CHANNEL } from './kinds/alert-channels.js';
import { isSecretName } from './substitute.js';
import { type Origin, Written } from './written-value.js';

/** Knows which values of a file are secret, and keeps them out of everything that people are told. */
export class Concealer {
  /** By placeholder and value: a value that is secret in one place is secret in every place. */
  readonly #secrets = new Map<string, Pick<Origin, 'placeholder' | 'value'>>();
  readonly #placeholders = new Set<string>();

  /** @param file with every variable filled in */
  constructor(file: unknown) {
    for (const origin of originsToConceal(file)) this.#note(origin);
  }

  /** Notes a value that stands where any text may stand, so that nothing says that it is not secret. */
  add = (written: Written): void => {
    for (const origin of written.origins) this.#note(origin);
  };

  #note({ placeholder, value }: Origin): void {
    this.#secrets.set(`${placeholder} ${value}`, { placeholder, value });
    this.#placeholders.add(placeholder);
  }

  /** Whether any part of the value came from a secret. */
  isSecret({ origins }: Written): boolean {
    return origins.some(({ placeholder }) => this.#placeholders.has(placeholder));
  }

  /**
   * What stands at the place of an issue, as JSON, or as it is written; undefined if nothing does. What came from a secret is shown as
   * the placeholder that it came from.
   *
   * @param value what it became by the schema
   */
  show({ path, code }: Issue, written: unknown, value: unknown): string | undefined {
    if (written === undefined) return undefined;
    if (isSecretSetting(path) && code !== 'invalid_value') return 'what stands here';
    if (!(written instanceof Written)) return stringifyJson(this.#showable(written));
    if (this.isSecret(written)) return stringifyJson(written.template);
    // A double would show other digits than those that were written.
    return written.template === undefined || typeof value === 'number' ? written.text : stringifyJson(value);
  }

  #showable(value: unknown): unknown {
    if (value instanceof Written) return this.isSecret(value) ? value.template : value.meant;
    if (Array.isArray(value)) return value.map((item) => this.#showable(item));
    if (!isMapping(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, this.#showable(item)]));
  }

  /**
   * A message without secrets, whatever put them there: each is replaced by the placeholder that it came from. A short one, such as
   * a PIN, counts where it stands for itself, not where it is a part of a word.
   */
  conceal(message: string): string {
    const forms = new Map<string, string>();
    for (const { placeholder, value } of this.#secrets.values()) {
      for (const form of [value, JSON.stringify(value).slice(1, -1)]) {
        if (/[\p{L}\p{N}]/u.test(form)) forms.set(form, placeholder);
      }
    }
    if (forms.size === 0) return withoutUsers(message);
    const longestFirst = [...forms.keys()].sort((a, b) => b.length - a.length);
    const pattern = longestFirst.map((form) => (form.length < 4 ? alone(escaped(form)) : escaped(form))).join('|');
    const told = withoutUsers(message);
    const whole = told.replaceAll(new RegExp(pattern, 'gu'), (form, at: number) =>
      isWithinWord(told, form, at) ? form : (forms.get(form) ?? '...'),
    );
    // What is wrong with a path is shown from there on: a part of the value.
    return whole.replaceAll(/"([^"]{6,})"/g, (quoted, part: string) => {
      const [, placeholder] = [...forms].find(([form]) => form.includes(part)) ?? [];
      return placeholder === undefined ? quoted : `"${placeholder}"`;
    });
  }
}

/** Settings whose values are secrets also where they stand in the file itself. */
export function isSecretSetting([section, , ...path]: readonly PropertyKey[]): boolean {
  if (section === 'alerts') return SECRET_OF_CHANNEL.includes(String(path.at(-1)));
  if (section !== 'endpoints' && section !== 'exports') return false;
  if (path.includes('s3')) return isSecretName(String(path.at(-1)));
  if (section === 'exports') return false;
  if (path.includes('auth') || path.includes('tls')) return path.at(-1) !== 'type';
  // In a list of secrets, the place in it comes last.
  if (path.includes('sender')) return path.some((step) => isSecretName(String(step)));
  return (path[0] === 'headers' || path[0] === 'query') && isSecretName(String(path.at(-1)));
}

/** A password in a URL that is no valid one is shown with it, for instance because of a `#` that is not encoded. */
const withoutUsers = (message: string): string => message.replaceAll(/(?<=\/\/)[^\s"@/?#]*:[^\s"]*@/g, '...@');

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

const alone = (pattern: string): string => `(?<![\\p{L}\\p{N}_])${pattern}(?![\\p{L}\\p{N}_])`;
