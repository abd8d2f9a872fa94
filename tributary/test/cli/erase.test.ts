import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileShape, readProtectionKeys } from '@tributary/producer';
import { compileEntity, type Field, parsePipeline } from '@tributary/shared';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cli } from './support.js';

/** What a shape tells of records is of no interest here. */
const NO_EVENTS = { unknownField() {}, cut() {}, notInHierarchy() {}, failed() {}, tell() {} };

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('it is missing');
  return value;
}

describe('erase and subject', () => {
  let folder: string;
  let file: string;
  const run = (...args: string[]) =>
    cli([...args, '--config', file], { env: { AUDIT_LOG: join(folder, 'actions.jsonl') } });
  const audited = () => readFileSync(join(folder, 'actions.jsonl'), 'utf8');
  /** An output as a consumer leaves it that has written nothing yet, or rows of a dataset. */
  const writeOutput = (name: string, dataset?: string, key = 'K-1') => {
    const output = join(folder, name);
    mkdirSync(join(output, '.tributary'), { recursive: true });
    writeFileSync(join(output, '.tributary', 'epoch'), 'sink.run.1');
    if (dataset === undefined) return;
    mkdirSync(join(output, dataset), { recursive: true });
    const row = `"${key}","${key}","h","","m","false","2026-01-01T00:00:00.000Z"`;
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

  describe('of a key that is protected', () => {
    const keys = { PRIVACY_HASH_KEY: 'h'.repeat(40), PRIVACY_ENCRYPTION_KEYS: `k:${'e'.repeat(40)}` };
    /** A pipeline whose output has the record of a key under the pseudonym that a producer makes of it. */
    const written = (key: string | string[], fields: Readonly<Record<string, Field>>, raw: object) => {
      const pipeline = {
        entities: { person: { dataset: 'people', queue: 'people', key, fields } },
        endpoints: { people: { url: 'http://127.0.0.1:1/', entity: 'person' } },
        sink: { type: 'csv', csv: { directory: join(folder, 'output') } },
      };
      writeFileSync(file, JSON.stringify(pipeline));
      const config = parsePipeline(JSON.stringify(pipeline), keys, 'the test');
      const entity = present(config.entities.person);
      const shape = compileShape(entity, present(config.endpoints.people), NO_EVENTS, readProtectionKeys(keys));
      const pseudonym = present(compileEntity('person', entity).keyOf(shape.of(raw).record));
      writeOutput('output', 'people', pseudonym);
      return pseudonym;
    };
    const ask = (command: string, key: string, env: Readonly<Record<string, string>> = keys) =>
      cli([command, 'person', key, '--protect', '--reason', 'r', '--config', file], {
        env: { ...env, AUDIT_LOG: join(folder, 'actions.jsonl') },
      });

    test.each([
      ['hashed', 'id', { id: { type: 'string', protect: 'hash' } }, { id: 'C/1 %' }, 'C/1 %'],
      ['a number that is hashed', 'id', { id: { type: 'integer', protect: 'hash' } }, { id: 9_876_543 }, '9876543'],
      ['encrypted', 'id', { id: { type: 'string', protect: 'encrypt' } }, { id: 'C-1' }, 'C-1'],
      [
        'of two parts, one hashed',
        ['shop', 'id'],
        { shop: 'string', id: { type: 'string', protect: 'hash' } },
        { shop: 'a/b', id: 'C-1' },
        'a%2Fb/C-1',
      ],
    ] as const)('find the record by the key of the source: %s', async (_, key, fields, raw, given) => {
      const pseudonym = written(typeof key === 'string' ? key : [...key], fields as never, raw);
      const subject = await ask('subject', given);
      expect(subject.code, subject.stderr).toBe(0);
      expect(JSON.parse(subject.stdout)).toMatchObject({ key: pseudonym, rows: [{ key: pseudonym }] });
      const erased = await ask('erase', given);
      expect(JSON.parse(erased.stdout)).toMatchObject({ rows: { 'people/part-a-1.csv': 1 } });
      expect(`${erased.stdout}${audited()}`).not.toContain(given);
    });

    test('say what is missing', async () => {
      written('id', { id: { type: 'string', protect: 'hash' } } as never, { id: 'C-1' });
      expect((await ask('erase', 'C-1', {})).stderr).toContain('PRIVACY_HASH_KEY');
      written('id', { id: { type: 'integer', protect: 'hash' } } as never, { id: 1 });
      expect((await ask('subject', 'no number')).stderr).toContain('no record of person can have this key');
      written('id', { id: 'string' } as never, { id: 'C-1' });
      expect((await ask('erase', 'C-1')).stderr).toContain('is not protected');
    });
  });

  test('erase writes over no certificate, and erases nothing then', async () => {
    const { code, stderr } = await run('erase', 'person', 'K', '--reason', 'request 17', '--certificate', file);
    expect(code).toBe(1);
    expect(stderr).toContain('is there already');
    const subject = await run('subject', 'person', 'K', '--reason', 'request 18');
    expect(JSON.parse(subject.stdout)).toMatchObject({ erased: false });
  });
});
