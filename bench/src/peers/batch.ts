/**
 * A Node consumer that batches its database, for comparison: amqplib, up to a hundred messages together, their marks in Redis in one
 * pipeline of `SET NX`, one `INSERT` of many rows, one acknowledgement. What it has marked in Redis and not yet inserted is lost
 * when it is killed.
 *
 * Arguments: see arguments.ts. Prints the seconds from the first delivery to the last acknowledgement.
 */

import { createHash } from 'node:crypto';
import { type ConsumeMessage, connect } from 'amqplib';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { peerArguments } from './arguments.js';

const MOST = 100;
/** Milliseconds. */
const LONGEST = 100;

const { amqp, redis: redisUrl, queue, count, output } = peerArguments();
const redis = new Redis(redisUrl);
const database = new Client({ connectionString: output });
await database.connect();
await database.query('CREATE TABLE IF NOT EXISTS peer (id text, record jsonb)');
const connection = await connect(amqp);
const channel = await connection.createChannel();
await channel.prefetch(5 * MOST);

let began = 0;
let done = 0;
let batch: ConsumeMessage[] = [];
/** The batch that is being written: one after the other. */
let writing: Promise<void> = Promise.resolve();
const { consumerTag } = await channel.consume(queue, (message) => {
  if (message === null) return;
  if (began === 0) began = performance.now();
  batch.push(message);
  if (batch.length >= MOST) flush();
});
const timer = setInterval(flush, LONGEST);

function flush(): void {
  const messages = batch;
  batch = [];
  writing = writing.then(() => write(messages));
}

async function write(messages: readonly ConsumeMessage[]): Promise<void> {
  const last = messages.at(-1);
  if (last === undefined) return;
  const marks = redis.pipeline();
  for (const { content } of messages) marks.set(`seen:${createHash('sha256').update(content).digest('hex')}`, 1, 'NX');
  const marked = (await marks.exec()) ?? [];
  const fresh = messages.filter((_, index) => marked[index]?.[1] === 'OK').map(({ content }) => content.toString());
  if (fresh.length > 0) {
    const query = "INSERT INTO peer SELECT record ->> 'id', record FROM unnest($1::jsonb[]) AS record";
    await database.query(query, [fresh]);
  }
  channel.ack(last, true);
  done += messages.length;
  if (done < count) return;
  const seconds = (performance.now() - began) / 1_000;
  await end();
  process.stdout.write(String(seconds));
}

async function end(): Promise<void> {
  clearInterval(timer);
  await channel.close();
  await connection.close();
  await redis.quit();
  await database.end();
}

process.once('SIGTERM', () => {
  void channel.cancel(consumerTag).then(async () => {
    flush();
    await writing;
    await end();
  });
});
