import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, it, onTestFinished } from 'vitest';
import { cutWhenUnread } from '../../src/http/taken.js';

/** Sends without end, to a client that reads so much every 20 ms. */
async function send(bytes: number): Promise<'cut' | 'goes on'> {
  let end: (outcome: 'cut') => void = () => {};
  const cut = new Promise<'cut'>((resolve) => {
    end = resolve;
  });
  const server = createServer((_request, response) => {
    cutWhenUnread(response, 400);
    const chunk = 'x'.repeat(64 * 1024);
    const endless = Readable.from(
      (function* () {
        for (;;) yield chunk;
      })(),
    );
    pipeline(endless, response).catch(() => end('cut'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const asked = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  asked.on('error', () => {});
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  answer.on('error', () => {});
  const reading = setInterval(() => answer.read(bytes), 20);
  onTestFinished(() => {
    clearInterval(reading);
    asked.destroy();
    server.closeAllConnections();
    server.close();
  });
  const later = new Promise<'goes on'>((resolve) => {
    setTimeout(() => resolve('goes on'), 2_500);
  });
  return await Promise.race([cut, later]);
}

it('cuts off a client that reads nothing of a download, and none that reads', async () => {
  expect(await Promise.all([send(0), send(1024 * 1024)])).toEqual(['cut', 'goes on']);
});
