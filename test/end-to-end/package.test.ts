import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { nodeWithSqlite } from '../services/newer-node.js';
import { ROOT } from './support/program.js';
import { useStage } from './support/stage.js';

const stage = useStage();
const run = promisify(execFile);

/** An empty folder of somebody's, their home, and a folder with Node and nothing else. */
const [folder, home, nodeAlone] = ['empty', 'home', 'node-alone'].map((name) => stage.path(name)) as [
  string,
  string,
  string,
];
const installed = join(folder, 'node_modules', 'tributary');

/** Nothing of the developer's; npm runs what it runs with a shell, which is not always where Node is. */
const plain = { PATH: `${dirname(process.execPath)}:/bin`, HOME: home, npm_config_update_notifier: 'false' };
const npx = (...args: string[]) => run('npx', args, { cwd: folder, env: plain });
const bin = (...args: string[]) =>
  run(process.execPath, [join(folder, 'node_modules/.bin/tributary'), ...args], {
    cwd: folder,
    env: { PATH: nodeAlone, HOME: home },
  });

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
}
const manifestOf = (path: string) => JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Manifest;

describe('the one package to install', () => {
  beforeAll(async () => {
    for (const path of [folder, home, nodeAlone]) mkdirSync(path);
    symlinkSync(process.execPath, join(nodeAlone, 'node'));
    await run(process.execPath, [`${ROOT}tributary/dist/package/main.js`, stage.folder]);
    const [tarball, ...others] = readdirSync(stage.folder).filter((name) => name.endsWith('.tgz'));
    expect(others).toEqual([]);
    // Which registry npm asks is the developer's to say; all that runs later runs without.
    const { PATH = '', HOME = '' } = process.env;
    const options = { cwd: folder, env: { PATH, HOME } };
    await run('npm', ['init', '-y'], options);
    const quiet = ['--no-audit', '--no-fund', '--prefer-offline'];
    await run('npm', ['install', ...quiet, `../${tarball}`], options);
  }, 300_000);

  test('depends on packages that run alone: on no workspace, and on no developer’s tool', () => {
    const dependencies = Object.keys(manifestOf(installed).dependencies);
    expect(dependencies).toContain('amqplib');
    const tools = Object.keys(
      (JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { devDependencies: object }).devDependencies,
    );
    for (const name of dependencies) {
      expect(name).not.toContain('@tributary');
      expect(tools).not.toContain(name);
    }
    expect(existsSync(join(folder, 'node_modules', '@tributary'))).toBe(false);
    expect(existsSync(join(folder, 'node_modules', 'typescript'))).toBe(false);
  });

  test('tells its version and its commands', async () => {
    expect((await npx('tributary', '--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await npx('tributary', 'start', '--help')).stdout).toContain('npx tributary start --once');
  });

  test('writes a pipeline that gives rows out of the box, with PATH holding Node alone', async () => {
    expect((await npx('tributary', 'init')).stdout).toContain('npx tributary start --once');
    const [, schema = ''] = /\$schema=(\S+)/.exec(readFileSync(join(folder, 'pipeline.yaml'), 'utf8')) ?? [];
    expect(existsSync(join(folder, schema))).toBe(true);
    const { stdout, stderr } = await bin('start', '--once', '--json');
    expect(stderr).toBe(`pipeline: ${join(folder, 'pipeline.yaml')}\n`);
    const summary = JSON.parse(stdout) as { accepted: number; rows: Record<string, number> };
    expect(summary).toMatchObject({ accepted: 250, rows: { customers: 200, inventory: 50 } });
    const [part = ''] = readdirSync(join(folder, 'output', 'customers'));
    const lines = readFileSync(join(folder, 'output', 'customers', part), 'utf8')
      .trimEnd()
      .split('\r\n');
    expect(lines).toHaveLength(201);
  });

  test('adds no row when it is run again by npx', async () => {
    const { stdout } = await npx('tributary', 'start', '--once');
    // It asks only for what changed: how far it came is kept with the output.
    expect(stdout).toMatch(/Accepted 0, duplicate \d+,/);
    expect(stdout).toContain('customers: 0 rows written');
  });

  test('has the dashboard’s page', async () => {
    const { stdout } = await bin('dashboard', '--help');
    expect(stdout).toContain('npx tributary dashboard');
    expect(existsSync(join(installed, 'lib', 'dashboard', 'public', 'index.html'))).toBe(true);
  });
});

/** A program of somebody who has installed the package: JavaScript that is TypeScript too. */
const PROGRAM = `
import { createPipeline } from 'tributary';

const pipeline = createPipeline({
  config: {
    entities: { post: { dataset: 'posts', queue: 'posts', key: 'id', fields: { id: 'string', title: 'string?' } } },
    endpoints: { blog: { url: '\${BLOG_URL}/posts', entity: 'post', items: '$.posts' } },
  },
  env: { BLOG_URL: 'ADDRESS' },
  output: 'from-a-program',
  schedule: false,
});
await pipeline.start();
const page = await fetch(pipeline.urls.dashboard);
const first = await pipeline.once();
const second = await pipeline.once();
await Promise.all([pipeline.stop(), pipeline.stop()]);
console.log(JSON.stringify({ page: page.status, inMemory: pipeline.inMemory, first, second }));
`;

/** What each example prints. */
const OUTPUTS: Readonly<Record<string, string>> = {
  readings: '[{"sensor":"roof","readings":3,"highest":21}]\n',
  'own-source': '{"rows":{"readings":2},"polled":2,"more":{"readings":1}}\n',
};

const STRICTEST = ['--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--verbatimModuleSyntax'];

/** What the compiler says of a program of somebody who has installed the package; nothing if it is right. */
async function check(text: string, ...more: readonly string[]): Promise<string> {
  writeFileSync(join(folder, 'program.mts'), text);
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023'];
  const types = ['--types', 'node', '--typeRoots', `${ROOT}node_modules/@types`];
  const tsc = `${ROOT}node_modules/typescript/bin/tsc`;
  return await run(process.execPath, [tsc, ...options, ...types, ...more, 'program.mts'], { cwd: folder }).then(
    () => '',
    (error: { stdout: string }) => error.stdout,
  );
}

const installedVersion = (name: string): string =>
  (JSON.parse(readFileSync(`${ROOT}node_modules/${name}/package.json`, 'utf8')) as { version: string }).version;

describe('the library', () => {
  test('runs a pipeline for a plain program, which ends by itself after stop', async () => {
    const api = createServer((_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ posts: [{ id: 'a', title: 'One' }, { id: 'b' }] }));
    }).listen(0, '127.0.0.1');
    stage.atEnd('the API', () => api.close());
    await new Promise((resolve) => api.once('listening', resolve));
    const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
    writeFileSync(join(folder, 'program.mjs'), PROGRAM.replace('ADDRESS', url));
    const { stdout, stderr } = await run(process.execPath, ['program.mjs'], { cwd: folder, env: { PATH: nodeAlone } });
    expect(stderr).toBe('');
    const endpoints = [{ endpoint: 'blog', records: 2 }];
    expect(JSON.parse(stdout)).toMatchObject({
      page: 200,
      inMemory: ['queues', 'ledger'],
      first: { polled: 2, accepted: 2, duplicate: 0, rows: { posts: 2 }, endpoints },
      second: { polled: 2, accepted: 0, duplicate: 2, rows: { posts: 0 }, endpoints },
    });
    expect(readdirSync(join(folder, 'from-a-program', 'posts'))).toHaveLength(1);
  });

  test.each(['readings', 'own-source'])('runs the example %s, which compiles as TypeScript too', async (name) => {
    const text = readFileSync(`${ROOT}examples/library/${name}.mjs`, 'utf8');
    for (const node of new Set([process.execPath, await nodeWithSqlite()])) {
      const cwd = mkdtempSync(join(folder, `${name}-`));
      writeFileSync(join(cwd, 'program.mjs'), text);
      const { stdout, stderr } = await run(node, ['program.mjs'], { cwd, env: { PATH: nodeAlone } });
      expect({ stdout, stderr }).toEqual({ stdout: OUTPUTS[name], stderr: '' });
    }
    expect(await check(text, '--skipLibCheck')).toBe('');
  });

  test('brings the suites for sources and sinks, which the examples of both pass', async () => {
    const cwd = mkdtempSync(join(folder, 'suites-'));
    for (const name of ['memory-sink.mjs', 'conformance.test.mjs'])
      writeFileSync(join(cwd, name), readFileSync(`${ROOT}examples/library/${name}`));
    const { PATH = '', HOME = '' } = process.env;
    const tools = ['vitest', 'fast-check'].map((name) => `${name}@${installedVersion(name)}`);
    const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--no-save'];
    await run('npm', ['install', ...quiet, ...tools], { cwd: folder, env: { PATH, HOME } });
    const args = [join(folder, 'node_modules/vitest/vitest.mjs'), 'run', '--reporter=json', '--outputFile=report.json'];
    const ended = await run(process.execPath, args, { cwd, env: plain }).catch((error: Error) => error);
    const report = join(cwd, 'report.json');
    expect(existsSync(report), String(ended)).toBe(true);
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8')) as Record<string, number>;
    expect(numFailedTests, String(ended)).toBe(0);
    expect(numPassedTests).toBeGreaterThan(50);
  });

  test('has types that are right in themselves, for a compiler that looks at all of them as strictly as it can', async () => {
    const shares =
      "exports: { set: { dataset: 'posts', format: 'csv', to: 'sets', split: { train: 0.8, test: 0.2, by: 'id' } } },";
    const program = PROGRAM.replace('endpoints: {', `${shares} endpoints: {`);
    expect(await check(program, ...STRICTEST)).toBe('');
    expect(await check(program.replace("by: 'id'", 'by: 7'), '--skipLibCheck')).toContain('program.mts');
  });

  test('has types: a program that names an option wrongly does not compile', async () => {
    expect(await check(PROGRAM, '--skipLibCheck')).toBe('');
    expect(await check(PROGRAM.replace('schedule: false', 'scheduled: false'), '--skipLibCheck')).toContain(
      "'scheduled' does not exist",
    );
    expect(await check(PROGRAM.replace("key: 'id'", 'key: 1'), '--skipLibCheck')).toContain('program.mts');
  });
});
