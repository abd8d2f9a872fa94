import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { readProtectionKeys } from '@tributary/producer';
import { expect, onTestFinished, test } from 'vitest';
import { encrypt } from '../../../producer/src/shape/protect/encrypted.js';

const bin = fileURLToPath(new URL('../../bin/tributary.js', import.meta.url));

/** Letters at which some reader of lines ends one, and that are no end of a line. */
const ODD = { 'U+2028': '\u2028', 'U+2029': '\u2029', 'U+0085': '\u0085', 'a lone \\r': '\r', 'a form feed': '\f' };

/** Runs the command as it is built: the one of this process has the standard input of the tests. */
async function run(args: readonly string[], input: string, env: Readonly<Record<string, string>>): Promise<string> {
  const child = spawn(process.execPath, [bin, ...args], { env: { PATH: process.env.PATH, ...env } });
  const told = text(child.stderr);
  child.stdin.end(input);
  const written = await text(child.stdout);
  if (child.exitCode !== 0 && written === '') throw new Error(await told);
  return written;
}

test('reveal gives each line as it came, but for the values', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-stdin-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const PRIVACY_ENCRYPTION_KEYS = `one:${'a key of the tests that is long'.repeat(2)}`;
  const [key] = readProtectionKeys({ PRIVACY_ENCRYPTION_KEYS }).encryption;
  if (key === undefined) throw new Error('no key');
  const lines = (value: string) => Object.values(ODD).map((odd) => `a${odd}b,"c${odd}d",${value}`);
  const end = '\r\n';
  const args = ['reveal', '--as', 'csv', '--reason', 'a test'];
  const env = { PRIVACY_ENCRYPTION_KEYS, AUDIT_LOG: join(folder, 'actions.jsonl') };
  const shown = await run(args, lines(encrypt('clear', key)).join(end) + end, env);
  // What a cell is quoted for is a choice of its own, and what a terminal would act on is written in words.
  const plain = (shows: string) => shows.replaceAll('"', '');
  const written = lines('clear').map((line) =>
    line.replaceAll(/[\r\f\u0085]/g, (odd) => `\\u${odd.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
  expect(plain(shown)).toBe(plain(written.join(end) + end));
});

test('send takes a line of JSON as one record', async () => {
  const bodies: string[] = [];
  const producer = createServer(async (request, response) => {
    const body = await text(request);
    bodies.push(body);
    response.end(JSON.stringify({ accepted: body.split('\n').length, refused: [] }));
  });
  await new Promise<void>((resolve) => producer.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void producer.close());
  const PRODUCER_URL = `http://127.0.0.1:${(producer.address() as AddressInfo).port}`;
  const lines = Object.values(ODD).map((odd) => `{"id":"a${odd}b"}`);
  await run(['send', 'customer'], `${lines.join('\n')}\n`, { PRODUCER_URL });
  expect(bodies).toEqual([lines.join('\n')]);
});
