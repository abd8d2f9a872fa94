import { readFileSync } from 'node:fs';
import type { Environment } from './environment.js';
import type { Fault } from './fault.js';

const PLACEHOLDER = /\$\{(?:file:(?<file>[^}]+)|(?<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?<fallback>[^}]*))?)\}/g;

/**
 * Replaces `${NAME}`, `${NAME:-default}` and `${file:/run/secrets/x}` in every string of a parsed YAML document.
 * It works on the parsed values, never on the text, so that no value can change the document's structure.
 *
 * @param secrets collects each value that may be a secret, with the placeholder that it replaced
 */
export function substitute(
  value: unknown,
  env: Environment,
  faults: Fault[],
  secrets: Map<string, string>,
  path: readonly string[] = [],
): unknown {
  if (typeof value === 'string') return substituteText(value, env, faults, secrets, path);
  if (Array.isArray(value)) {
    return value.map((item, index) => substitute(item, env, faults, secrets, [...path, String(index)]));
  }
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, substitute(item, env, faults, secrets, [...path, key])]),
    );
  }
  return value;
}

function substituteText(
  text: string,
  env: Environment,
  faults: Fault[],
  secrets: Map<string, string>,
  path: readonly string[],
): string | number | boolean {
  const whole = new RegExp(`^${PLACEHOLDER.source}$`).test(text);
  const result = text.replaceAll(PLACEHOLDER, (...match) => {
    const groups = match.at(-1) as { file?: string; name?: string; fallback?: string };
    if (groups.file !== undefined) {
      try {
        const secret = readFileSync(groups.file, 'utf8').trim();
        secrets.set(secret, match[0]);
        return secret;
      } catch (error) {
        faults.push({ path: path.join('.'), message: `cannot read the secret file: ${(error as Error).message}` });
        return '';
      }
    }
    // An empty variable counts as not set: compose files pass on variables that are not set as empty ones.
    const found = env[groups.name ?? ''] || groups.fallback;
    if (found !== undefined && isSecret(groups.name, found)) secrets.set(found, `\${${groups.name}}`);
    if (found === undefined) {
      faults.push({ path: path.join('.'), message: `the environment variable ${groups.name} is not set` });
    }
    return found ?? '';
  });
  // `size: ${BATCH_SIZE:-10}` means the number 10, as `size: 10` would.
  if (whole && /^-?\d+(\.\d+)?$/.test(result)) return Number(result);
  if (whole && /^(true|false)$/.test(result)) return result === 'true';
  return result;
}

/** By its name, or because it is a URL with a user in it. Any other value from the environment may be shown in a fault. */
const isSecret = (name = '', value: string): boolean =>
  /pass|pwd|secret|token|key|auth|cred|bearer|dsn/i.test(name) || value.includes('@');
