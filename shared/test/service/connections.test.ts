import { EventEmitter, once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApp, type Listening, listen } from '../../src/index.js';

const MOST = 8;
const HALF = 'POST /taken HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{';
const WHOLE = 'GET /known HTTP/1.1\r\nHost: a\r\n\r\n';

describe('a server that has as many connections as it takes', { timeout: 60_000 }, () => {
  let server: Listening;
  let sockets: Socket[];
  const held: ServerResponse[] = [];
  const ended = new EventEmitter();
  beforeEach(async () => {
    sockets = [];
    const app = createApp();
    app.get('/known', (_request, response) => void response.send('known'));
    app.get('/stream', (_request, response) => {
      held.push(response);
      response.write('begun');
    });
    app.post('/taken', (request, response) => {
      request.resume().once('end', () => response.send('taken'));
    });
    app.post('/refused', (request, response) => {
      request.once('end', () => ended.emit('end'));
      response.status(401).send('refused');
    });
    server = await listen(app, 0, '127.0.0.1', MOST);
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
      const end = once(ended, 'end');
      socket.write('     ');
      await end;
    }
    const answer = answerOn(await open(WHOLE));
    await closed(oldest);
    expect(await answer).toContain('known');
  });

  it('cuts nothing that is being answered, and refuses new ones where all are', async () => {
    const streams: Socket[] = [];
    for (let index = 0; index < MOST; index++) {
      const socket = await open('GET /stream HTTP/1.1\r\nHost: a\r\n\r\n');
      await once(socket, 'data');
      streams.push(socket);
    }
    await closed(await open(WHOLE));
    expect(streams.filter(({ destroyed }) => destroyed)).toEqual([]);
    streams[0]?.destroy();
    await expect
      .poll(async () => await answerOn(await open(WHOLE)).catch(() => ''), { timeout: 20_000 })
      .toContain('known');
  });
});
