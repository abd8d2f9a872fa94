#!/usr/bin/env node
import { existsSync } from 'node:fs';

// npm links a command only if its file is there when npm installs. In a clone, what is compiled is not there yet; this file is.

const program = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(program)) await import(program.href);
else {
  process.stderr.write('Tributary is not compiled yet. Run "npm run build" once, and again after each update.\n');
  process.exitCode = 1;
}
