import { readFileSync } from 'node:fs';
import type { Fault } from './cross-check.js';

const PLACEHOLDER = /\$\{(?:file:(?<file>[^}]+)|(?<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?<fallback>[^}]*))?)\}/g;

/**
 * Replaces `${NAME}`, `${NAME:-default}` and `${file:/run/secrets/x}` in every string of a parsed YAML document.
 * It works on the parsed values, never on the text, so that no value can change the document's structure.
 */
export function substitute(
  value: unknown,
  env: Record<string, string | undefined>,
  faults: Fault[],
  path: readonly string[] = [],
): unknown {
  if (typeof value === 'string') return substituteText(value, env, faults, path);
  if (Array.isArray(value)) return value.map((item, index) => substitute(item, env, faults, [...path, String(index)]));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, substitute(item, env, faults, [...path, key])]),
    );
  }
  return value;
}

function substituteText(
  text: string,
  env: Record<string, string | undefined>,
  faults: Fault[],
  path: readonly string[],
): string | number | boolean {
  const whole = new RegExp(`^${PLACEHOLDER.source}$`).test(text);
  const result = text.replaceAll(PLACEHOLDER, (...match) => {
    const groups = match.at(-1) as { file?: string; name?: string; fallback?: string };
    if (groups.file !== undefined) {
      try {
        return readFileSync(groups.file, 'utf8').trim();
      } catch (error) {
        faults.push({ path: path.join('.'), message: `cannot read the secret file: ${(error as Error).message}` });
        return '';
      }
    }
    // An empty variable counts as not set: that is how compose files pass on what nobody chose.
    const found = env[groups.name ?? ''] || groups.fallback;
    if (found === undefined) {
      faults.push({ path: path.join('.'), message: `the environment variable ${groups.name} is not set` });
    }
    return found ?? '';
  });
  // `size: ${BATCH_SIZE:-10}` is meant as a number, as it would be without the braces.
  if (whole && /^-?\d+(\.\d+)?$/.test(result)) return Number(result);
  if (whole && /^(true|false)$/.test(result)) return result === 'true';
  return result;
}
