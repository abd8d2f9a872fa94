import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './command.js';

/**
 * The one command of the README's section on Docker Compose in whose line this text stands, in its comment for instance.
 * What the tests run is what the README tells people to run.
 * @throws Error if there is none, or more than one
 */
export function readmeCommand(text: string): string {
  const found = commandLines().filter((line) => line.includes(text));
  const [line] = found;
  if (line === undefined || found.length > 1) {
    throw new Error(`the README has ${found.length} compose commands with "${text}", and should have one`);
  }
  return line.replace(/\s+# .*$/, '').trim();
}

function commandLines(): string[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const section = /^## Run it with Docker Compose$(.*?)^## /ms.exec(readme)?.[1];
  if (section === undefined) throw new Error('the README has no section "Run it with Docker Compose"');
  return [...section.matchAll(/^ {4}\S.*$/gm)].map(([line]) => line);
}
