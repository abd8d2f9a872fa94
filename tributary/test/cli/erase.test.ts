import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tributary-erase-'));
    file = join(folder, 'pipeline.yaml');
    const person = { dataset: 'people', queue: 'people', key: 'id', fields: { id: 'string' } };
    const sink = { type: 'csv', csv: { directory: join(folder, 'output') } };
    writeFileSync(file, JSON.stringify({ entities: { person }, endpoints: {}, sink }));
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

  test('want a reason', async () => {
    expect((await run('erase', 'person', 'K')).code).toBe(2);
    expect((await run('subject', 'person', 'K')).code).toBe(2);
    expect((await run('erase', 'person', 'K', '--reason', ' ')).code).toBe(1);
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
      deadLetters: 'not looked at: AMQP_URL is not set',
    });
    expect(`${told}${audited()}`).not.toContain('K-4711-x');
    expect(audited()).toContain('request 17');
    const subject = await run('subject', 'person', 'K-4711-x', '--reason', 'request 18');
    expect(JSON.parse(subject.stdout)).toMatchObject({ rows: [], mentions: [], erased: true });
    expect(audited()).not.toContain('K-4711-x');
  });

  test('erase writes over no certificate, and erases nothing then', async () => {
    const { code, stderr } = await run('erase', 'person', 'K', '--reason', 'request 17', '--certificate', file);
    expect(code).toBe(1);
    expect(stderr).toContain('is there already');
    const subject = await run('subject', 'person', 'K', '--reason', 'request 18');
    expect(JSON.parse(subject.stdout)).toMatchObject({ erased: false });
  });
});
