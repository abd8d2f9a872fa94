import { AmqpServer } from 'amqp-emulator';
import { expect, onTestFinished, vi } from 'vitest';
import { memoryCursorStore } from '../../src/cursor/cursor.js';
import { createProducer, type ProducerOptions } from '../../src/service.js';
import { recordingLog } from './log.js';
import { pipelineWith } from './pipeline.js';

/** A producer on an emulated broker, with nothing that outlives it unless told otherwise. */
export async function setUpProducer(
  endpoints: Record<string, object>,
  options: Partial<ProducerOptions> = {},
  more: object = {},
) {
  const server = new AmqpServer();
  const { url } = await server.listen();
  const { log, lines, text } = recordingLog();
  const producer = createProducer({
    config: pipelineWith(endpoints, more),
    amqpUrl: url,
    redisUrl: 'redis://127.0.0.1:1',
    instance: 'test-1',
    port: 0,
    host: '127.0.0.1',
    log,
    schedule: false,
    cursors: memoryCursorStore(),
    ...options,
  });
  onTestFinished(async () => {
    await producer.stop(1_000);
    await server.close();
  });
  const get = async (path: string) => {
    const response = await fetch(`${producer.url}${path}`);
    return { status: response.status, text: await response.text() };
  };
  const ready = () => vi.waitFor(async () => expect((await get('/readyz')).status).toBe(200));
  const queued = (queue: string) => server.getBroker().getQueue(queue)?.messageCount ?? 0;
  return { server, producer, lines, text, get, ready, queued };
}
