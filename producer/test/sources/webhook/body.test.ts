import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Bodies } from '../../../src/sources/webhook/body.js';

async function serve(most: number, limit: number) {
  const bodies = new Bodies(most);
  let open = 0;
  const server = createServer(async (incoming, response) => {
    open += 1;
    response.setHeader('connection', 'close');
    await bodies.read(incoming, limit).then(
      (body) => response.end(String(body.length)),
      (error: Error) => response.writeHead(500).end(error.message),
    );
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    /** A body of which only so much comes. Resolves when the server answers it. */
    stall(bytes: number, length: number): Promise<string> {
      const stalled = request({ port, method: 'POST', headers: { 'content-length': length } });
      stalled.on('error', () => {}).write('a'.repeat(bytes));
      return new Promise((resolve) => {
        stalled.on('response', async (response) => {
          let text = '';
          for await (const chunk of response) text += String(chunk);
          resolve(text);
        });
      });
    },
    open: () => open,
  };
}

const post = async (url: string, bytes: number) =>
  await (await fetch(url, { method: 'POST', body: 'b'.repeat(bytes) })).text();

test('bodies that somebody sends slowly over many connections keep out nobody whose body comes at once', async () => {
  const { url, stall, open } = await serve(10_000, 2_500);
  const stalled = [2_400, 2_400, 2_400, 2_400].map((bytes) => stall(bytes, 2_500));
  await expect.poll(open).toBe(4);
  expect(await post(url, 2_000)).toBe('2000');
  expect(await Promise.race(stalled)).toContain('too much is being sent');
  expect(await post(url, 2_000)).toBe('2000');
});

test('what is refused or cut off is no longer counted', async () => {
  const { url } = await serve(10_000, 2_500);
  for (let time = 0; time < 10; time++) expect(await post(url, 2_600)).toContain('at most 2500 bytes');
  expect(await post(url, 2_500)).toBe('2500');
});
