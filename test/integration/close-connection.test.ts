import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectBroker, createLogger } from '@tributary/shared';
import { expect, inject, onTestFinished, test } from 'vitest';

/** Connection.OpenOk: class 10, method 41. */
const OPEN_OK = Buffer.from([0, 10, 0, 41]);

/** A way to the broker that is torn at the first word after the connection is open. */
async function startTornWay(target: string) {
  const { hostname, port } = new URL(target);
  const server = createServer((client) => {
    const broker = dial(Number(port || 5672), hostname);
    let isOpen = false;
    for (const socket of [client, broker]) socket.on('error', () => {});
    broker.on('data', (data) => {
      client.write(data);
      if (data.includes(OPEN_OK)) isOpen = true;
    });
    client.on('data', (data) => {
      if (isOpen) client.resetAndDestroy();
      else broker.write(data);
    });
    client.on('close', () => broker.destroy());
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return { url: url.toString(), connected: once(server, 'connection') };
}

// An error that no listener takes would end the process; vitest tells of it as an unhandled error, and fails.
test('a connection that is closed while it is made, and lost as it is closed, is only closed', async () => {
  const { url, connected } = await startTornWay(inject('amqpUrl'));
  const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
  const connection = await connectBroker({ urls: url, connectionName: 'test', log });
  await connected;
  await expect(connection.close()).resolves.toBeUndefined();
  await sleep(200);
});
