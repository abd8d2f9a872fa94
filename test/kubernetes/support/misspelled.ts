import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../end-to-end/support/program.js';
import type { Manifest } from './manifests.js';
import { modelFor } from './models.js';

/**
 * What TypeScript finds wrong with the manifests, each as a literal of its type. The schemas of Kubernetes allow fields that nobody knows, and so does
 * Kubernetes unless it is asked not to: a `readinesProbe` would be no probe, and nobody would be told.
 */
export function misspelledIn(manifests: readonly Manifest[]): string[] {
  // In here, so that it finds the packages.
  const parent = join(ROOT, 'test', 'dist');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'kubernetes-'));
  try {
    const file = join(folder, 'manifests.ts');
    const lines = manifests.flatMap((manifest, index) => {
      const { type } = modelFor(manifest);
      if (type === undefined) return [];
      const [module, name] = type;
      return [
        `import type { ${name} as T${index} } from '${module}';`,
        // A reader of the fault sees which manifest it is.
        `export const ${manifest.kind}_${manifest.metadata.name.replaceAll(/\W/g, '_')}_${index}: T${index} = ${JSON.stringify(manifest)};`,
      ];
    });
    writeFileSync(file, lines.join('\n'));
    const flags = ['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', ''];
    execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), ...flags, file], { stdio: 'pipe' });
    return [];
  } catch (error) {
    const { stdout = '' } = error as { stdout?: Buffer | string };
    const said = String(stdout).trim();
    if (said === '') throw error;
    return said.split('\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
