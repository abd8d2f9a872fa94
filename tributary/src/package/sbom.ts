import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Bill, billOf } from './bill.js';
import { BUNDLED, readManifest } from './stage.js';

// `npm run --silent sbom [-- FILE]`: what runs in the package and the images, with versions, licenses and hashes, as CycloneDX in JSON.
const root = fileURLToPath(new URL('../../../', import.meta.url));
const options = {
  cwd: root,
  maxBuffer: 64 * 1024 ** 2,
  encoding: 'utf8',
  shell: process.platform === 'win32',
} as const;
const bill = JSON.parse(execFileSync('npm', ['sbom', '--sbom-format=cyclonedx'], options)) as Bill;
const manifests = ['tributary', ...BUNDLED].map((folder) => readManifest(join(root, folder)));
const found = billOf(bill, new Map(manifests.map((manifest) => [String(manifest.name), manifest])));
const text = `${JSON.stringify(found, undefined, 2)}\n`;
const file = process.argv[2];
if (file === undefined) process.stdout.write(text);
else writeFileSync(resolve(file), text);
