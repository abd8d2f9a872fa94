import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** Where a URL names no port. */
const PORTS: Readonly<Record<string, number>> = {
  'amqp:': 5672,
  'mariadb:': 3306,
  'mysql:': 3306,
  'postgres:': 5432,
  'postgresql:': 5432,
};

/** A way to a server that can fall silent, be cut, and be closed for a while, without hurting the connections of others. */
export async function startCuttableWay(target: string) {
  let { hostname, port, protocol } = new URL(target);
  const sockets = new Set<Socket>();
  let isOpen = true;
  let isSilent = false;
  const server = createServer((client) => {
    if (!isOpen) return void client.destroy();
    if (isSilent) {
      sockets.add(client);
      client.on('error', () => {});
      return;
    }
    const there = dial(Number(port || PORTS[protocol]), hostname);
    for (const socket of [client, there]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    client.pipe(there).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const fallSilent = () => {
    for (const socket of sockets) socket.unpipe();
  };
  onTestFinished(() => {
    server.close();
    cut();
  });
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  const close = () => {
    isOpen = false;
    cut();
  };
  const open = () => {
    isOpen = true;
    isSilent = false;
  };
  /** Connections stay, new ones are taken, and no answer comes: as of a machine that hangs. */
  const hang = () => {
    isSilent = true;
    fallSilent();
  };
  /** From now on it leads to another server. */
  const leadTo = (other: string) => {
    ({ hostname, port, protocol } = new URL(other));
    cut();
  };
  return { url: url.toString(), fallSilent, hang, cut, close, open, leadTo };
}
