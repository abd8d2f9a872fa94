import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';

const home = fileURLToPath(new URL('../../', import.meta.url));
const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { bin: { tributary: string } };
const { tributary: bin } = manifest.bin;

describe('the file of the command', () => {
  test('is there before anything is compiled: npm links only what is there when it installs', () => {
    expect(bin).not.toContain('dist');
    expect(existsSync(join(home, bin))).toBe(true);
  });

  test('says what to do while nothing is compiled', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-bin-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    cpSync(join(home, 'package.json'), join(folder, 'package.json'));
    cpSync(join(home, bin), join(folder, bin), { recursive: true });
    const run = promisify(execFile)(process.execPath, [join(folder, bin), 'check']);
    await expect(run).rejects.toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('npm run build') });
  });
});
