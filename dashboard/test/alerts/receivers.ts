import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver of webhooks, which answers as it is told; 0 for no answer at all. */
export async function httpReceiver(
  answers: (got: number) => number | { status: number; location: string } = () => 200,
) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      const answer = answers(received.length);
      if (answer === 0) return;
      const { status, location } = typeof answer === 'number' ? { status: answer, location: undefined } : answer;
      response.writeHead(status, location === undefined ? {} : { location });
      response.end('what the receiver says');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return { url: `http://127.0.0.1:${port}/hook-of-a-secret-kind`, received, close };
}

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
}

/** A real SMTP server: STARTTLS with a certificate of its own unless `plain`, and a login. */
export async function smtpReceiver({ plain = false, refuse = '', taken = 'pass word' } = {}) {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    ...(plain && { hideSTARTTLS: true, disabledCommands: ['STARTTLS'], allowInsecureAuth: true }),
    authOptional: true,
    onAuth({ username = '', password = '' }, _session, done) {
      if (username === 'ops' && password === taken) return done(null, { user: username });
      done(new Error('the password pass-that-is-wrong is wrong'));
    },
    onRcptTo({ address }, _session, done) {
      if (address === refuse) return done(Object.assign(new Error('nobody of this name'), { responseCode: 550 }));
      done();
    },
    onData(stream, { envelope }, done) {
      let text = '';
      stream.on('data', (chunk) => {
        text += String(chunk);
      });
      stream.on('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        mails.push({ from, to: envelope.rcptTo.map(({ address }) => address), text });
        done();
      });
    },
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  return { port, mails, close: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}
