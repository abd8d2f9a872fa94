import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Imports run tributary → services → shared, and services never import each other. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  'mock-api': ['shared'],
  producer: ['shared'],
  consumer: ['shared'],
  dashboard: ['shared'],
  tributary: ['shared', 'mock-api', 'producer', 'consumer', 'dashboard'],
};

/** The workspaces that the modules of one import, types included, and the paths that leave it. */
function importsOf(workspace: string): { readonly workspaces: ReadonlySet<string>; readonly outside: string[] } {
  const folder = join(ROOT, workspace, 'src');
  const workspaces = new Set<string>();
  const outside: string[] = [];
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  )) {
    const text = readFileSync(join(folder, name), 'utf8');
    for (const [, specifier = ''] of text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)) {
      const [, other] = /^@tributary\/([^/]+)/.exec(specifier) ?? [];
      if (other !== undefined) workspaces.add(other);
      if (specifier.startsWith('.') && !join(folder, name, '..', specifier).startsWith(join(ROOT, workspace)))
        outside.push(`${name}: ${specifier}`);
    }
  }
  return { workspaces, outside };
}

describe.each(Object.entries(MAY_IMPORT))('%s', (workspace, allowed) => {
  const { workspaces, outside } = importsOf(workspace);

  it('imports no workspace that it may not', () => {
    expect([...workspaces].filter((other) => !allowed.includes(other))).toEqual([]);
  });

  it('reaches into no other workspace by a path', () => {
    expect(outside).toEqual([]);
  });

  it('depends in its package.json on the workspaces that it imports, and on no other', () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, workspace, 'package.json'), 'utf8')) as {
      dependencies: Readonly<Record<string, string>>;
    };
    const named = Object.keys(dependencies).filter((name) => name.startsWith('@tributary/'));
    expect(named.toSorted()).toEqual([...workspaces].map((other) => `@tributary/${other}`).toSorted());
  });
});
