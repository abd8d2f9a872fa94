/** Seconds, unless AMQP_URL asks for another heartbeat. The server sends something at least every half of it. */
const USUAL_HEARTBEAT = 5;

/** How often a connection is looked at, in milliseconds. */
const LOOK_EVERY = 500;
/** Milliseconds without a byte after which a connection is dead: two heartbeats of the server, and time for a busy machine. */
const LEAST_SILENCE = 6_000;
/** Milliseconds that a heartbeat of the server may be late. */
const LATE = 3_500;

/** The longest heartbeat with which a dead connection is noticed within 10 s, in seconds. */
const LONGEST_HEARTBEAT = 10;

/** @param url one of AMQP_URL. @returns the seconds between the heartbeats that it asks for; 0 for none */
export function heartbeatOf(url: URL): number {
  const asked = url.searchParams.get('heartbeat') ?? '';
  return /^\d+$/.test(asked) ? Number(asked) : USUAL_HEARTBEAT;
}

/** What a person has to know who asks for another heartbeat; undefined if there is nothing to know. */
export function adviceOnHeartbeat(heartbeat: number): string | undefined {
  const late = `AMQP_URL asks for a heartbeat of ${heartbeat} s: a network that swallows everything, or a RabbitMQ that is suspended,`;
  if (heartbeat === 0) return `${late} is not noticed while nothing is sent; leave the heartbeat out of the URL`;
  if (heartbeat <= LONGEST_HEARTBEAT) return undefined;
  return `${late} is noticed after ${silenceOf(heartbeat) / 1_000} s, not within 10 s; leave the heartbeat out of the URL`;
}

/** Milliseconds without a byte after which a connection is dead. */
const silenceOf = (heartbeat: number): number => Math.max(LEAST_SILENCE, heartbeat * 500 + LATE);

/** What watching needs of a connection of amqplib. */
export interface WatchedConnection {
  readonly connection: object;
  once(event: 'close', listener: () => void): unknown;
}

/** What amqplib knows of a connection, beside what its types tell. */
interface Internals {
  /** Seconds, as agreed with the server; 0 if there is none. */
  readonly heartbeat?: number;
  readonly stream?: { readonly bytesRead: number; destroy(reason: Error): unknown };
}

/**
 * Ends a connection that is open and dead: RabbitMQ is suspended, or the network swallows what is sent. amqplib's own check takes
 * three heartbeats; readiness has to tell within 10 s. Without heartbeats nothing is due, and nothing is watched.
 *
 * It counts looks rather than time: a process that was suspended itself, or whose event loop was blocked, must not take its own
 * silence for that of the server.
 */
export function endIfSilent(model: WatchedConnection): void {
  const { heartbeat = 0, stream } = model.connection as Internals;
  if (heartbeat === 0 || stream === undefined) return;
  const most = silenceOf(heartbeat);
  let [bytes, quiet] = [stream.bytesRead, 0];
  const timer = setInterval(() => {
    quiet = stream.bytesRead === bytes ? quiet + 1 : 0;
    bytes = stream.bytesRead;
    if (quiet * LOOK_EVERY < most) return;
    clearInterval(timer);
    stream.destroy(new Error(`RabbitMQ has sent nothing for ${most / 1_000} s, not even a heartbeat`));
  }, LOOK_EVERY);
  timer.unref();
  model.once('close', () => clearInterval(timer));
}
