/**
 * A Node consumer of the usual kind, for comparison: amqplib, a SHA-256, a `SET NX`, a line of CSV and an acknowledgement for each
 * message, many of them at the same time. Nothing is synced to disk. What it has marked in Redis and not yet written is lost when
 * it is killed, and what it has written and not yet acknowledged is saved from doubling by the mark alone.
 *
 * Arguments: see arguments.ts. Prints the seconds from the first delivery to the last acknowledgement.
 */

import { createHash } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { connect } from 'amqplib';
import { writeToString } from 'fast-csv';
import { Redis } from 'ioredis';
import { peerArguments } from './arguments.js';

const { amqp, redis: redisUrl, queue, count, output } = peerArguments();
const redis = new Redis(redisUrl);
const connection = await connect(amqp);
const channel = await connection.createChannel();
await channel.prefetch(100);

let began = 0;
let done = 0;
const { consumerTag } = await channel.consume(queue, (message) => {
  if (message === null) return;
  if (began === 0) began = performance.now();
  void handle(message.content).then(async () => {
    channel.ack(message);
    done += 1;
    if (done < count) return;
    await end();
    process.stdout.write(String((performance.now() - began) / 1_000));
  });
});

async function handle(content: Buffer): Promise<void> {
  const digest = createHash('sha256').update(content).digest('hex');
  if ((await redis.set(`seen:${digest}`, 1, 'NX')) === null) return;
  const record = JSON.parse(content.toString()) as Record<string, unknown>;
  const line = await writeToString([{ ...record, lines: JSON.stringify(record.lines) }], {
    includeEndRowDelimiter: true,
  });
  await appendFile(output, line);
}

async function end(): Promise<void> {
  await channel.close();
  await connection.close();
  await redis.quit();
}

process.once('SIGTERM', () => {
  void channel.cancel(consumerTag).then(end);
});
