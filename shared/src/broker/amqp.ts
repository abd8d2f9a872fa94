import { type ChannelModel, connect, type RecoveringChannelModel } from 'amqplib';
import { FatalError } from '../errors.js';
import { systemClock, within } from '../service/clock.js';
import type { Logger } from '../service/logging.js';
import { decodeUserInfo, redactUrl } from '../service/logging.js';
import { tellCloseReasons } from './close-reason.js';
import { readAllHeaders } from './readable-headers.js';
import { describeBrokerError } from './reasons.js';
import { type Asked, askForRefusal } from './refusal.js';
import { adviceOnHeartbeat, endIfSilent, heartbeatOf } from './silence.js';

export interface BrokerOptions {
  /** One URL, or several with commas between them: the next is tried when a node is gone. */
  readonly urls: string;
  /** Shown in RabbitMQ's management UI, such as `consumer host-1`. */
  readonly connectionName: string;
  readonly log: Logger;
  /**
   * Declares topology and consumers. It runs after every connect, before anything else may use the connection; if it
   * fails, the connection is closed and tried again.
   */
  readonly setup?: (model: ChannelModel) => Promise<void>;
  /** Called when the connection is lost and when it is back, for readiness and metrics. */
  readonly onState?: (connected: boolean) => void;
  /**
   * Called with what keeps the connection from its work (RabbitMQ is away, refuses it, or takes no messages), in its own words
   * and with what to do; with undefined when that is over.
   */
  readonly onProblem?: (problem: string | undefined) => void;
}

/**
 * A connection that recovers by itself (amqplib's own recovery). It waits for a broker that is away, and never rejects for it.
 * @throws FatalError for a URL that is not one of a broker
 */
export async function connectBroker(options: BrokerOptions): Promise<RecoveringChannelModel> {
  const { log } = options;
  const urls = options.urls.split(',').map((url) => url.trim());
  const shown = urls.map(redactUrl).join(', ');
  checkUrls(urls);
  const heartbeats = new Set(urls.map((url) => adviceOnHeartbeat(heartbeatOf(new URL(url)))));
  for (const advice of heartbeats) if (advice !== undefined) log.warn(advice);
  let attempt = 0;
  let isConnecting = false;
  const tell = (problem: string | undefined) => options.onProblem?.(problem);
  const node = nextUrl(urls, () => {
    isConnecting = true;
    return attempt++;
  });
  const connection = await connect(node, {
    timeout: 10_000,
    noDelay: true,
    clientProperties: { connection_name: options.connectionName, product: 'tributary' },
    recovery: {
      initialDelay: 200,
      maxDelay: 2_000,
      waitForConnect: false,
      setup: async (model: ChannelModel) => {
        readAllHeaders(model);
        await options.setup?.(model);
      },
    },
  });
  tell(`RabbitMQ is not connected (${shown})`);
  let last = '';
  connection.on('connect', (model) => {
    isConnecting = false;
    endIfSilent(model);
    last = '';
    log.info({ broker: shown }, 'connected to RabbitMQ');
    options.onState?.(true);
    tell(undefined);
  });
  connection.on('disconnect', (error) => {
    const reason = describeBrokerError(error);
    log.warn({ broker: shown, reason }, 'lost RabbitMQ; connecting again');
    options.onState?.(false);
    tell(`RabbitMQ is not connected (${shown}): ${reason}`);
  });
  connection.on('connect-failed', (error) => {
    isConnecting = false;
    const tellReason = (reason: string) => {
      // Every attempt fails for the same reason, every two seconds: one line of log is enough.
      if (reason !== last) log.warn({ broker: shown, reason }, 'RabbitMQ cannot be reached; trying again until it can');
      last = reason;
      tell(`RabbitMQ is not connected (${shown}): ${reason}`);
    };
    const refusedAt = attempt;
    if (!/Expected ConnectionOpenOk/.test(String(error))) return tellReason(describeBrokerError(error));
    void askForRefusal(node.asked()).then((words) => {
      if (attempt !== refusedAt) return;
      tellReason(words === undefined ? REFUSED_SILENTLY : describeBrokerError(words));
    });
  });
  connection.on('blocked', (reason) => {
    log.warn({ reason }, 'RabbitMQ blocks publishers: it is short of memory or disk');
    tell(`RabbitMQ takes no messages: it is short of memory or disk (${shown}): ${reason}; ${UNBLOCK}`);
  });
  connection.on('unblocked', () => {
    log.info('RabbitMQ takes messages again');
    tell(undefined);
  });
  connection.on('error', (error) => log.debug({ reason: describeBrokerError(error) }, 'RabbitMQ connection error'));
  closeAfterAttempt(connection, () => isConnecting);
  tellCloseReasons(connection);
  return connection;
}

const REFUSED_SILENTLY =
  'RabbitMQ refuses to open the vhost: does it exist (rabbitmqctl list_vhosts), and may the user use it (rabbitmqctl list_permissions)?';

const UNBLOCK =
  'consumers still get messages, which frees memory; if that does not help, free disk space, or raise vm_memory_high_watermark or disk_free_limit';

/** Milliseconds for which closing waits for an attempt to connect. */
const ATTEMPT_TIMEOUT = 1_000;

/**
 * Makes `close` wait for an attempt to connect that goes on, and for a lost connection no longer than until it is lost.
 * amqplib does neither: a connection that comes up after its `close` has no listener for errors, so a server that goes away
 * at that moment would end the process; and a connection that is lost before RabbitMQ has answered is waited for for ever.
 */
function closeAfterAttempt(connection: RecoveringChannelModel, isConnecting: () => boolean): void {
  const close = connection.close.bind(connection);
  let lost = new Promise<void>(() => {});
  connection.on('connect', (model) => {
    lost = new Promise((resolve) => model.once('close', () => resolve()));
  });
  connection.close = async () => {
    if (isConnecting()) {
      const ended = (['connect', 'connect-failed'] as const).map(
        (event) => new Promise<void>((resolve) => connection.once(event, () => resolve())),
      );
      await within(systemClock, ATTEMPT_TIMEOUT, Promise.race(ended));
    }
    await Promise.race([close(), lost]);
  };
}

/** A channel, or a connection that does not recover by itself. */
export interface Closable {
  close(): Promise<unknown>;
  once(event: 'close', listener: () => void): unknown;
}

/** Closes it. If the connection is lost before RabbitMQ has answered, amqplib's `close` never resolves, but `close` is emitted all the same. */
export async function closeAmqp(one: Closable): Promise<void> {
  const closed = new Promise<void>((resolve) => one.once('close', () => resolve()));
  await Promise.race([one.close(), closed]);
}

function checkUrls(urls: readonly string[]): void {
  const wrong = urls.find((url) => !URL.canParse(url) || !/^amqps?:$/.test(new URL(url).protocol));
  if (wrong === undefined) return;
  const wants = 'expected something like amqp://user:password@host:5672, several with commas between';
  throw new FatalError('amqp_url_invalid', `AMQP_URL holds ${redactUrl(wrong)}: ${wants}`);
}

/**
 * amqplib reads the properties of its URL argument again at each attempt, so getters let one connection move on to the next
 * node of a cluster.
 */
function nextUrl(urls: readonly string[], next: () => number) {
  let parsed = new URL(urls[0] ?? 'amqp://127.0.0.1');
  const vhost = (url: URL) => (url.pathname.length > 1 ? decodeUserInfo(url.pathname.slice(1)) : '/');
  return {
    /** The node of the last attempt. Nothing moves on by asking for it. */
    asked(): Asked {
      const { hostname, port, username, password } = this;
      return { protocol: parsed.protocol.replace(':', ''), hostname, port, username, password, vhost: vhost(parsed) };
    },
    get protocol() {
      parsed = new URL(urls[next() % urls.length] ?? 'amqp://127.0.0.1');
      return parsed.protocol.replace(':', '');
    },
    get hostname() {
      return parsed.hostname.replace(/^\[|\]$/g, '');
    },
    get port() {
      return Number(parsed.port) || (parsed.protocol === 'amqps:' ? 5671 : 5672);
    },
    get username() {
      return decodeUserInfo(parsed.username || 'guest');
    },
    get password() {
      return decodeUserInfo(parsed.password || 'guest');
    },
    get vhost() {
      return vhost(parsed);
    },
    get heartbeat() {
      return heartbeatOf(parsed);
    },
  };
}
