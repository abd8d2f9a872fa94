import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');
const threats = page
  .slice(page.indexOf('## Threats'))
  .split('\n')
  .slice(4)
  .filter((line) => line.startsWith('|'));
/** A merge once left out 43 of them, and nobody noticed. Raise it now and then. */
const AT_LEAST = 97;

test('every threat of docs/security.md names a test that exists', () => {
  for (const row of threats) {
    const [, file = '', name = ''] = /\| ([\w./-]+\.test\.ts): (.+) \|$/.exec(row) ?? [];
    expect(file, row).not.toBe('');
    expect(existsSync(join(ROOT, file)), `${file} is there`).toBe(true);
    expect(readFileSync(join(ROOT, file), 'utf8'), `${file} has "${name}"`).toContain(`'${name}'`);
  }
});

test('the table of threats has the rows that it had, of each part', () => {
  expect(threats.length).toBeGreaterThanOrEqual(AT_LEAST);
  const files = new Set(threats.map((row) => /([\w-]+)\.test\.ts: /.exec(row)?.[1]));
  for (const name of ['routes', 'sessions', 'loads', 'dead-letter-looks']) expect([...files]).toContain(name);
});
