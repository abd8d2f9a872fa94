import { readFileSync } from 'node:fs';
import { describeError } from '../errors.js';
import { isMapping } from '../records/own-value.js';
import type { Environment } from './environment.js';
import type { Fault } from './fault.js';
import { meaningOf, type Origin, Written } from './written-value.js';

const PLACEHOLDER = /\$\{(?:file:(?<file>[^}]+)|(?<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?<fallback>[^}]*))?)\}/g;

/**
 * Replaces `${NAME}`, `${NAME:-default}` and `${file:/run/secrets/x}` in every text of a parsed YAML document. It works on the
 * parsed values, never on the text of the file, so that no value can change the document's structure. What is filled in is a
 * {@link Written}: text, until the schema says that a number is expected.
 */
export function substitute(
  value: unknown,
  env: Environment,
  faults: Fault[],
  path: readonly string[] = [],
  readSecret: ReadSecret = readSecretFile,
): unknown {
  const filled = (text: string, isPlain: boolean) => fill(text, isPlain, env, faults, path, readSecret);
  if (typeof value === 'string') return value.includes('${') ? filled(value, false) : value;
  if (value instanceof Written) return value.text.includes('${') ? filled(value.text, true) : value;
  if (Array.isArray(value)) {
    return value.map((item, index) => substitute(item, env, faults, [...path, String(index)], readSecret));
  }
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, substitute(item, env, faults, [...path, key], readSecret)]),
  );
}

/** @param isPlain whether it stands without quotes, and may mean a number where anything may stand */
function fill(
  template: string,
  isPlain: boolean,
  env: Environment,
  faults: Fault[],
  path: readonly string[],
  readSecret: ReadSecret,
): string | Written {
  const origins: Origin[] = [];
  let grown = 0;
  const text = template.replaceAll(PLACEHOLDER, (...match) => {
    const groups = match.at(-1) as { file?: string; name?: string; fallback?: string };
    const [placeholder, offset] = [String(match[0]), Number(match.at(-3))];
    try {
      const origin = groups.file === undefined ? fromVariable(groups, env) : fromFile(groups.file, readSecret);
      origins.push({ ...origin, at: offset + grown });
      grown += origin.value.length - placeholder.length;
      return origin.value;
    } catch (error) {
      faults.push({ path: path.join('.'), message: describeError(error) });
      grown -= placeholder.length;
      return '';
    }
  });
  if (text === template) return template;
  return new Written(text, isPlain ? meaningOf(text, text) : text, { template, origins });
}

/** Reads the file that a placeholder names. @throws Error if it cannot be read */
export type ReadSecret = (file: string) => string;

const readSecretFile: ReadSecret = (file) => readFileSync(file, 'utf8');

function fromFile(file: string, readSecret: ReadSecret): Omit<Origin, 'at'> {
  try {
    // Editors and `echo` end a file with a line end, and some editors begin it with a byte order mark. All else is the secret's own.
    const value = readSecret(file)
      .replace(/^\uFEFF/, '')
      .replace(/[\r\n]+$/, '');
    return { placeholder: `\${file:${file}}`, value, isSecret: true };
  } catch (cause) {
    throw new Error('cannot read the secret file', { cause });
  }
}

function fromVariable({ name = '', fallback }: { name?: string; fallback?: string }, env: Environment) {
  // An empty variable counts as not set: compose files pass on variables that the user did not set as empty ones.
  const value = env[name] || fallback;
  if (value === undefined) throw new Error(`the environment variable ${name} is not set`);
  return { placeholder: `\${${name}}`, value, isSecret: isSecretName(name) || value.includes('@') };
}

/** Whether something of this name holds a secret. What is not secret is shown in a fault. */
export const isSecretName = (name: string): boolean =>
  /pass|pwd|secret|token|key|auth|cred|bearer|dsn|pin\b|cookie|session|sign|salt|login|private/i.test(name);
