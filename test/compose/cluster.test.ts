import { expect, test } from 'vitest';
import { eventually } from '../end-to-end/support/eventually.js';
import { Management, type Queue } from './support/management.js';
import { readmeCommand } from './support/readme.js';
import { csv, expectNothingLostOrDoubled } from './support/settle.js';
import { useStack } from './support/stack.js';

const stack = useStack('-f docker-compose.yml -f docker-compose.cluster.yml');
const up = `${readmeCommand('a cluster of three')} --scale consumer=3`;
const NODES = ['rabbit@rabbitmq', 'rabbit@rabbitmq-2', 'rabbit@rabbitmq-3'];

const queues = () => new Management(stack, 'monitor', 'monitor').get<Queue[]>('queues');

test('keeps every queue on three nodes, and writes into a folder that belongs to somebody else', async () => {
  stack.makeForeignOutput();
  await stack.run(up);
  await eventually(async () => {
    for (const { name, members } of await queues()) expect([...(members ?? [])].sort(), name).toEqual(NODES);
    expect(await queues()).toHaveLength(4);
  });
  await expectNothingLostOrDoubled(stack, csv(stack));
});

test('goes on with the other two when the node dies that everybody is connected to', async () => {
  await stack.kill('rabbitmq');
  await expectNothingLostOrDoubled(stack, csv(stack), 'rabbitmq-2');
});

test('loses and repeats nothing when that node is back and another one dies together with a consumer', async () => {
  await stack.run(up);
  await eventually(async () => {
    for (const { name, online } of await queues()) expect([...(online ?? [])].sort(), name).toEqual(NODES);
  });
  await stack.kill('rabbitmq-2');
  await stack.kill('consumer');
  await expectNothingLostOrDoubled(stack, csv(stack));
});
