import type { Environment } from '@tributary/shared';

/** How a person writes a command: what follows it comes as one text, such as `list --json`. */
export type Spell = (command: string, rest?: string) => string;

/** The npm scripts of the repository that are not called like their command. */
const SCRIPTS: Readonly<Record<string, string>> = {
  start: 'npm start',
  check: 'npm run check-config',
};

/** Commands with an npm script of their name; others go through the script `tributary`. */
const OWN_SCRIPTS = new Set([
  'producer',
  'consumer',
  'dashboard',
  'mock-api',
  'endpoints',
  'reset',
  'try',
  'discover',
  'list',
  'dead-letters',
  'generate-endpoints',
]);

/** Where the program lies: as a package of another project, in a checkout of its own repository, or in the image `tools`, which has no sources. */
export type Place = 'package' | 'checkout' | 'image';

/** @param env tells how the command was typed: in a checkout both are possible */
export function speller(place: Place, env: Environment = {}): Spell {
  const isNpx = env.npm_lifecycle_event === 'npx' && /^['"]?tributary\b/.test(env.npm_lifecycle_script ?? '');
  const isByNpx = place === 'package' || isNpx;
  return (command, rest = '') => {
    if (place === 'image') return `tributary ${command} ${rest}`.trim();
    if (isByNpx) return `npx tributary ${command} ${rest}`.trim();
    const script =
      SCRIPTS[command] ?? (OWN_SCRIPTS.has(command) ? `npm run ${command}` : `npm run tributary -- ${command}`);
    if (rest === '') return script;
    return script.includes(' -- ') ? `${script} ${rest}` : `${script} -- ${rest}`;
  };
}
