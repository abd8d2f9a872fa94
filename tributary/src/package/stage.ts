import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** The workspaces that the package holds beside `tributary` itself. */
export const BUNDLED = ['shared', 'mock-api', 'producer', 'consumer', 'dashboard'] as const;
type Bundled = (typeof BUNDLED)[number];

/** What a workspace reads from disk as it runs, beside its modules. */
const ASSETS: Readonly<Record<Bundled | 'tributary', readonly string[]>> = {
  shared: [],
  'mock-api': [],
  producer: [],
  consumer: ['src/ledger/lua'],
  dashboard: ['public'],
  tributary: ['bin', 'templates', 'README.md'],
};

/** The suites that hold sources and sinks to their ports, of the workspaces' tests. They need Vitest and fast-check, which nothing else does. */
const SUITES: Readonly<Partial<Record<Bundled, readonly string[]>>> = {
  producer: ['sources/conformance'],
  consumer: ['sinks/conformance', 'sinks/erase-record', 'sinks/records', 'sinks/context'],
};
const TESTING = {
  js: [
    "export { describeSink } from './lib/consumer/test/sinks/conformance.js';",
    "export { contextOf } from './lib/consumer/test/sinks/context.js';",
    "export { describeSource } from './lib/producer/test/sources/conformance.js';",
  ],
  types: [
    "export type { Store } from './lib/consumer/test/sinks/conformance.js';",
    "export type { SourceStage, StageRecord } from './lib/producer/test/sources/conformance.js';",
  ],
};
const FOR_TESTING = ['fast-check', 'vitest'] as const;

/** Developers' alone: what makes the package, and what declares modules to the compiler that builds it. */
const NOT_SHIPPED = /^package[/\\]|\.d\.ts$/;

export interface Manifest {
  readonly [field: string]: unknown;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/**
 * Lays out what `npm pack` makes the one package of: the modules that `tsc -b` built, with `tributary` at the top and the
 * other workspaces in `lib`, each as it lies in the repository, so that what they read from disk is where they look for it.
 * Imports of workspaces become relative; what they import of others becomes the package's dependencies.
 *
 * @param root the repository
 * @param stage an empty folder
 * @throws Error if something is not built, or imports a workspace that is not in the package
 */
export function stagePackage(root: string, stage: string): void {
  const homes = new Map<string, string>(BUNDLED.map((name) => [`@tributary/${name}`, join(stage, 'lib', name)]));
  for (const name of BUNDLED) stageWorkspace(join(root, name), join(stage, 'lib', name), ASSETS[name], homes);
  stageWorkspace(join(root, 'tributary'), stage, ASSETS.tributary, homes);
  for (const [name, suites] of Object.entries(SUITES))
    stageSuites(join(root, name), join(stage, 'lib', name), suites, homes);
  writeFileSync(join(stage, 'testing.js'), `${TESTING.js.join('\n')}\n`);
  writeFileSync(join(stage, 'testing.d.ts'), `${[...TESTING.js, ...TESTING.types].join('\n')}\n`);
  cpSync(join(root, 'LICENSE'), join(stage, 'LICENSE'));
  // Editors find it by the first line of the file that init writes.
  cpSync(join(root, 'docs/reference/pipeline.schema.json'), join(stage, 'pipeline.schema.json'));
  const manifests = ['tributary', ...BUNDLED].map((name) => readManifest(join(root, name)));
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifestOf(readManifest(root), manifests), null, 2)}\n`);
}

function stageWorkspace(from: string, to: string, assets: readonly string[], homes: ReadonlyMap<string, string>): void {
  for (const asset of assets) cpSync(join(from, asset), join(to, asset), { recursive: true });
  // By the sources: what was built of a file that is no more may still lie in dist.
  for (const name of readdirSync(join(from, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || NOT_SHIPPED.test(name)) continue;
    stageModule(join(from, 'dist'), join(to, 'dist'), name.replace(/\.ts$/, ''), homes);
  }
}

function stageSuites(from: string, to: string, suites: readonly string[], homes: ReadonlyMap<string, string>): void {
  // Tests import the sources beside them.
  const ofModules = (text: string) => text.replaceAll(/(['"]\.\.\/[^'"]*)\/src\//g, '$1/dist/');
  for (const suite of suites) stageModule(join(from, 'test', 'dist'), join(to, 'test'), suite, homes, ofModules);
}

/** @param name of the module, without its extension */
function stageModule(
  from: string,
  to: string,
  name: string,
  homes: ReadonlyMap<string, string>,
  changed = (text: string) => text,
): void {
  for (const extension of ['.js', '.d.ts']) {
    const [module, target] = [join(from, `${name}${extension}`), join(to, `${name}${extension}`)];
    if (!existsSync(module)) throw new Error(`there is no ${module}: run "npm run build" first`);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, withRelativeImports(changed(readFileSync(module, 'utf8')), target, homes));
  }
}

/** `from '@tributary/shared'` becomes `from '../lib/shared/dist/index.js'`; the maps, which are not shipped, go unnamed. */
function withRelativeImports(text: string, file: string, homes: ReadonlyMap<string, string>): string {
  return text
    .replaceAll(/(['"])(@tributary\/[^'"]+)\1/g, (_, quote: string, name: string) => {
      const home = homes.get(name);
      if (home === undefined) throw new Error(`${file} imports ${name}, which is not in the package`);
      const path = relative(dirname(file), join(home, 'dist', 'index.js')).replaceAll('\\', '/');
      return `${quote}${path.startsWith('.') ? path : `./${path}`}${quote}`;
    })
    .replace(/\n\/\/# sourceMappingURL=\S+\s*$/, '\n');
}

export const readManifest = (folder: string): Manifest => ({
  dependencies: {},
  ...(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as object),
});

/** @throws Error if two workspaces ask for different versions of a package */
function manifestOf(root: Manifest, manifests: readonly Manifest[]): object {
  const [{ name, version, license, type, bin } = root] = manifests;
  const dependencies = new Map<string, string>();
  for (const [dependency, wanted] of manifests.flatMap((one) => Object.entries(one.dependencies))) {
    if (dependency.startsWith('@tributary/')) continue;
    const known = dependencies.get(dependency) ?? wanted;
    if (known !== wanted) throw new Error(`${dependency} is wanted as ${known} and as ${wanted}`);
    dependencies.set(dependency, wanted);
  }
  return {
    name,
    version,
    description: root.description,
    license,
    type,
    engines: root.engines,
    bin,
    exports: {
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './testing': { types: './testing.d.ts', default: './testing.js' },
      './package.json': './package.json',
    },
    peerDependencies: Object.fromEntries(FOR_TESTING.map((name) => [name, root.devDependencies?.[name] ?? '*'])),
    peerDependenciesMeta: Object.fromEntries(FOR_TESTING.map((name) => [name, { optional: true }])),
    dependencies: Object.fromEntries([...dependencies].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
}
