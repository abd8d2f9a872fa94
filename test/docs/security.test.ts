import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');
const threats = page.slice(page.indexOf('## Threats')).split('\n').slice(4);

test('every threat of docs/security.md names a test that exists', () => {
  const rows = threats.filter((line) => line.startsWith('|'));
  expect(rows.length).toBeGreaterThan(15);
  for (const row of rows) {
    const [, file = '', name = ''] = /\| ([\w./-]+\.test\.ts): (.+) \|$/.exec(row) ?? [];
    expect(file, row).not.toBe('');
    expect(existsSync(join(ROOT, file)), `${file} is there`).toBe(true);
    expect(readFileSync(join(ROOT, file), 'utf8'), `${file} has "${name}"`).toContain(`'${name}'`);
  }
});
