import { appendFileSync, chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import type { Environment } from '@tributary/shared';

/** Where the secrets went, and what to do so that they are found. */
export interface EnvFile {
  readonly file: string;
  /** Names of the variables that were written. */
  readonly names: readonly string[];
}

/**
 * Writes secrets beside the pipeline file, into `.env`, which only its owner may read and git leaves alone. What stands in it stays; a
 * variable that has the value already, there or in the environment, is not written again.
 */
export function writeSecrets(
  pipeline: string,
  secrets: Readonly<Record<string, string>>,
  env: Environment,
): EnvFile | undefined {
  const folder = dirname(pipeline);
  const file = join(folder, '.env');
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const wanted = Object.entries(secrets).filter(([name, value]) => env[name] !== value);
  if (wanted.length === 0) return undefined;
  const lines = wanted
    .map(([name, value]) => `${name}=${quoted(value)}`)
    .filter((line) => !before.split('\n').includes(line));
  if (lines.length > 0) {
    const kept = before === '' || before.endsWith('\n') ? before : `${before}\n`;
    // A variable that is there with another value is overridden by the later line.
    writeFileSync(file, `${kept}${lines.join('\n')}\n`, { mode: 0o600 });
    chmodSync(file, 0o600);
    ignore(folder);
  }
  return { file, names: wanted.map(([name]) => name) };
}

/** What stands in the `.env` beside a pipeline file, by name. */
export function secretsBeside(pipeline: string): Environment {
  const file = join(dirname(pipeline), '.env');
  if (!existsSync(file)) return {};
  const joined: string[] = [];
  // Node ends such a value at its first quote, and takes what stands in its next lines for variables of their own.
  const text = readFileSync(file, 'utf8').replaceAll(JOINED, (_all, name: string, written: string) => {
    joined.push(written.slice(1, -1).replaceAll(QUOTE, "'"));
    return `${name}=${PLACE}${joined.length - 1}`;
  });
  const isPlace = new RegExp(`^${PLACE}(\\d+)$`);
  return Object.fromEntries(
    Object.entries(parseEnv(text)).map(([name, value = '']) => [
      name,
      joined[Number(isPlace.exec(value)?.[1] ?? Number.NaN)] ?? value,
    ]),
  );
}

/** A quote within quotes, as shells have it. */
const QUOTE = `'\\''`;
/** A variable whose value holds such a quote. */
const JOINED = /^(\w+)=('(?:[^']|'\\'')*'\\''(?:[^']|'\\'')*')$/gm;
const PLACE = 'tributary-joined-';

/**
 * As a shell, docker compose and Node's --env-file read it; a value that holds both kinds of quotes, or a quote and what a shell obeys, as a
 * shell reads it.
 */
function quoted(value: string): string {
  if (/^[\w./:@%+=,-]+$/.test(value)) return value;
  if (value.includes("'") && !/["$`\\!]/.test(value)) return `"${value}"`;
  return `'${value.replaceAll("'", QUOTE)}'`;
}

function ignore(folder: string): void {
  const file = join(folder, '.gitignore');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split(/\r?\n/) : [];
  if (lines.some((line) => /^\/?(\.env|\.env\*|\*\.env)$/.test(line.trim()))) return;
  const isOpen = lines.length > 0 && lines.at(-1) !== '';
  appendFileSync(file, `${isOpen ? '\n' : ''}.env\n`);
}
