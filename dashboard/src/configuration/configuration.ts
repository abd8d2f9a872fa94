import { readFileSync } from 'node:fs';
import { ENVIRONMENT, type Environment, isSecretName, masked } from '@tributary/shared';
import { notFound } from '../http/api-error.js';

/** The pipeline file as it runs. */
export interface Configuration {
  readonly file: string;
  /** As it was at the start, without secrets that stand in it. */
  readonly text: string;
  /** What the file's variables are filled in with when an edited copy is checked: nothing secret, and never what a request names. */
  readonly standIns: Readonly<Record<string, string>>;
  /** Whether the file is another by now than the one that runs. */
  hasChanged(): boolean;
  /** As it is by now, without secrets; undefined if it cannot be read. */
  onDisk(): string | undefined;
}

const HARMLESS = /^(\d+(\.\d+)?(ms|s|m|h|d|B|KB|MB|GB)?|true|false)$/;

export function readConfiguration(file: string, env: Environment): Configuration {
  const text = readFileSync(file, 'utf8');
  const names = new Set([...text.matchAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)/g)].map(([, name = '']) => name));
  const own = Object.entries(ENVIRONMENT).filter(([, { readers }]) => readers.some((one) => one === 'pipeline'));
  const shown = new Set(own.map(([name]) => name));
  const standIns = [...names, ...shown].flatMap((name) => {
    const value = env[name];
    return value ? [[name, standInFor(name, value, shown)] as const] : [];
  });
  const now = () => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return undefined;
    }
  };
  return {
    file,
    text: masked(text),
    standIns: Object.fromEntries(standIns),
    hasChanged: () => now() !== text,
    onDisk() {
      const found = now();
      return found === undefined ? undefined : masked(found);
    },
  };
}

/** Something of the same form: the host of a URL is shown anyway, and limits may name it. */
function standInFor(name: string, value: string, shown: ReadonlySet<string>): string {
  if (URL.canParse(value) && value.includes('://')) {
    const { protocol, host } = new URL(value);
    return `${protocol}//${host}`;
  }
  return (shown.has(name) || HARMLESS.test(value)) && !isSecretName(name) ? value : STAND_IN;
}

/** Long enough for every secret. */
export const STAND_IN = 'stand-in-for-a-value-of-the-environment';

export const noFile = () =>
  notFound('this dashboard was started without a pipeline file: a program gave it the pipeline');
