import { Publisher } from '@tributary/producer';
import { connectBroker, createLogger, systemClock } from '@tributary/shared';
import { publishBarely } from '../bare/publish.js';
import { type Bench, sizeOf } from '../bench.js';
import type { Broker } from '../broker.js';
import type { Figure } from '../figure.js';
import { interleave } from '../interleave.js';
import { customerMessages, type Message } from '../messages.js';

export const publish: Figure = {
  name: 'publish',
  unit: 'records/s',
  sentence: "The producer's publisher puts records into the queue, each confirmed. The limit is amqplib alone.",
  async measure(bench) {
    const { records, rounds } = sizeOf(bench, {
      quick: { records: 15_000, rounds: 3 },
      full: { records: 100_000, rounds: 7 },
    });
    const broker = await bench.servers.broker();
    const messages = customerMessages({ count: records });
    const { publisher, close } = await openPublisher(broker);
    try {
      return await interleave(bench, 'publish', rounds, {
        async ours() {
          await broker.empty();
          return records / (await publishBy(publisher, messages));
        },
        async limit() {
          await broker.empty();
          return records / (await publishBarely(broker, messages));
        },
      });
    } finally {
      await close();
    }
  },
};

/** Publishes these messages by the producer's publisher into an empty queue. @returns records per second, each confirmed */
export async function publishAtOnce(bench: Bench, messages: readonly Message[]): Promise<number> {
  const broker = await bench.servers.broker();
  await broker.empty();
  const { publisher, close } = await openPublisher(broker);
  try {
    return messages.length / (await publishBy(publisher, messages));
  } finally {
    await close();
  }
}

async function openPublisher({ url, topology, pack }: Broker) {
  const log = createLogger({ service: 'bench', instance: 'bench', level: 'warn' }, process.stderr);
  const connection = await connectBroker({ urls: url, connectionName: 'bench', log });
  const publisher = new Publisher({ connection, topology, clock: systemClock, log, pack });
  // Opens the channel and lets V8 compile the code, because neither is to be measured.
  await publishBy(publisher, customerMessages({ count: 2_000 }));
  const close = async () => {
    publisher.close();
    await connection.close();
  };
  return { publisher, close };
}

/** @returns seconds from the first message to the last confirm */
async function publishBy(publisher: Publisher, messages: readonly Message[]): Promise<number> {
  const started = performance.now();
  const run = publisher.begin();
  for (const message of messages) {
    const full = run.publish(message);
    if (full !== undefined) await full;
  }
  await run.flush();
  return (performance.now() - started) / 1_000;
}
