import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A source file of the repository. Its path is relative to the root, with slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  /** The paths of the files that it imports, without their endings, and the names of packages. Types count too. */
  readonly imports: readonly string[];
}

/** Folders with what is built or installed. */
const NOT_SOURCE = /(^|\/)(dist|node_modules)\//;

/** `from '…'`, `import '…'` and `import('…')`. */
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g;

/** Every TypeScript and JavaScript file of these folders of the root. */
export function readSources(folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .map((path) => join(folder, path).split(sep).join('/'))
      .filter((path) => /\.(ts|js)$/.test(path) && !NOT_SOURCE.test(path))
      .map((path) => {
        const text = readFileSync(join(ROOT, path), 'utf8');
        return { path, text, imports: [...text.matchAll(IMPORT)].map(([, name = '']) => resolve(path, name)) };
      }),
  );
}

function resolve(from: string, name: string): string {
  if (!name.startsWith('.')) return name;
  return normalize(join(dirname(from), name))
    .split(sep)
    .join('/')
    .replace(/\.(js|ts)$/, '');
}

/** The names in the `dependencies` of a workspace's package.json. */
export function readDependencies(workspace: string): string[] {
  const manifest = JSON.parse(readFileSync(join(ROOT, workspace, 'package.json'), 'utf8')) as {
    readonly dependencies?: Readonly<Record<string, string>>;
  };
  return Object.keys(manifest.dependencies ?? {});
}
