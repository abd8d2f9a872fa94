import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stagePackage } from './stage.js';

// `npm run check:package [-- FOLDER]`: what publint and attw find wrong with the package, and its API as pages by TypeDoc, in FOLDER if one is given. npm brings
// the three for this alone: TypeDoc works with a compiler of its own, which is another than this repository's.

const TOOLS = {
  publint: ['publint@0.3'],
  attw: ['@arethetypeswrong/cli@0.18'],
  typedoc: ['typedoc@0.28', 'typescript@5.9'],
} as const;

const root = fileURLToPath(new URL('../../../', import.meta.url));
// Within the repository, where what the package's types name is found in node_modules.
const cache = join(root, 'node_modules', '.cache', 'tributary');
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(join(cache, 'check-'));

function run(tool: keyof typeof TOOLS, ...args: string[]): void {
  const packages = TOOLS[tool].map((name) => `--package=${name}`);
  // Elsewhere, so that npm takes none of this repository's programs for the tool's.
  const options = { cwd: folder, stdio: 'inherit', shell: process.platform === 'win32' } as const;
  execFileSync('npm', ['exec', '--yes', '--loglevel=error', ...packages, '--', tool, ...args], options);
}

try {
  const stage = join(folder, 'package');
  mkdirSync(stage);
  stagePackage(root, stage);
  execFileSync('npm', ['pack', '--loglevel=error', '--pack-destination', folder, stage], { stdio: 'ignore' });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  run('publint', stage, '--strict');
  run('attw', join(folder, tarball), '--profile', 'esm-only');
  const pages = resolve(process.argv[2] ?? join(folder, 'pages'));
  const entries = ['dist/index.d.ts', 'testing.d.ts'].map((name) => join(stage, name));
  const compilerOptions = { module: 'nodenext', target: 'es2023', strict: true, skipLibCheck: true, types: ['node'] };
  const tsconfig = join(folder, 'tsconfig.json');
  writeFileSync(tsconfig, JSON.stringify({ compilerOptions, files: entries }));
  run(
    'typedoc',
    ...entries.flatMap((entry) => ['--entryPoints', entry]),
    '--tsconfig',
    tsconfig,
    '--out',
    pages,
    '--name',
    'tributary',
    '--readme',
    join(stage, 'README.md'),
    '--treatWarningsAsErrors',
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
