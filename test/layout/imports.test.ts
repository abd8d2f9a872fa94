import { describe, expect, it } from 'vitest';
import { readDependencies, readSources, type SourceFile } from './sources.js';

/** Each workspace, and the workspaces that its `src` may import: tributary → services → shared. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  'mock-api': ['shared'],
  producer: ['shared'],
  consumer: ['shared'],
  dashboard: ['shared'],
  tributary: ['shared', 'mock-api', 'producer', 'consumer', 'dashboard'],
  test: ['shared', 'mock-api', 'producer', 'consumer', 'dashboard', 'tributary'],
  bench: ['shared', 'producer', 'test'],
};

/** The steps of a record's path, which use sources, sinks, stores and channels through ports alone. */
const STEPS =
  /^(producer\/src\/(poll|follow|publish|schedule)\/|consumer\/src\/(consume\.ts|(intake|claim|merge|write|dead-letters)\/))/;

/** What is behind the ports. */
const ADAPTERS = [
  /^producer\/src\/sources\/rest\//,
  /^producer\/src\/sources\/sql\/(databases|mysql|postgres)/,
  /^producer\/src\/sources\/postgres-changes\//,
  /^consumer\/src\/sinks\/(csv|postgres)\//,
  /^consumer\/src\/ledger\/redis/,
  /\/(redis-[^/]+|[^/]+-redis)(\.ts)?$/,
];
const DRIVERS = ['amqplib', 'ioredis', 'mysql2', 'pg', 'undici', 'fast-csv'];

const sources = readSources(Object.keys(MAY_IMPORT));
const isAdapter = (path: string) => ADAPTERS.some((adapter) => adapter.test(path));
const workspaceOf = (path: string) => path.split('/')[0] ?? '';

/** The workspace that an import leads to; undefined for a package from elsewhere. */
function targetOf(imported: string): string | undefined {
  const name = /^@tributary\/([^/]+)/.exec(imported)?.[1] ?? workspaceOf(imported);
  return Object.hasOwn(MAY_IMPORT, name) ? name : undefined;
}

/** The imports that break a rule, one line each. */
const importsThat = (files: readonly SourceFile[], isWrong: (file: SourceFile, imported: string) => boolean) =>
  files.flatMap((file) =>
    file.imports.filter((one) => isWrong(file, one)).map((imported) => `${file.path} imports ${imported}`),
  );

/** Each line of the sources that has this, with its place. */
const linesWith = (pattern: RegExp) =>
  sources.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );

describe('the imports', () => {
  it('are found: a test that read nothing would always pass', () => {
    expect(sources.length).toBeGreaterThan(500);
    expect(importsThat(sources, (_file, one) => one === '@tributary/shared').length).toBeGreaterThan(100);
    expect(importsThat(sources, (_file, one) => one === 'consumer/src/consume')).not.toEqual([]);
  });

  it('run from tributary to the services to shared, and never from one service to another', () => {
    const inSrc = sources.filter(({ path }) => /^[^/]+\/src\//.test(path));
    const wrong = importsThat(inSrc, ({ path }, imported) => {
      const own = workspaceOf(path);
      const target = targetOf(imported);
      return target !== undefined && target !== own && !MAY_IMPORT[own]?.includes(target);
    });
    expect(wrong).toEqual([]);
  });

  it('of another workspace name its package, so that they see no more than it exports', () => {
    const inSrc = sources.filter(({ path }) => /^[^/]+\/src\//.test(path));
    const wrong = importsThat(
      inSrc,
      ({ path }, imported) => Object.hasOwn(MAY_IMPORT, workspaceOf(imported)) && isOther(path, imported),
    );
    expect(wrong).toEqual([]);
  });

  it.each(['shared', 'mock-api', 'producer', 'consumer', 'dashboard', 'tributary'])(
    'of %s are the workspaces that its package.json names, and no others',
    (workspace) => {
      const own = sources.filter(({ path }) => path.startsWith(`${workspace}/src/`));
      const targets = new Set(own.flatMap(({ imports }) => imports).map(targetOf));
      const imported = [...targets].filter((target) => target !== undefined && target !== workspace);
      const named = readDependencies(workspace).flatMap((name) => targetOf(name) ?? []);
      expect(named.toSorted()).toEqual(imported.toSorted());
    },
  );

  it('of a step lead to no adapter and no driver', () => {
    const steps = sources.filter(({ path }) => STEPS.test(path) && !isAdapter(path));
    expect(steps.length).toBeGreaterThan(30);
    const wrong = importsThat(steps, (_file, imported) => isAdapter(imported) || DRIVERS.includes(imported));
    expect(wrong).toEqual([]);
  });
});

/** Whether a path leads out of the workspace of the file. (The package `tributary` has the name of its folder.) */
const isOther = (path: string, imported: string) =>
  imported !== 'tributary' && workspaceOf(imported) !== workspaceOf(path);

describe('the layout', () => {
  it.each(['producer', 'consumer', 'mock-api', 'dashboard'])('has at most six files directly in %s/src', (service) => {
    const direct = sources.filter(({ path }) => new RegExp(`^${service}/src/[^/]+$`).test(path));
    expect(direct.length).toBeGreaterThan(0);
    expect(direct.length, direct.map(({ path }) => path).join(', ')).toBeLessThanOrEqual(6);
  });

  it('has no file that is called utils', () => {
    expect(sources.filter(({ path }) => /\/utils?\.(ts|js)$/.test(path)).map(({ path }) => path)).toEqual([]);
  });
});

describe('the dialect', () => {
  it('makes no type of something that it is not', () => {
    expect(linesWith(/\bas unknown as\b/)).toEqual([]);
  });

  it('packs no line with spreads of literals', () => {
    expect(linesWith(/\.\.\.(\{|\[[^[\]]*\](?=\s*[,)\]}]))/)).toEqual([]);
  });

  // The compiler refuses parameter properties (erasableSyntaxOnly). A constructor may be private: a factory calls it.
  it('has private members that are private at run time', () => {
    expect(linesWith(/^\s*(private|protected)\s+(?!constructor\b)/)).toEqual([]);
  });
});
