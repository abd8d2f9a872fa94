import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cli } from './support.js';

/** Every command, by its words. */
const COMMANDS = [
  'start',
  'init',
  'check',
  'discover',
  'try',
  'endpoints',
  'reset',
  'list',
  'send',
  'export',
  'dead-letters',
  'privacy scan',
  'reveal',
  'audit-log verify',
  'subject',
  'erase',
  'backup',
  'restore',
  'producer',
  'consumer',
  'dashboard',
  'mock-api',
  'generate-endpoints',
  ...['list', 'status', 'run', 'pause', 'resume', 'restart'].map((request) => `endpoints ${request}`),
  ...['list', 'show', 'replay', 'discard'].map((request) => `dead-letters ${request}`),
];

/** Those that read a pipeline file. */
const READERS = [
  'start',
  'check',
  'try',
  'producer',
  'consumer',
  'dashboard',
  'generate-endpoints',
  ...['list', 'show', 'replay', 'discard'].map((request) => `dead-letters ${request}`),
];

const SCRIPTS: readonly string[] = ['start', 'check'];

/** Of the repository. */
const { scripts } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  scripts: Record<string, string>;
};

describe('the help', () => {
  it('names every command, and what the exit codes mean', async () => {
    const { code, stdout, stderr } = await cli(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${command.split(' ')[0]} `, 'm'));
    for (const exitCode of [0, 1, 2, 3]) expect(stdout).toMatch(new RegExp(`^ {2}${exitCode} {2}\\S`, 'm'));
  });

  it.each(COMMANDS)('of %s is on stdout, exits 0, and begins with how the command is written here', async (command) => {
    const words = command.split(' ');
    const { code, stdout, stderr } = await cli([...words, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const installed = await cli([...words, '--help'], { installed: true });
    expect(installed.stdout).toContain(`Usage: npx tributary ${command} `);
    if (!SCRIPTS.includes(command)) expect(stdout).toMatch(/^Usage: npm run /);
    expect(scripts).toHaveProperty([/^Usage: npm (?:run )?(\S+)/.exec(stdout)?.[1] ?? 'none']);
  });

  it.each(READERS)('of %s tells of --config', async (command) => {
    expect((await cli([...command.split(' '), '--help'])).stdout).toContain('--config FILE');
  });

  it('shows examples as they are written in the repository, and in a project that has it installed', async () => {
    expect((await cli(['endpoints', '--help'])).stdout).toContain('npm run endpoints -- status blog-posts');
    expect((await cli(['start', '--help'])).stdout).toContain('npm start -- --once');
    expect((await cli(['check', '--help'])).stdout).toContain('npm run check-config -- my-pipeline.yaml');
    expect((await cli(['start', '--help'], { installed: true })).stdout).toContain('npx tributary start --once');
  });

  it('tells the version', async () => {
    expect(await cli(['--version'])).toEqual({ code: 0, stdout: '1.2.3\n', stderr: '' });
  });
});

describe('a command that is asked wrongly', () => {
  it.each([
    [[], 'expected one of start, init, check', 'Usage: tributary COMMAND'],
    [['dance'], 'found "dance"', 'Usage: tributary COMMAND'],
    [['start', '--fast'], "unknown option '--fast'", '--once'],
    [['start', 'once'], 'once is too much', '--once'],
    [['start', '--json'], '--json needs --once', '--once'],
    [['check', 'a.yaml', 'b.yaml'], 'b.yaml is too much', '--config FILE'],
    [['check', 'a.yaml', '--config', 'b.yaml'], 'one file at a time, not a.yaml and b.yaml', '--config FILE'],
    [['try'], "missing required argument 'ENDPOINT'", '--limit N'],
    [['try', 'a', 'b'], 'b is too much', '--limit N'],
    [['try', 'a', '--limit', 'many'], 'Expected a whole number', '--limit N'],
    [
      ['endpoints'],
      'expected one of list, status, run, pause, resume, restart, checkpoints, found nothing',
      'npm run endpoints -- list',
    ],
    [['endpoints', 'dance', 'crm'], 'found "dance"', 'npm run endpoints -- list'],
    [['endpoints', 'run'], "missing required argument 'ENDPOINT'", 'npm run endpoints -- run'],
    [['endpoints', 'run', 'crm', '--fast'], "unknown option '--fast'", 'npm run endpoints -- run'],
    [['reset'], "missing required argument 'ENDPOINT'", 'npm run reset -- [options] ENDPOINT'],
    [['generate-endpoints', '--count', '0'], 'Expected a whole number, 1 or more', '--count N'],
    [['dead-letters'], 'expected one of list, show, replay, discard, found nothing', 'npm run dead-letters -- COMMAND'],
    [['dead-letters', 'delete'], 'found "delete"', 'npm run dead-letters -- COMMAND'],
    [['dead-letters', 'show'], "missing required argument 'ID'", 'as list shows it'],
    [['dead-letters', 'replay'], 'Give an id, or --all', '--payload FILE'],
    [['dead-letters', 'replay', 'a', '--all'], 'not both', '--payload FILE'],
    [['dead-letters', 'replay', '--all', '--payload', 'f'], '--payload goes with replay ID', '--payload FILE'],
    [['dead-letters', 'discard', 'a'], 'discard needs --reason', '--reason TEXT'],
    [['dead-letters', 'list', '--limit', 'x'], 'Expected a whole number', '--limit N'],
    [['dead-letters', 'list', '--nope'], "unknown option '--nope'", 'npm run dead-letters -- list'],
  ])('%j: says what is wrong and how it is asked, on stderr, and exits 2', async (args, wrong, usage) => {
    const { code, stdout, stderr } = await cli(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(wrong);
    expect(stderr).toContain(usage);
  });
});

describe('options that npm has taken for itself', () => {
  const byNpm = (options: Record<string, string>) => ({ npm_lifecycle_event: 'start', ...options });

  it.each([
    [['start'], { npm_config_once: 'true' }, 'npm start -- --once'],
    [['start'], { npm_config_once: 'true', npm_config_json: 'true' }, 'npm start -- --once --json'],
    [['start'], { npm_config_config: 'mine.yaml' }, 'npm start -- --config mine.yaml'],
    // npm keeps the option, and hands on its value as a word.
    [['start', 'out'], { npm_config_output: 'true' }, 'npm start -- --output ...'],
    [['dead-letters', 'list'], { npm_config_limit: '3' }, 'npm run dead-letters -- list --limit 3'],
  ])('%j with %j: says how to write it, starts nothing, and exits 2', async (args, options, advice) => {
    const { code, stdout, stderr } = await cli(args, { env: byNpm(options) });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('npm has taken');
    expect(stderr.trimEnd().endsWith(advice), stderr).toBe(true);
  });

  it.each([
    ['none', { npm_lifecycle_event: 'check-config' }],
    ["npm's own, which may stand in .npmrc", byNpm({ npm_config_json: 'true', npm_config_all: 'true' })],
    ['those of a program that npx runs', { npm_lifecycle_event: 'npx', npm_config_config: 'x' }],
    ['those of npm alone, outside of it', { npm_config_config: 'x' }],
  ])('are not seen where there are %s', async (_what, env) => {
    const { stderr } = await cli(['check', 'no-such-file.yaml'], { env });
    expect(stderr).not.toContain('npm has taken');
    expect(stderr).toContain('no-such-file.yaml has 1 fault');
  });
});

describe('a pipeline file that is not there', () => {
  it('is told with how to write one', async () => {
    const { code, stdout, stderr } = await cli(['try', 'posts', '--config', 'no-such-file.yaml'], { installed: true });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('no-such-file.yaml has 1 fault');
    expect(stderr).toContain('npx tributary init');
  });
});
