import { EventEmitter, once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createApp, type Listening, listen } from '../../src/index.js';

const MOST = 8;
const HALF = 'POST /taken HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{';
const WHOLE = 'GET /known HTTP/1.1\r\nHost: a\r\n\r\n';
const LARGE = 'GET /large HTTP/1.1\r\nHost: a\r\n\r\n';
const STREAM = 'GET /stream HTTP/1.1\r\nHost: a\r\n\r\n';
/** More than the system keeps for a client that reads nothing. */
const LARGE_ANSWER = Buffer.alloc(32 * 1024 * 1024);
/** Milliseconds. Longer than any of these tests but the last. */
const UNREAD = 120_000;
/** Bytes. More than any of these tests but the last leaves. */
const UNBOUND = 1024 ** 3;

describe('a server that has as many connections as it takes', { timeout: 60_000 }, () => {
  let server: Listening;
  let sockets: Socket[];
  const held: ServerResponse[] = [];
  const told = new EventEmitter();
  beforeEach(async () => {
    sockets = [];
    const app = createApp();
    app.use((request, _response, next) => {
      told.emit(request.url);
      next();
    });
    app.get('/large', (_request, response) => void response.end(LARGE_ANSWER));
    app.get('/known', (_request, response) => void response.send('known'));
    app.get('/stream', (_request, response) => {
      held.push(response);
      response.write('begun');
    });
    app.post('/taken', (request, response) => {
      request.resume().once('end', () => response.send('taken'));
    });
    app.post('/refused', (request, response) => {
      request.once('end', () => told.emit('end'));
      response.status(401).send('refused');
    });
    server = await listen(app, 0, '127.0.0.1', { most: MOST, unread: UNREAD, untaken: UNBOUND });
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await server.close();
  });

  const open = async (text: string): Promise<Socket> => {
    const socket = connect(server.port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {});
    await once(socket, 'connect');
    if (text !== '') socket.write(text);
    return socket;
  };
  const answerOn = async (socket: Socket): Promise<string> => {
    let text = '';
    for await (const chunk of socket) {
      text += String(chunk);
      if (/\r\n\r\n.*(known|taken|begun)/s.test(text)) break;
    }
    return text;
  };
  const closed = (socket: Socket) => socket.resume().closed || once(socket, 'close');

  it.each([
    ['half a request', HALF],
    ['half a head', 'POST /taken HTTP/1.1\r\nHost: a\r\n'],
    ['nothing', ''],
  ])(
    'serves those who come while strangers hold all of them with %s: the oldest of these gives way',
    async (_name, text) => {
      const oldest = await open(text);
      while (sockets.length < MOST) await open(text);
      const answer = answerOn(await open(WHOLE));
      await closed(oldest);
      expect(await answer).toContain('known');
      for (let time = 0; time < 3 * MOST; time++) {
        const socket = await open(HALF);
        if (time % 3 > 0) continue;
        socket.write('    ');
        expect(await answerOn(socket)).toContain('taken');
      }
    },
  );

  it('serves those who come while strangers hold all of them, whose bodies ended after they were refused', async () => {
    const oldest = await open('');
    for (let index = 0; index < MOST; index++) {
      const socket = index === 0 ? oldest : await open('');
      socket.write('POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n');
      await once(socket, 'data');
      const end = once(told, 'end');
      socket.write('     ');
      await end;
    }
    const answer = answerOn(await open(WHOLE));
    await closed(oldest);
    expect(await answer).toContain('known');
  });

  it.each([
    ['who do not read their answers', LARGE],
    ['who do not read their answers, and send more requests all the time', `${LARGE}${WHOLE.repeat(20)}`],
    ['who send more requests behind one that is not answered yet', `${STREAM}${WHOLE.repeat(20)}`],
    ['with half a request behind one that was answered', `${WHOLE}${HALF}`],
  ])('serves those who come while all are held by strangers %s', async (_name, text) => {
    const hold = async () => {
      const number = `?${sockets.length}`;
      const begun = once(told, `${/\/\w+/.exec(text)?.[0]}${number}`);
      const socket = (await open(text.replace(' HTTP', `${number} HTTP`))).pause();
      await begun;
      return socket;
    };
    const oldest = await hold();
    while (sockets.length < MOST) await hold();
    const answer = answerOn(await open(WHOLE));
    await closed(oldest);
    expect(await answer).toContain('known');
    for (let time = 0; time < MOST; time++) await hold();
    expect(await answerOn(await open(WHOLE))).toContain('known');
  });

  it('cuts nothing that is being answered, and refuses new ones where all are', async () => {
    const streams: Socket[] = [];
    for (let index = 0; index < MOST; index++) {
      const socket = await open(STREAM);
      await once(socket, 'data');
      streams.push(socket);
    }
    await closed(await open(WHOLE));
    expect(streams.filter(({ destroyed }) => destroyed)).toEqual([]);
    streams[0]?.destroy();
    await expect.poll(async () => await answerOn(await open(WHOLE)).catch(() => '')).toContain('known');
  });
});

describe('a client that takes nothing of its answer', { timeout: 60_000 }, () => {
  it('is cut, unlike one that reads, and one whose answer is still being made', async () => {
    const unread = 4_000;
    const app = createApp();
    const chunk = Buffer.alloc(64 * 1024);
    const told = new EventEmitter();
    const cut: string[] = [];
    app.get('/endless/:who', async (request, response) => {
      const endless = Readable.from(
        (function* () {
          for (;;) yield chunk;
        })(),
      );
      await pipeline(endless, response).catch(() => cut.push(request.params.who));
      told.emit('cut');
    });
    app.get('/slow', async (_request, response) => {
      await sleep(1.5 * unread);
      response.send('at last');
    });
    const server = await listen(app, 0, '127.0.0.1', { most: MOST, unread, untaken: UNBOUND });
    const sockets: Socket[] = [];
    const ask = async (path: string) => {
      const socket = connect(server.port, '127.0.0.1').on('error', () => {});
      sockets.push(socket);
      await once(socket, 'connect');
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      return socket;
    };
    const idleIsCut = once(told, 'cut');
    await ask('/endless/idle');
    const reading = await ask('/endless/reading');
    const taking = setInterval(() => reading.read(), 20);
    onTestFinished(async () => {
      clearInterval(taking);
      for (const socket of sockets) socket.destroy();
      await server.close();
    });
    const [answer] = (await once(await ask('/slow'), 'data')) as [Buffer];
    expect(String(answer)).toContain('at last');
    await idleIsCut;
    expect(cut).toEqual(['idle']);
  });

  it('gives way before others where what is not taken is more than may be, and cuts nobody who reads', async () => {
    const app = createApp();
    const told = new EventEmitter();
    app.get('/large/:who', (request, response) => {
      response.once('close', () => told.emit(request.params.who, response.writableFinished));
      response.end(LARGE_ANSWER);
    });
    const untaken = 2.5 * LARGE_ANSWER.length;
    const server = await listen(app, 0, '127.0.0.1', { most: 100, unread: UNREAD, untaken });
    onTestFinished(() => server.close());
    const sockets: Socket[] = [];
    const hold = async (who: string) => {
      const socket = connect(server.port, '127.0.0.1').on('error', () => {});
      sockets.push(socket);
      socket.once('data', () => socket.pause());
      socket.write(`GET /large/${who} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await once(socket, 'data');
    };
    const ended: string[] = [];
    for (const who of ['first', 'second', 'third', 'fourth', 'fifth']) told.once(who, () => ended.push(who));
    for (const who of ['first', 'second']) await hold(who);
    const whole = await fetch(`${server.url}/large/reader`);
    expect((await whole.arrayBuffer()).byteLength).toBe(LARGE_ANSWER.length);
    for (const who of ['third', 'fourth', 'fifth']) await hold(who);
    await expect.poll(() => ended.length).toBe(3);
    expect(ended).toEqual(['first', 'second', 'third']);
    for (const socket of sockets) socket.destroy();
  });
});
