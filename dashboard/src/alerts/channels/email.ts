import { connect, type Socket } from 'node:net';
import { decodeUserInfo, withTimeout } from '@tributary/shared';
import { createTransport } from 'nodemailer';
import { type Message, textOf } from '../message.js';
import { codeOf, type MakeChannel, NotTaken, SEND_WITHIN } from './channel.js';

/** One connection for each message: there are few, and a server that was away is asked anew. */
export const email: MakeChannel<'email'> = ({ server, tls, from, to }) => ({
  async send(message, signal) {
    signal.throwIfAborted();
    const { protocol, hostname, port, username, password } = new URL(server);
    const secure = protocol.toLowerCase() === 'smtps:';
    const place = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (secure ? 465 : 587) };
    let socket: Socket | undefined;
    const transport = createTransport({
      ...place,
      // A socket of our own can be ended at any moment: the library's timeouts begin anew with each byte.
      getSocket(_options, done) {
        socket = connect(place).once('error', done);
        socket.once('connect', () => done(null, { connection: socket }));
      },
      secure,
      requireTLS: !secure && tls === 'required',
      ...(username === '' ? {} : { auth: { user: decodeUserInfo(username), pass: decodeUserInfo(password) } }),
      connectionTimeout: SEND_WITHIN,
      greetingTimeout: SEND_WITHIN,
      socketTimeout: SEND_WITHIN,
      // A message has text alone, and must never make the dashboard read a file or ask a URL.
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    const ended = withTimeout(signal, SEND_WITHIN);
    const end = () => socket?.destroy(ended.reason);
    ended.addEventListener('abort', end);
    try {
      await transport.sendMail({ from, to: [...to], ...mailOf(message) });
    } catch (error) {
      throw notTaken(ended.aborted ? ended.reason : error);
    } finally {
      ended.removeEventListener('abort', end);
      transport.close();
      socket?.destroy();
    }
  },
});

const mailOf = (message: Message) => ({
  subject: `[${message.pipeline}] ${message.title}`.replaceAll(/\s+/g, ' ').slice(0, 200),
  text: textOf(message),
  // The same for each attempt: mail programs show a message once that came twice.
  messageId: `<${message.id}@tributary.alerts>`,
  // Programs that answer by themselves do not answer to this (RFC 3834).
  headers: { 'Auto-Submitted': 'auto-generated', 'X-Tributary-Incident': message.incident },
});

function notTaken(error: unknown): NotTaken {
  const { responseCode, code } = error as { responseCode?: unknown; code?: unknown };
  if (typeof responseCode !== 'number') return new NotTaken(`the server cannot be reached: ${codeOf(error)}`);
  const isFinal = responseCode >= 500 && (code === 'EENVELOPE' || code === 'EMESSAGE');
  return new NotTaken(`the server answered ${responseCode} (${codeOf(error)})`, isFinal);
}
