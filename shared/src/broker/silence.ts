import type { ChannelModel } from 'amqplib';

/** Seconds, unless AMQP_URL asks for another heartbeat. The server sends something at least every half of it. */
export const USUAL_HEARTBEAT = 5;

/** How often a connection is looked at, in milliseconds. */
const LOOK_EVERY = 500;
/** Milliseconds without a byte after which a connection is dead: two heartbeats of the server, and time for a busy machine. */
const LEAST_SILENCE = 6_000;
/** Milliseconds that a heartbeat of the server may be late. */
const LATE = 3_500;

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
export function endIfSilent(model: ChannelModel): void {
  const { heartbeat = 0, stream } = model.connection as Internals;
  if (heartbeat === 0 || stream === undefined) return;
  const most = Math.max(LEAST_SILENCE, heartbeat * 500 + LATE);
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
