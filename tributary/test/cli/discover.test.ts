import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cli } from './support.js';

let folder: string;
let server: Server;
let url: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-cli-'));
  server = createServer((request, response) => {
    const isKnown = request.headers.authorization === 'Bearer t-12345';
    response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' });
    const body = { data: ['a', 'b', 'c'].map((id) => ({ id, name: `of ${id}` })), has_more: false };
    response.end(JSON.stringify(isKnown ? body : { message: 'who are you?' }));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/things`;
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

describe('discover', () => {
  it('writes a file that check takes, the secret beside it, ten rows, and the line to run', async () => {
    const file = join(folder, 'mine.yaml');
    const line = `curl ${url} -H 'Authorization: Bearer t-12345'`;
    const { code, stdout, stderr } = await cli(['discover', line, '--yes', '--config', file], { installed: true });
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('things:\nid ');
    expect(stdout).toContain('of c');
    expect(stdout).toContain(`npx tributary start --once --config ${file}`);
    const written = readFileSync(file, 'utf8');
    expect(`${written}${stdout}${stderr}`).not.toContain('t-12345');
    expect(readFileSync(join(folder, '.env'), 'utf8')).toContain('t-12345');
    expect(statSync(join(folder, '.env')).mode & 0o777).toBe(0o600);
    expect(await cli(['check', file], { env: { API_TOKEN: 't-12345' } })).toMatchObject({ code: 0 });
  });

  it('asks nothing where the folder of the file is missing', async () => {
    let requests = 0;
    server.on('request', () => requests++);
    const { code, stderr } = await cli(['discover', url, '--yes', '--config', join(folder, 'none', 'mine.yaml')]);
    expect(code).toBe(1);
    expect(stderr).toContain(`there is no folder ${join(folder, 'none')}`);
    expect(requests).toBe(0);
  });

  it('says what the API answered, and writes nothing, where it is refused', async () => {
    const file = join(folder, 'mine.yaml');
    const { code, stderr } = await cli(['discover', url, '--config', file]);
    expect(code).toBe(1);
    expect(stderr).toContain('who are you?');
    expect(stderr).toContain('Give credentials');
    expect(existsSync(file)).toBe(false);
  });

  it('makes a file of a sample without asking anything', async () => {
    const sample = join(folder, 'things.json');
    writeFileSync(
      sample,
      JSON.stringify([
        { id: 1, at: '2024-05-01T00:00:00Z' },
        { id: 2, at: '2024-05-02T00:00:00Z' },
      ]),
    );
    const { code, stdout } = await cli(['discover', '--from', sample, '--print', '--name', 'things']);
    expect(code).toBe(0);
    expect(stdout).toContain('at: datetime?');
    expect(await cli(['discover'])).toMatchObject({ code: 1, stderr: expect.stringContaining('expected a URL') });
  });

  it('tells which variables a description takes, also where the file is printed', async () => {
    const described = join(folder, 'openapi.json');
    const schema = { type: 'array', items: { type: 'object', properties: { id: { type: 'integer' } } } };
    const parameters = ['AWS_SECRET', 'shop'].map((name) => ({ in: 'query', name, required: true }));
    const get = { parameters, responses: { 200: { content: { 'application/json': { schema } } } } };
    writeFileSync(
      described,
      JSON.stringify({ servers: [{ url: 'https://x.example' }], paths: { '/things': { get } } }),
    );
    const { stdout, stderr } = await cli(['discover', '--openapi', described, '--print'], {
      env: { AWS_SECRET: 'geheim-1' },
    });
    expect(stdout).not.toContain('geheim-1');
    expect(stderr).toContain('Taken from your environment, and sent to the server that the file names: AWS_SECRET.');
    expect(stderr).toContain('Set in the environment: SHOP.');
  });

  it('adds nothing of what the file polls already, unless it is given a name', async () => {
    const file = join(folder, 'mine.yaml');
    const again = ['discover', url, '--auth', 'bearer t-12345', '--yes', '--config', file];
    expect(await cli(again)).toMatchObject({ code: 0 });
    const before = readFileSync(file, 'utf8');
    const { code, stderr } = await cli(again);
    expect(code).toBe(1);
    expect(stderr).toContain(`things of ${file} already polls this, so nothing is written`);
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(await cli([...again, '--name', 'others'])).toMatchObject({ code: 0 });
    expect(readFileSync(file, 'utf8')).toContain('others:');
  });

  it.each(['/nowhere/nope.csv', './nope', '../nope/', 'nope.json', 'nowhere/nope.csv.gz'])(
    'says that there is no such file, and asks nothing: %s',
    async (path) => {
      const { code, stderr } = await cli(['discover', path, '--print']);
      expect(code).toBe(1);
      expect(stderr).toContain(`there is no such file or folder: ${path}; nothing was sent`);
    },
  );
});
