import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { Environment } from '@tributary/shared';
import type { Context } from './context.js';

/** Options of ours that npm knows too; a person's .npmrc may hold them, so that they alone say nothing. */
const OF_NPM: readonly string[] = ['all', 'help', 'json', 'yes'];

/**
 * What npm took for itself: `npm start --once` runs the script without the option, and leaves it in the environment.
 * @returns undefined if npm took nothing; otherwise the options, as they have to be written behind `--`
 */
export function swallowedByNpm(
  command: CommandUnknownOpts,
  args: readonly string[],
  env: Environment,
): string | undefined {
  // npx hands everything on.
  if (!env.npm_lifecycle_event || env.npm_lifecycle_event === 'npx') return undefined;
  const taken = command.options
    .map(({ long, flags }) => ({ long: long ?? '', isFlag: !flags.includes('<') }))
    .map(({ long, isFlag }) => ({ long, isFlag, value: env[`npm_config_${long.slice(2).replaceAll('-', '_')}`] }))
    .filter(({ long, value }) => value !== undefined && value !== '' && !args.includes(long));
  if (!taken.some(({ long }) => !OF_NPM.includes(long.slice(2)))) return undefined;
  // Of `--output DIR` npm keeps "true", and hands DIR on.
  const words = taken.map(({ long, isFlag, value }) => (isFlag ? long : `${long} ${value === 'true' ? '...' : value}`));
  return words.join(' ');
}

/** How the same is asked so that npm hands it on. */
export function adviceForNpm({ spell }: Context, path: readonly string[], swallowed: string): string {
  const [first = '', ...rest] = path;
  return `npm has taken ${swallowed} for itself. Write -- before the options: ${spell(first, [...rest, swallowed].join(' '))}`;
}
