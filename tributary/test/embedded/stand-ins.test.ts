import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { applyTopology, connectBroker, connectRedis, createLogger, type Topology } from '@tributary/shared';
import { connect } from 'amqplib';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type StandIns, startStandIns } from '../../src/embedded/stand-ins.js';

const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });

describe('the stand-ins', () => {
  let standIns: StandIns;
  beforeAll(async () => {
    standIns = await startStandIns();
  });
  afterAll(() => standIns.stop());

  test('carry confirmed messages through the topology of a pipeline, and reject into its dead letters', async () => {
    const queues = [{ entity: 'customer', queue: 'customer_data', deadQueue: 'customer_data.dead' }];
    const topology: Topology = { exchange: 'tributary', deadExchange: 'tributary.dead', queues };
    const connection = await connectBroker({ urls: standIns.amqpUrl, connectionName: 'test', log });
    const channel = await connection.createConfirmChannel();
    await applyTopology(channel, topology);
    for (const body of ['good', 'bad']) {
      channel.publish('tributary', 'customer', Buffer.from(body), { persistent: true, mandatory: true });
    }
    await channel.waitForConfirms();
    await channel.consume('customer_data', (message) => {
      if (message === null) return;
      if (message.content.toString() === 'good') channel.ack(message);
      else channel.nack(message, false, false);
    });
    await vi.waitFor(async () => {
      const dead = await channel.get('customer_data.dead', { noAck: true });
      expect(dead).toMatchObject({ content: Buffer.from('bad') });
    });
    expect(await channel.checkQueue('customer_data')).toMatchObject({ messageCount: 0 });
    await connection.close();
  });

  test('run the Lua that the ledger is made of', async () => {
    const redis = connectRedis({ url: standIns.redisUrl, connectionName: 'test', log });
    redis.defineCommand('ledgerLike', {
      numberOfKeys: 2,
      lua: `
        local now = redis.call('TIME')
        redis.call('HSET', KEYS[1], 'hash', ARGV[1], 'version', ARGV[2])
        redis.call('ZADD', KEYS[2], 0, 'a:1', 0, 'a:2', 0, 'b:1')
        local members = redis.call('ZRANGEBYLEX', KEYS[2], '[a:', '(b')
        local fields = redis.call('HMGET', KEYS[1], 'hash', 'version', 'absent')
        return cjson.encode({ seconds = tonumber(now[1]), members = members, hash = fields[1], absent = fields[3] })`,
    });
    const ledgerLike: (...args: string[]) => Promise<string> = Reflect.get(redis, 'ledgerLike').bind(redis);
    const answer: unknown = JSON.parse(await ledgerLike('row', 'index', 'abc', '7'));
    expect(answer).toEqual({
      seconds: expect.closeTo(Date.now() / 1000, -2),
      members: ['a:1', 'a:2'],
      hash: 'abc',
      absent: false,
    });
    redis.disconnect();
  });

  test('answer nobody who does not know their password: every user of the machine reaches their ports', async () => {
    const amqp = new URL(standIns.amqpUrl);
    for (const user of ['', 'guest:guest@', 'tributary:@', 'tributary:guessed@']) {
      await expect(connect(`amqp://${user}${amqp.host}`)).rejects.toThrow(/ACCESS.REFUSED/i);
    }
    const { hostname, port, password } = new URL(standIns.redisUrl);
    expect(password).toMatch(/^\w{48}$/);
    const answerTo = async (command: string) => {
      const socket = createConnection(Number(port), hostname);
      socket.write(`${command}\r\n`);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      return String(answer);
    };
    for (const command of ['KEYS *', 'FLUSHALL', 'CONFIG GET requirepass']) {
      expect(await answerTo(command)).toMatch(/^-NOAUTH/);
    }
    expect(await answerTo('AUTH guessed')).toMatch(/^-WRONGPASS/);
  });

  test('answer each Redis command at once, and not with the next tick of a timer', async () => {
    const redis = connectRedis({ url: standIns.redisUrl, connectionName: 'test', log });
    await redis.ping();
    const started = performance.now();
    for (let index = 0; index < 100; index++) await redis.set('key', index);
    // At 100 ms each, as the package comes, this would take 10 s.
    expect(performance.now() - started).toBeLessThan(8_000);
    redis.disconnect();
  });

  test('go on through Ctrl-C and SIGTERM, so that the pipeline can drain', async () => {
    const redis = connectRedis({ url: standIns.redisUrl, connectionName: 'test', log });
    await redis.set('drained', 'not yet');
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.kill(standIns.pid, signal);
      expect(await redis.get('drained')).toBe('not yet');
    }
    redis.disconnect();
  });
});

describe('the process of the stand-ins', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test('is gone after stop, which may be called twice', async () => {
    const onLost = vi.fn();
    const standIns = await startStandIns({ onLost });
    await Promise.all([standIns.stop(), standIns.stop()]);
    await standIns.stop();
    expect(isRunning(standIns.pid)).toBe(false);
    expect(onLost).not.toHaveBeenCalled();
  });

  test('tells when it ends by itself', async () => {
    const onLost = vi.fn();
    const standIns = await startStandIns({ onLost });
    process.kill(standIns.pid, 'SIGKILL');
    await vi.waitFor(() => expect(onLost).toHaveBeenCalledOnce());
    expect(onLost.mock.calls[0]?.[0]).toMatchObject({
      code: 'stand_ins_lost',
      message: expect.stringContaining('SIGKILL'),
    });
    await standIns.stop();
  });

  test('that cannot come up fails the start with what it printed', async () => {
    vi.stubEnv('NODE_OPTIONS', '--require ./no-such-file.cjs');
    await expect(startStandIns()).rejects.toMatchObject({
      code: 'stand_ins_failed',
      message: expect.stringContaining('no-such-file.cjs'),
    });
  });

  test('prints nothing, and dies with a parent that is killed', async () => {
    const module = new URL('../../dist/embedded/stand-ins.js', import.meta.url).href;
    const script = `
      import { startStandIns } from ${JSON.stringify(module)};
      const { redisUrl, amqpUrl } = await startStandIns();
      console.log(JSON.stringify([redisUrl, amqpUrl]));`;
    const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let errors = '';
    parent.stderr.on('data', (text) => {
      errors += text;
    });
    const [output] = await once(parent.stdout, 'data');
    // Anything else on stdout would not be JSON.
    const urls = JSON.parse(String(output)) as string[];
    expect(await Promise.all(urls.map(accepts))).toEqual([true, true]);
    parent.kill('SIGKILL');
    await vi.waitFor(async () => expect(await Promise.all(urls.map(accepts))).toEqual([false, false]), 5_000);
    expect(errors).toBe('');
  });
});

test('the stand-in for Redis asks also a client for the password that connects as soon as it listens', async () => {
  const module = new URL('../../dist/embedded/redis-stand-in.js', import.meta.url).href;
  const script = `
    import { connect, Server } from 'node:net';
    const { listen } = Server.prototype;
    let early;
    Server.prototype.listen = function (...to) {
      this.once('listening', () => {
        const socket = connect(this.address().port, '127.0.0.1', () => socket.write('PING\\r\\n'));
        socket.on('error', () => {});
        socket.once('data', (data) => {
          early ??= { socket, first: String(data) };
        });
      });
      return Reflect.apply(listen, this, to);
    };
    const { startRedisStandIn } = await import(${JSON.stringify(module)});
    await startRedisStandIn();
    while (early === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    early.socket.once('data', (data) => {
      console.error(JSON.stringify([early.first, String(data)]));
      process.exit(0);
    });
    early.socket.write('KEYS *\\r\\n');`;
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '--eval', script], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let told = '';
  child.stderr.on('data', (text) => {
    told += text;
  });
  await once(child, 'close');
  expect(JSON.parse(told)).toEqual([expect.stringMatching(/^-NOAUTH/), expect.stringMatching(/^-NOAUTH/)]);
}, 120_000);

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function accepts(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const socket = createConnection(Number(port), hostname);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
