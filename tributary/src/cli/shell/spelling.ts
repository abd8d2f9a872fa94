/** How a person writes a command: what follows it comes as one text, such as `list --json`. */
export type Spell = (command: string, rest?: string) => string;

/** The npm scripts of the repository that are not called like their command. */
const SCRIPTS: Readonly<Record<string, string>> = {
  start: 'npm start',
  check: 'npm run check-config',
  init: 'npm run tributary -- init',
};

/** @param installed whether Tributary is a package of another project, not a checkout of its own repository */
export function speller(installed: boolean): Spell {
  return (command, rest = '') => {
    if (installed) return `npx tributary ${command} ${rest}`.trim();
    const script = SCRIPTS[command] ?? `npm run ${command}`;
    if (rest === '') return script;
    return script.includes(' -- ') ? `${script} ${rest}` : `${script} -- ${rest}`;
  };
}
