import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bringInStep } from './in-step.js';

// The script "version", which `npm version` runs when it has changed package.json, and before it commits and makes the tag (docs/releases.md).
const root = fileURLToPath(new URL('../../../', import.meta.url));
const changed = bringInStep(root, new Date().toISOString().slice(0, 10));
execFileSync('git', ['add', '--', ...changed], { cwd: root, stdio: 'inherit' });
