import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readProtectionKeys } from '@tributary/producer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encrypt } from '../../../producer/src/shape/protect/encrypted.js';
import { cli } from './support.js';

const PRIVACY_ENCRYPTION_KEYS = `one:${'a key of the tests that is long'.repeat(2)}`;
const [key] = readProtectionKeys({ PRIVACY_ENCRYPTION_KEYS }).encryption;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-reveal-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const reveal = (value: string, keys = PRIVACY_ENCRYPTION_KEYS) =>
  cli(['reveal', value, '--reason', 'a test'], {
    env: { PRIVACY_ENCRYPTION_KEYS: keys, AUDIT_LOG: join(folder, 'actions.jsonl') },
  });

describe('reveal', () => {
  it('shows a value, and writes who asked, why and for how many, but not the value', async () => {
    if (key === undefined) throw new Error('no key');
    const { code, stdout, stderr } = await reveal(`phone ${encrypt('0170 1234567', key)}!`);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: 'phone 0170 1234567!\n',
      stderr: '1 value decrypted\n',
    });
    const log = readFileSync(join(folder, 'actions.jsonl'), 'utf8');
    expect(log).toContain('"reason":"a test"');
    expect(log).toContain('"done":1');
    expect(log).not.toContain('1234567');
  });

  it.each([
    ['without the key', '', 'PRIVACY_ENCRYPTION_KEYS is not set'],
    [
      'with another key of the name',
      `one:${'another key of the tests that is long'}`,
      'values of the keys one stay as they are',
    ],
  ])('fails %s', async (_, keys, why) => {
    if (key === undefined) throw new Error('no key');
    const { code, stdout, stderr } = await reveal(encrypt('0170 1234567', key), keys);
    expect(code).toBe(1);
    expect(stderr).toContain(why);
    expect(stdout).not.toContain('1234567');
  });

  it('fails for a text that holds no whole value', async () => {
    expect(await reveal('enc:one:8Rkabc')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no whole value'),
    });
  });
});
