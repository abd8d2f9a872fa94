import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createLogger, openRedis } from '../../src/index.js';

/** Milliseconds; longer than a look of the watch, shorter than an attempt to connect. */
const SLOW = 1_200;
const PATIENCE = { timeout: 45_000, interval: 50 };

/** A connection to a server of this kind, and what it logs. */
async function connectTo(onConnection: (socket: Socket) => void) {
  const server = createServer(onConnection).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const lines: string[] = [];
  const log = createLogger({ service: 'test', instance: 'test' }, { write: (line) => void lines.push(line) });
  const url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { redis, health } = openRedis({ url, connectionName: 'test', log });
  onTestFinished(() => {
    redis.disconnect();
    server.close();
  });
  return { health, lines };
}

/** Answers each command with an empty text, after a while. */
function answerSlowly(socket: Socket): void {
  socket.on('error', () => {});
  socket.on('data', (data) => {
    const commands = String(data).match(/^\*\d/gm)?.length ?? 0;
    setTimeout(() => socket.write('$0\r\n\r\n'.repeat(commands)), SLOW);
  });
}

describe('what is logged of a Redis that is not connected', () => {
  test('nothing where the first connection only takes its time: a busy machine starts with no warning', async () => {
    const { health, lines } = await connectTo(answerSlowly);
    await vi.waitFor(() => expect(health.problem).toBeUndefined(), PATIENCE);
    expect(lines.join('')).toContain('connected to Redis');
    expect(lines.join('')).not.toContain('cannot be reached');
  });

  test('that it cannot be reached, where every connection is closed without a reason', async () => {
    const { lines } = await connectTo((socket) => socket.end());
    await vi.waitFor(() => expect(lines.join('')).toContain('Redis cannot be reached'), PATIENCE);
  });
});
