import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What of a package.json, or of a workspace in package-lock.json, has the version in it. */
interface Versioned {
  version?: string;
  readonly workspaces?: readonly string[];
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}

interface Lock extends Versioned {
  readonly packages: Record<string, Versioned>;
}

/** Files that name the version in their text: it stands there as it is. */
export const NAMING = [
  'dashboard/src/http/openapi.ts',
  'deploy/kubernetes/base/kustomization.yaml',
  'docs/operating.md',
  'docs/operating/kubernetes.md',
];

/**
 * Gives the workspaces, the lock file and all that names it the version that the repository's package.json has, and what was not released yet a heading in
 * the CHANGELOG.
 *
 * @param day of the release, as `2026-11-29`
 * @returns the files that were changed
 * @throws Error if nothing is to be released, or the version was before
 */
export function bringInStep(root: string, day: string): string[] {
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const { version = '', workspaces = [] } = JSON.parse(read('package.json')) as Versioned;
  const before = (JSON.parse(read('shared/package.json')) as Versioned).version ?? '';
  const changed = new Map([['CHANGELOG.md', released(read('CHANGELOG.md'), version, day)]]);
  for (const workspace of workspaces) {
    const path = `${workspace}/package.json`;
    const manifest = JSON.parse(read(path)) as Versioned;
    changed.set(path, asJson(raise(manifest, version)));
  }
  const lock = JSON.parse(read('package-lock.json')) as Lock;
  lock.version = version;
  for (const path of ['', ...workspaces]) raise(lock.packages[path] ?? {}, version);
  changed.set('package-lock.json', asJson(lock));
  for (const path of NAMING) {
    const text = read(path);
    if (!text.includes(before)) throw new Error(`${path} does not name the version ${before}`);
    changed.set(path, text.replaceAll(before, version));
  }
  for (const [path, text] of changed) writeFileSync(join(root, path), text);
  return [...changed.keys()];
}

const asJson = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** Workspaces ask for exactly this version of each other. */
function raise(one: Versioned, version: string): Versioned {
  one.version = version;
  for (const needed of [one.dependencies ?? {}, one.devDependencies ?? {}])
    for (const name of Object.keys(needed)) if (name.startsWith('@tributary/')) needed[name] = version;
  return one;
}

const UNRELEASED = '## Unreleased\n';

function released(changelog: string, version: string, day: string): string {
  if (changelog.includes(`\n## ${version} `)) throw new Error(`CHANGELOG.md has a section ${version} already`);
  const [before, after] = changelog.split(UNRELEASED);
  if (before === undefined || after === undefined) throw new Error('CHANGELOG.md has no section "Unreleased"');
  if (/^\s*(## |$)/.test(after))
    throw new Error('CHANGELOG.md tells nothing under "Unreleased": there is nothing to release');
  return `${before}${UNRELEASED}\n## ${version} (${day})\n${after}`;
}
