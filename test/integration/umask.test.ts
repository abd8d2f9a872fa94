import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { ROOT } from '../end-to-end/support/program.js';

const folder = mkdtempSync(join(tmpdir(), 'umask-'));
afterAll(() => rmSync(folder, { recursive: true }));

const program = (name: string) => join(ROOT, name);

/** The modes of all that was written, such as `d750 f640`. */
function modesIn(path: string): string {
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  const modes = entries.map((entry) => {
    const { mode } = statSync(join(entry.parentPath, entry.name));
    return `${entry.isDirectory() ? 'd' : 'f'}${(mode & 0o777).toString(8)}`;
  });
  return [...new Set(modes)].sort().join(' ');
}

test.for([
  [undefined, 'd750 f640'],
  ['022', 'd755 f644'],
] as const)('with UMASK %j parts, marks and folders have the modes %s', async ([umask, modes]) => {
  const api = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end('[{"id":"1"},{"id":2}]');
  }).listen(0, '127.0.0.1');
  await once(api, 'listening');
  const file = join(folder, 'pipeline.yaml');
  const { port } = api.address() as AddressInfo;
  const entity = 'customer: { dataset: customers, queue: umask_customer, key: id, fields: { id: string } }';
  const endpoint = `crm: { url: "http://127.0.0.1:${port}/", entity: customer }`;
  writeFileSync(file, `name: umask\nentities:\n  ${entity}\nendpoints:\n  ${endpoint}\n`);
  const output = join(folder, `output-${umask}`);
  const { PATH = '' } = process.env;
  const env = { PATH, ...(umask === undefined ? {} : { UMASK: umask }) };
  const args = ['start', '--once', '--config', file, '--output', output];
  await promisify(execFile)(process.execPath, [program('tributary/dist/cli/main.js'), ...args], { cwd: folder, env });
  api.close();
  expect(modesIn(output)).toBe(modes);
});

test.for([
  ['rwx', 'tributary/dist/cli/main.js'],
  ['0777', 'consumer/dist/main.js'],
] as const)('UMASK %s is refused in words by %s', async ([umask, main]) => {
  const started = promisify(execFile)(process.execPath, [program(main), '--version'], { env: { UMASK: umask } });
  await expect(started).rejects.toThrow('UMASK: expected octal digits such as 027 or 022');
});
