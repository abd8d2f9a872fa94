import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from '@tributary/test/services';
import { type Bench, sizeOf } from '../../bench.js';
import { emptyAll, startService } from '../../consumers.js';
import type { Figure } from '../../figure.js';
import { interleave } from '../../interleave.js';
import { customerMessages, type Message } from '../../messages.js';
import { writePipeline } from './source.js';

const SECRET = 'the-secret-of-the-bench';

/** Requests at a time. */
const AT_A_TIME = 64;
/** Records of a large event. */
const LARGE = 100;

/** Services send events to the door of a producer. */
export const webhook: Figure = {
  name: 'sources.webhook',
  unit: 'records/s',
  sentence: `${AT_A_TIME} requests at a time bring signed events of one record to a producer, each answered when RabbitMQ has confirmed and Redis holds a copy. The limit is a server of Node that reads the same requests and answers.`,
  async measure(bench) {
    const { records, rounds } = sizeOf(bench, {
      quick: { records: 5_000, rounds: 1 },
      full: { records: 20_000, rounds: 3 },
    });
    const messages = customerMessages({ count: records });
    const large: number[] = [];
    const measured = await interleave(bench, 'sources.webhook', rounds, {
      async ours() {
        large.push(Math.round(await sendToDoor(bench, customerMessages({ count: records * 5 }), LARGE)));
        return await sendToDoor(bench, messages, 1);
      },
      limit: () => sendToBareServer(messages),
    });
    const ofLarge = Math.max(...large);
    const detail = `in events of ${LARGE} records: ${ofLarge.toLocaleString('en')}/s`;
    return { ...measured, more: { ...measured.more, ofLarge }, detail };
  },
};

/** @returns records per second */
async function sendToDoor(bench: Bench, messages: readonly Message[], together: number): Promise<number> {
  await emptyAll(bench);
  const port = await freePort();
  const sender = { type: 'github', secret: SECRET };
  const limits = { rate: { perSecond: 1_000_000, burst: 1_000_000 }, maxBacklog: 10_000_000 };
  const PIPELINE = writePipeline(bench, { source: 'webhook', sender, ...limits });
  const producer = await startService(bench, 'producer', { PIPELINE, WEBHOOK_PORT: String(port) });
  await producer.ready(bench.signal);
  const url = `http://127.0.0.1:${port}/hooks/customers`;
  const warmUp = Math.floor(messages.length / 5);
  await sendAll(url, messages.slice(0, warmUp), together);
  const perSecond = await sendAll(url, messages.slice(warmUp), together);
  await producer.stop();
  return perSecond;
}

async function sendToBareServer(messages: readonly Message[]): Promise<number> {
  const server = createServer((incoming, response) => {
    incoming.resume().on('end', () => response.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await sendAll(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, messages, 1);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function sendAll(url: string, messages: readonly Message[], together: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_A_TIME });
  const bodies: string[] = [];
  for (let at = 0; at < messages.length; at += together) {
    const texts = messages.slice(at, at + together).map(({ body }) => body.toString());
    bodies.push(together === 1 ? (texts[0] ?? '') : `[${texts.join(',')}]`);
  }
  const began = performance.now();
  const work = async () => {
    for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) await post(url, agent, body);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  agent.destroy();
  return messages.length / ((performance.now() - began) / 1_000);
}

function post(url: string, agent: Agent, body: string): Promise<void> {
  const signature = createHmac('sha256', SECRET).update(body).digest('hex');
  const headers = { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` };
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: 'POST',
      agent,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    });
    sent.on('error', reject);
    sent.on('response', (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`the door answers ${response.statusCode}`));
      });
    });
    sent.end(body);
  });
}
