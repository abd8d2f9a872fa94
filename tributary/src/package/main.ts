import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stagePackage } from './stage.js';

// `npm run pack [-- FOLDER]`: one tarball with everything that runs, in this folder or in another.
const root = fileURLToPath(new URL('../../../', import.meta.url));
const stage = mkdtempSync(join(tmpdir(), 'tributary-pack-'));
try {
  stagePackage(root, stage);
  // Its last line is the tarball's name.
  const destination = resolve(process.argv[2] ?? '.');
  execFileSync('npm', ['pack', '--loglevel=error', '--pack-destination', destination, stage], { stdio: 'inherit' });
} finally {
  rmSync(stage, { recursive: true, force: true });
}
