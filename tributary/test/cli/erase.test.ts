import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cli } from './support.js';

describe('erase and subject', () => {
  let folder: string;
  let file: string;
  const run = (...args: string[]) =>
    cli([...args, '--config', file], { env: { AUDIT_LOG: join(folder, 'actions.jsonl') } });
  const audited = () => readFileSync(join(folder, 'actions.jsonl'), 'utf8');
  /** An output as a consumer leaves it that has written nothing yet, or rows of a dataset. */
  const writeOutput = (name: string, dataset?: string) => {
    const output = join(folder, name);
    mkdirSync(join(output, '.tributary'), { recursive: true });
    writeFileSync(join(output, '.tributary', 'epoch'), 'sink.run.1');
    if (dataset === undefined) return;
    mkdirSync(join(output, dataset));
    const row = '"K-1","K-1","h","","m","false","2026-01-01T00:00:00.000Z"';
    const header = 'id,_key,_hash,_version,_message_id,_deleted,_written_at';
    writeFileSync(join(output, dataset, 'part-a-1.csv'), `${header}\r\n${row}\r\n`);
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tributary-erase-'));
    file = join(folder, 'pipeline.yaml');
    const person = { dataset: 'people', queue: 'people', key: 'id', fields: { id: 'string' } };
    const sink = { type: 'csv', csv: { directory: join(folder, 'output') } };
    writeFileSync(file, JSON.stringify({ entities: { person }, endpoints: {}, sink }));
    writeOutput('output');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('name the entities that there are', async () => {
    for (const command of ['erase', 'subject']) {
      const { code, stderr } = await run(command, 'toString', 'K', '--reason', 'request 17');
      expect(code).toBe(1);
      expect(stderr).toContain('the pipeline has no entity "toString"; it has person');
    }
    // What failed is not open in the log for ever.
    expect(audited().match(/"step":"failed"/g)).toHaveLength(2);
  });

  test.each(['erase', 'subject'])(
    '%s wants a key: an empty one, of a variable that is not set, would be each empty cell',
    async (command) => {
      const { code, stdout, stderr } = await run(command, 'person', '', '--reason', 'request 17');
      expect(code).toBe(1);
      expect(stderr).toContain('the key is empty');
      expect(stdout).toBe('');
      // Nothing is noted that would keep records away.
      expect(existsSync(join(folder, 'output', '.tributary', 'erased'))).toBe(false);
    },
  );

  test('want a reason', async () => {
    expect((await run('erase', 'person', 'K')).code).toBe(2);
    expect((await run('subject', 'person', 'K')).code).toBe(2);
    expect((await run('erase', 'person', 'K', '--reason', ' ')).code).toBe(1);
    expect((await run('subject', 'person', 'K', '--reason', ' ')).code).toBe(1);
  });

  test('erase a key of which there is nothing: it may not come, and the certificate says so', async () => {
    const certificate = join(folder, 'certificate.json');
    const { code, stderr } = await run(
      'erase',
      'person',
      'K-4711-x',
      '--reason',
      'request 17',
      '--certificate',
      certificate,
    );
    expect(code, stderr).toBe(0);
    const told = readFileSync(certificate, 'utf8');
    expect(JSON.parse(told)).toMatchObject({
      entity: 'person',
      rows: {},
      verified: expect.stringContaining('see that `output` is the right one'),
      deadLetters: 'not looked at: AMQP_URL is not set',
    });
    expect(`${told}${audited()}`).not.toContain('K-4711-x');
    expect(audited()).toContain('request 17');
    const subject = await run('subject', 'person', 'K-4711-x', '--reason', 'request 18');
    expect(JSON.parse(subject.stdout)).toMatchObject({ rows: [], mentions: [], erased: true });
    expect(audited()).not.toContain('K-4711-x');
  });

  test.each([
    ['that is not there', 'elsewhere', undefined, 'nothing that a pipeline has written'],
    ['that another pipeline has written', 'others', 'shops', 'there is shops, and nothing of this pipeline'],
  ])('refuse an output %s: it would be told to be free of everybody', async (_, name, dataset, words) => {
    if (dataset !== undefined) writeOutput(name, dataset);
    for (const command of ['erase', 'subject']) {
      const { code, stdout, stderr } = await run(
        command,
        'person',
        'K-1',
        '--reason',
        'r',
        '--output',
        join(folder, name),
      );
      expect(code).toBe(1);
      expect(stdout).toBe('');
      expect(stderr).toContain(words);
      expect(stderr).toContain('--output DIR');
    }
    // Nothing was made there, and no key is kept away.
    expect(existsSync(join(folder, name, '.tributary', 'erased'))).toBe(false);
    expect(existsSync(join(folder, name))).toBe(dataset !== undefined);
  });

  test('look where start --output has put the rows', async () => {
    writeOutput('own', 'people');
    const at = ['--output', join(folder, 'own')];
    const subject = await run('subject', 'person', 'K-1', '--reason', 'request 18', ...at);
    expect(subject.code, subject.stderr).toBe(0);
    expect(JSON.parse(subject.stdout).rows).toHaveLength(1);
    const erased = await run('erase', 'person', 'K-1', '--reason', 'request 18', ...at);
    expect(erased.code, erased.stderr).toBe(0);
    expect(JSON.parse(erased.stdout)).toMatchObject({ rows: { 'people/part-a-1.csv': 1 } });
    expect(readFileSync(join(folder, 'own', 'people', 'part-a-1.csv'), 'utf8')).not.toContain('K-1');
  });

  test('erase loses no certificate that it cannot write', async () => {
    const erase = (certificate: string) =>
      run('erase', 'person', 'K', '--reason', 'request 17', '--certificate', certificate);
    const nowhere = await erase(join(folder, 'nowhere', 'c.json'));
    expect(nowhere).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('nothing was erased') });
    expect(existsSync(join(folder, 'output', '.tributary', 'erased'))).toBe(false);
    // A file in the place of the folder.
    const unwritable = await erase(join(file, 'c.json'));
    expect(unwritable).toMatchObject({ code: 1, stderr: expect.stringContaining('it is erased') });
    expect(JSON.parse(unwritable.stdout)).toMatchObject({ certificate: 'erasure', entity: 'person' });
  });

  test('erase writes over no certificate, and erases nothing then', async () => {
    const { code, stderr } = await run('erase', 'person', 'K', '--reason', 'request 17', '--certificate', file);
    expect(code).toBe(1);
    expect(stderr).toContain('is there already');
    const subject = await run('subject', 'person', 'K', '--reason', 'request 18');
    expect(JSON.parse(subject.stdout)).toMatchObject({ erased: false });
  });
});
