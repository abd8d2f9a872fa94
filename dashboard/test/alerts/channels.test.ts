import { createHmac } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';
import { type AlertChannel, systemClock } from '@tributary/shared';
import { afterEach, describe, expect, it } from 'vitest';
import { createChannel } from '../../src/alerts/channels/kinds.js';
import { idOf, type Message } from '../../src/alerts/message.js';
import { watched } from './pipeline.js';
import { httpReceiver, smtpReceiver } from './receivers.js';

const message: Message = {
  id: idOf('one'),
  incident: idOf('incident'),
  pipeline: 'watched',
  rule: 'failing',
  condition: 'endpoint-failing',
  status: 'firing',
  repeat: 0,
  title: 'Alert: 2 endpoints of api.example.org fail',
  at: '2026-01-05T00:01:00.000Z',
  since: '2026-01-05T00:00:00.000Z',
  alerts: [
    {
      subject: { kind: 'endpoint', name: 'one' },
      status: 'firing',
      words: 'one: <!channel> & co answered 503\r\nBcc: all@example.org',
      since: '2026-01-05T00:00:00.000Z',
      link: 'https://dash.example/endpoints/one',
    },
  ],
  more: 0,
};
const signal = new AbortController().signal;
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
const receiver = async (...answers: Parameters<typeof httpReceiver>) => {
  const found = await httpReceiver(...answers);
  closing.push(found.close);
  return found;
};
const mailServer = async (...options: Parameters<typeof smtpReceiver>) => {
  const found = await smtpReceiver(...options);
  closing.push(found.close);
  return found;
};
const channelOf = (settings: string) =>
  createChannel(watched(`  channels: { it: ${settings} }`).alerts.channels.it as AlertChannel, systemClock);
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: Error & { isFinal?: boolean }) => error,
  );

describe('a webhook', () => {
  it('is JSON, with the headers and the signature of Standard Webhooks', async () => {
    const { url, received } = await receiver();
    const key = Buffer.from('a key of thirty-two bytes, no less');
    const secret = `whsec_${key.toString('base64')}`;
    await channelOf(`{ type: webhook, url: "${url}", secret: "${secret}" }`).send(message, signal);
    const [{ headers, body } = { headers: {}, body: '' }] = received;
    expect(JSON.parse(body)).toEqual({
      type: 'alert.firing',
      timestamp: message.at,
      data: expect.objectContaining({ id: message.id, incident: message.incident, rule: 'failing', status: 'firing' }),
    });
    expect(headers['webhook-id']).toBe(message.id);
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
    expect(body).not.toContain(secret);
  });

  it('has no signature without a secret', async () => {
    const { url, received } = await receiver();
    await channelOf(`{ type: webhook, url: "${url}" }`).send(message, signal);
    expect(received[0]?.headers['webhook-signature']).toBeUndefined();
  });

  it.each([
    ['user:secret@', 'user:secret'],
    ['user@', 'user:'],
    [':secret@', ':secret'],
    ['us%40er:50%25off%3A@', 'us@er:50%off:'],
    ['user:50%off@', 'user:50%off'],
  ])('sends the user and the password of its URL as Basic (%s)', async (info, told) => {
    const { url, received } = await receiver();
    const settings = (type: string) => `{ type: ${type}, url: "${url.replace('//', `//${info}`)}" }`;
    await channelOf(settings('webhook')).send(message, signal);
    await channelOf(settings('slack')).send(message, signal);
    const basic = `Basic ${Buffer.from(told).toString('base64')}`;
    expect(received.map(({ headers }) => headers.authorization)).toEqual([basic, basic]);
  });

  it.each([301, 302, 303, 307, 308])('follows no redirect (%i), and says nothing of where it leads', async (status) => {
    const inner = await receiver();
    const { url } = await receiver(() => ({ status, location: inner.url }));
    const error = await failure(channelOf(`{ type: webhook, url: "${url}" }`).send(message, signal));
    expect(error?.message).toBe(`it answered ${status}, a redirect, which is not followed`);
    expect(inner.received).toEqual([]);
  });

  it.each([
    [500, false],
    [429, false],
    [404, false],
    [400, true],
    [410, true],
  ])('tells the status %i alone, without address and answer', async (status, isFinal) => {
    const { url } = await receiver(() => status);
    const error = await failure(channelOf(`{ type: webhook, url: "${url}" }`).send(message, signal));
    expect(error).toMatchObject({ message: `it answered ${status}`, isFinal });
  });

  it('tells that nobody is there by the code alone', async () => {
    const { url, close } = await httpReceiver();
    await close();
    const error = await failure(channelOf(`{ type: webhook, url: "${url}" }`).send(message, signal));
    expect(error?.message).toBe('it cannot be reached: ECONNREFUSED');
  });
});

describe('Slack', () => {
  it('gets text and blocks in which the words of an API are no markup', async () => {
    const { url, received } = await receiver();
    await channelOf(`{ type: slack, url: "${url}" }`).send(message, signal);
    const body = received[0]?.body ?? '';
    const { text, blocks } = JSON.parse(body) as { text: string; blocks: { type: string }[] };
    expect(text).toContain('2 endpoints of api.example.org fail');
    expect(blocks.map(({ type }) => type)).toEqual(['header', 'section', 'context']);
    expect(body).not.toContain('<!channel>');
    expect(body).toContain('&lt;!channel&gt; &amp; co');
    expect(body).toContain('<https://dash.example/endpoints/one|look>');
    expect(body).toContain(message.id);
  });

  it('gets whole lines, as many as it takes', async () => {
    const { url, received } = await receiver();
    const [one] = message.alerts;
    const alerts = Array.from({ length: 50 }, () => ({ ...one, words: 'x'.repeat(200) }) as Message['alerts'][number]);
    await channelOf(`{ type: slack, url: "${url}" }`).send({ ...message, alerts }, signal);
    const { blocks } = JSON.parse(received[0]?.body ?? '') as { blocks: { text?: { text: string } }[] };
    const text = blocks[1]?.text?.text ?? '';
    expect(text.length).toBeLessThan(3_000);
    expect(text).toMatch(/\|look>\nand \d+ more$/);
  });
});

describe('an e-mail', () => {
  it('is sent after a login, in plain text, under a Message-ID that is the same for each attempt', async () => {
    const { port, mails } = await mailServer({ plain: true });
    const server = `smtp://ops:pass%20word@127.0.0.1:${port}`;
    const channel = channelOf(
      `{ type: email, server: "${server}", tls: possible, from: t@example.org, to: [a@example.org, b@example.org] }`,
    );
    await channel.send(message, signal);
    await channel.send(message, signal);
    expect(mails).toHaveLength(2);
    expect(mails[0]).toMatchObject({ from: 't@example.org', to: ['a@example.org', 'b@example.org'] });
    const [text = '', again = ''] = mails.map((mail) => mail.text);
    expect(text).toContain('Subject: [watched] Alert: 2 endpoints of api.example.org fail');
    expect(text).toContain(`Message-ID: <${message.id}@tributary.alerts>`);
    expect(again).toContain(`Message-ID: <${message.id}@tributary.alerts>`);
    expect(text.split('\r\n\r\n')[0]).not.toMatch(/^Bcc:/im);
  });

  it.each([
    ['50%off', '50%off'],
    ['50%25off', '50%off'],
    ['50%', '50%'],
    ['%zz%40', '%zz%40'],
  ])('takes the password of its server as it is written where it is not encoded (%s)', async (written, taken) => {
    const { port, mails } = await mailServer({ plain: true, taken });
    const server = `smtp://ops:${written}@127.0.0.1:${port}`;
    const channel = channelOf(
      `{ type: email, server: "${server}", tls: possible, from: t@example.org, to: [a@example.org] }`,
    );
    await channel.send(message, signal);
    expect(mails).toHaveLength(1);
  });

  it('is not sent in plain text unless the file says that it may be', async () => {
    const { port, mails } = await mailServer({ plain: true });
    const server = `smtp://ops:pass%20word@127.0.0.1:${port}`;
    const error = await failure(
      channelOf(`{ type: email, server: "${server}", from: t@example.org, to: [a@example.org] }`).send(message, signal),
    );
    expect(error?.message).toMatch(/^the server cannot be reached: |^the server answered/);
    expect(mails).toEqual([]);
  });

  it('tells the code of a refusal, and nothing of the password or of what the server says', async () => {
    const { port } = await mailServer({ plain: true, refuse: 'nobody@example.org' });
    const wrong = `smtp://ops:wrong-password@127.0.0.1:${port}`;
    const login = channelOf(
      `{ type: email, server: "${wrong}", tls: possible, from: t@example.org, to: [a@example.org] }`,
    );
    expect(await failure(login.send(message, signal))).toMatchObject({
      message: expect.stringMatching(/^the server answered 535 \(EAUTH\)$/),
      isFinal: false,
    });
    const open = `smtp://127.0.0.1:${port}`;
    const nobody = channelOf(
      `{ type: email, server: "${open}", tls: possible, from: t@example.org, to: [nobody@example.org] }`,
    );
    expect(await failure(nobody.send(message, signal))).toMatchObject({
      message: 'the server answered 550 (EENVELOPE)',
      isFinal: true,
    });
  });
});

describe('Slack', () => {
  it('makes no mention of plain words', async () => {
    const { url, received } = await receiver();
    await channelOf(`{ type: slack, url: "${url}" }`).send(message, signal);
    const written: string[] = received[0]?.body.match(/\{"type":"mrkdwn"[^}]*\}/g) ?? [];
    expect(written).toHaveLength(2);
    for (const one of written) expect(one).toContain('"verbatim":true');
  });
});

describe('a mail server that answers slowly and without an end', () => {
  const dripping = async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.write('220 hello\r\n');
      socket.once('data', () => {
        const timer = setInterval(() => socket.write('250-and more\r\n'), 100);
        socket.on('close', () => clearInterval(timer));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    // It closes only when no connection is left.
    closing.push(() => new Promise((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    return channelOf(
      `{ type: email, server: "smtp://127.0.0.1:${port}", tls: possible, from: a@b.org, to: [c@d.org] }`,
    );
  };

  it('holds up a dashboard that stops no longer', async () => {
    const channel = await dripping();
    const stopped = new AbortController();
    const sending = failure(channel.send(message, stopped.signal));
    setTimeout(() => stopped.abort(), 500);
    expect((await sending)?.message).toContain('cannot be reached');
  });

  it('is given up after the time of one attempt', { timeout: 25_000 }, async () => {
    const channel = await dripping();
    expect((await failure(channel.send(message, signal)))?.message).toContain('no answer in 15 s');
  });
});
