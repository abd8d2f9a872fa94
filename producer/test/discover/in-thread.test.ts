import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FatalError, RetryableError } from '@tributary/shared';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { discoverInThread } from '../../src/discover/in-thread.js';

const { signal: never } = new AbortController();

async function start(answer: RequestListener) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe('a look at an API in a thread', { timeout: 180_000 }, () => {
  it('finds what is there, and tells the same errors in the same words', async () => {
    const { url } = await start((request, response) => {
      if (request.url === '/page') response.end('<!doctype html><html></html>');
      else
        response.end(
          JSON.stringify({
            orders: [
              { id: 'a1', total: '1.50' },
              { id: 'a2', total: '2.50' },
            ],
          }),
        );
    });
    const { endpoints, secrets } = await discoverInThread(`curl -u me:a-secret-of-mine ${url}/v1/orders`, never);
    expect(endpoints).toMatchObject([
      {
        id: 'orders',
        bad: 0,
        rows: [
          ['a1', '1.50'],
          ['a2', '2.50'],
        ],
      },
    ]);
    expect(secrets).toHaveLength(1);
    const refused = await discoverInThread(`${url}/page`, never).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(FatalError);
    expect(refused).toMatchObject({ code: 'body_html' });
    const dead = await discoverInThread('http://127.0.0.1:1/orders', never).catch((error: unknown) => error);
    expect(dead).toBeInstanceOf(RetryableError);
  });

  it('sees nothing of the environment', async () => {
    vi.stubEnv('CANARY', 'a-canary-in-the-environment');
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(discoverInThread(`http://127.0.0.1:1/$\{CANARY}`, never)).rejects.toMatchObject({
      code: 'variable_unknown',
    });
  });

  it('ends, with its requests, when the reader goes', async () => {
    const { server, url } = await start(() => {});
    const reader = new AbortController();
    const reason = new Error('the reader has gone');
    const looking = discoverInThread(`${url}/orders`, reader.signal);
    const outcome = looking.catch((error: unknown) => error);
    const [request] = (await once(server, 'request')) as [IncomingMessage];
    const closed = once(request.socket, 'close');
    reader.abort(reason);
    expect(await outcome).toBe(reason);
    await closed;
    await expect(discoverInThread(`${url}/orders`, reader.signal)).rejects.toBe(reason);
  });

  it('ends when it takes too long or too much memory, and says so', async () => {
    const { url } = await start(() => {});
    const late = discoverInThread(`${url}/orders`, never, { memory: 256, time: 500 });
    await expect(late).rejects.toMatchObject({ code: 'timeout', message: expect.stringContaining('within 0.5 s') });
    const large = discoverInThread(`${url}/orders`, never, { memory: 4, time: 100_000 });
    await expect(large).rejects.toMatchObject({ code: 'memory_spent' });
  });
});
