import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { bringInStep, NAMING } from '../../src/package/in-step.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const read = (root: string, path: string) => readFileSync(join(root, path), 'utf8');
const { version, workspaces } = JSON.parse(read(ROOT, 'package.json')) as { version: string; workspaces: string[] };
const MANIFESTS = ['package.json', ...workspaces.map((workspace) => `${workspace}/package.json`)];

interface Lock {
  readonly version: string;
  readonly packages: Record<string, { readonly version?: string; readonly dependencies?: Record<string, string> }>;
}

/** Every version of ours that these files name. */
function versionsIn(root: string): Set<string> {
  const lock = JSON.parse(read(root, 'package-lock.json')) as Lock;
  const own = ['', ...workspaces].map((path) => lock.packages[path] ?? {});
  const texts = [...MANIFESTS.map((path) => read(root, path)), JSON.stringify(own, undefined, 2)];
  const found = texts.flatMap((text) => [...text.matchAll(/"(?:version|@tributary\/[a-z-]+)": "(\d[^"]*)"/g)]);
  return new Set([lock.version, ...found.map(([, one = '']) => one)]);
}

test('All workspaces, what they ask for of each other, the lock file and all texts name one version, which the CHANGELOG has', () => {
  expect(versionsIn(ROOT)).toEqual(new Set([version]));
  for (const path of NAMING) expect(read(ROOT, path), path).toContain(version);
  expect(read(ROOT, 'CHANGELOG.md')).toMatch(
    new RegExp(`^## ${version.replaceAll('.', '\\.')} \\(\\d{4}-\\d\\d-\\d\\d\\)$`, 'm'),
  );
});

describe('a release', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tributary-version-'));
    onTestFinished(() => rmSync(root, { recursive: true }));
    for (const path of [...MANIFESTS, ...NAMING, 'package-lock.json']) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      cpSync(join(ROOT, path), join(root, path));
    }
    // As `npm version` has changed it by then.
    writeFileSync(join(root, 'package.json'), read(ROOT, 'package.json').replace(version, '7.8.9'));
  });
  const changelog = (text: string) => writeFileSync(join(root, 'CHANGELOG.md'), text);

  test('brings everything in step, and gives what was not released a heading', () => {
    changelog('# Changelog\n\n## Unreleased\n\n- This.\n\n## 0.2.0 (2026-11-29)\n\n- That.\n');
    const changed = bringInStep(root, '2030-01-02');
    expect(versionsIn(root)).toEqual(new Set(['7.8.9']));
    for (const path of NAMING) expect(read(root, path)).toBe(read(ROOT, path).replaceAll(version, '7.8.9'));
    expect(read(root, 'CHANGELOG.md')).toBe(
      '# Changelog\n\n## Unreleased\n\n## 7.8.9 (2030-01-02)\n\n- This.\n\n## 0.2.0 (2026-11-29)\n\n- That.\n',
    );
    expect(new Set(changed)).toEqual(new Set([...MANIFESTS.slice(1), ...NAMING, 'package-lock.json', 'CHANGELOG.md']));
  });

  test.each([
    { what: 'nothing to tell', text: '## Unreleased\n\n## 0.2.0 (2026-11-29)\n', words: 'nothing to release' },
    { what: 'nothing to tell, as the first', text: '## Unreleased\n', words: 'nothing to release' },
    { what: 'no such section', text: '## 0.2.0 (2026-11-29)\n', words: 'no section "Unreleased"' },
    { what: 'a version that was before', text: '## Unreleased\n\n- A.\n\n## 7.8.9 (2026-11-29)\n', words: 'already' },
  ])('with $what is refused, and nothing is changed', ({ text, words }) => {
    changelog(text);
    expect(() => bringInStep(root, '2030-01-02')).toThrow(words);
    expect(read(root, 'CHANGELOG.md')).toBe(text);
    expect(read(root, 'shared/package.json')).toBe(read(ROOT, 'shared/package.json'));
  });
});
