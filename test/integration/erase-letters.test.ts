import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  applyTopology,
  DEAD_LETTER_HEADERS,
  PACK_CONTENT_TYPE,
  PACK_FORMAT_HEADER,
  PACK_HEADER,
  parsePipeline,
  systemClock,
  topologyOf,
} from '@tributary/shared';
import type { Options } from 'amqplib';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { createSink } from '../../consumer/src/sinks/create.js';
import { keptBodies } from '../../consumer/src/sinks/create-kept-bodies.js';
import { cli } from '../../tributary/test/cli/support.js';
import { uniqueName } from '../services/handle.js';
import { inFiles, onPostgres, onServers } from './everywhere.js';

/** Stands in all that is told of the record that is erased. */
const CANARY = 'Kanarienvogel';
const its = (more: object = {}) => JSON.stringify({ id: 'C-1', name: CANARY, ...more });
const other = JSON.stringify({ id: 'C-2', name: 'another' });

async function setUp(sink: 'csv' | 'postgres') {
  const name = uniqueName('letters');
  const folder = mkdtempSync(join(tmpdir(), 'tributary-erase-letters-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const output = join(folder, 'output');
  const entity = (dataset: string) => ({
    dataset,
    queue: `${name}_${dataset}`,
    key: 'id',
    fields: { id: 'string', name: 'string' },
  });
  const text = JSON.stringify({
    name,
    entities: { person: entity('people'), shop: entity('shops') },
    endpoints: {},
    sink: { type: sink, csv: { directory: output }, postgres: { schema: name } },
  });
  const file = join(folder, 'pipeline.yaml');
  writeFileSync(file, text);
  const config = parsePipeline(text, {}, 'the test');
  const { channel, messages } = await onServers(config);
  await applyTopology(channel, topologyOf(config));
  const inPostgres = await onPostgres(name);
  const postgresUrl = inject('postgresUrl');
  mkdirSync(output);
  // A consumer has begun there.
  const written = createSink({ config, postgresUrl, clock: systemClock });
  await written.probe();
  await written.beginEpoch('sink.run.1');
  await written.close();
  const bodies = keptBodies(config.sink, { postgresUrl });

  const dead = `${name}_people.dead`;
  const put = async (body: string, options: Options.Publish = {}, queue = dead) => {
    channel.sendToQueue(queue, Buffer.from(body), { persistent: true, ...options });
  };
  /** As a letter is whose headers and body could not be sent. */
  const putBare = async (body: string, messageId: string, dataset = 'people') => {
    const queue = `${name}_${dataset}`;
    const { id } = await bodies.keep(Buffer.from(body), { queue, messageId });
    await put('The body is kept', { messageId, headers: { [DEAD_LETTER_HEADERS.kept]: id } }, `${queue}.dead`);
    return id;
  };
  const env = { AMQP_URL: inject('amqpUrl'), POSTGRES_URL: postgresUrl, AUDIT_LOG: join(folder, 'actions.jsonl') };
  const command = async (what: string) => {
    const { code, stdout, stderr } = await cli([what, 'person', 'C-1', '--reason', 'a test', '--config', file], {
      env,
    });
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const keep = (body: string, messageId: string) =>
    bodies.keep(Buffer.from(body), { queue: `${name}_people`, messageId });
  const lying = async () => `${await messages(dead)}\n${await messages(`${name}_shops.dead`)}`;
  const kept = async () => (sink === 'csv' ? inFiles(output) : await inPostgres());
  const audited = () => readFileSync(env.AUDIT_LOG, 'utf8');
  return { dead, put, putBare, keep, command, lying, kept, audited };
}

describe.each(['csv', 'postgres'] as const)('dead letters of a record that is erased, with the sink %s', (sink) => {
  test('go, in whichever form they lie there; of others all stay, and what nobody can judge is told', {
    timeout: 180_000,
  }, async () => {
    const { dead, put, putBare, keep, command, lying, kept, audited } = await setUp(sink);
    await put(`${CANARY} is no JSON`, { headers: { key: 'C-1' } });
    await put(its());
    await putBare(its({ more: 'kept' }), 'm-1');
    await putBare(other, 'm-2');
    // The same key, of another entity.
    await putBare(its({ name: 'a shop' }), 'm-3', 'shops');
    const pack = { contentType: PACK_CONTENT_TYPE };
    await put([its(), other, 'no JSON', its()].join('\n'), { ...pack, headers: { [PACK_HEADER]: 4 } });
    await put([its(), its()].join('\n'), pack);
    await put([other, other].join('\n'), pack);
    await put('no JSON, and nobody knows whose');
    await put('\u0001\u0002', { ...pack, headers: { [PACK_FORMAT_HEADER]: 2 } });
    // A consumer that was killed before it had put the letter there.
    await keep(its({ more: 'left' }), 'm-4');

    const subject = await command('subject');
    const bodies = (subject.deadLetters as { body: string }[]).map(({ body }) => body);
    expect(bodies.sort()).toEqual(
      [`${CANARY} is no JSON`, its(), its({ more: 'kept' }), `${its()}\n${its()}`, `${its()}\n${its()}`].sort(),
    );
    expect(subject.unreadDeadLetters).toEqual({ [dead]: 2 });

    const certificate = await command('erase');
    // In what is left of the pack, too, is a line that is no JSON.
    expect(certificate).toMatchObject({ deadLetters: 5, unreadDeadLetters: { [dead]: 3 } });
    expect(certificate.keptBodies).toHaveLength(1);
    expect(JSON.stringify(certificate)).not.toContain(CANARY);
    const left = await lying();
    expect(left).not.toContain(CANARY);
    expect(left).toContain(`${other}\nno JSON`);
    expect(left).toContain('"records":2');
    expect(left).toContain(`${other}\n${other}`);
    expect(left).toContain('nobody knows whose');
    expect(left.match(/The body is kept/g)).toHaveLength(2);
    const stored = await kept();
    // Postgres tells bytes in hex.
    const holds = (text: string) => stored.includes(text) || stored.includes(Buffer.from(text).toString('hex'));
    expect(['"more":"kept"', 'another', 'a shop', '"more":"left"'].map(holds)).toEqual([false, true, true, true]);
    expect(audited()).not.toContain('C-1');
    expect(audited()).not.toContain(CANARY);
  });
});
