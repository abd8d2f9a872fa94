import { describeError, FatalError } from '../errors.js';

/** How amqplib tells the broker's words: `Channel closed by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - …"`. */
const BROKERS_WORDS =
  /(?:Channel closed by server: |Connection closed: |Handshake terminated by server: )?(\d{3}) \([A-Z-]+\) with message "([\s\S]*?)"(?=$|:|;|\s\()/g;

interface Advice {
  readonly when: RegExp;
  /** What it means, and what to do. */
  readonly say: string;
}

/** Where the broker, or the network, says why in its own words: what that means, and what to do. The first that fits counts. */
const ADVICE: readonly Advice[] = [
  {
    when: /Login was refused|ACCESS_REFUSED - Login/i,
    say: 'RabbitMQ does not accept the user or the password in AMQP_URL; correct them, or set the password with: rabbitmqctl change_password USER PASSWORD',
  },
  {
    when: /user '[^']*' can only connect via localhost/i,
    say: 'make a user of your own for this service: rabbitmqctl add_user USER PASSWORD; rabbitmqctl set_permissions -p VHOST USER ".*" ".*" ".*"',
  },
  {
    when: /connection limit|user limit|channel limit|node limit|channel_max/i,
    say: 'close other connections, or raise the limit: rabbitmqctl set_vhost_limits, set_user_limits',
  },
  {
    when: /vhost '?[^']*'? (?:is down|was deleted)|vhost .* down/i,
    say: 'start it again with: rabbitmqctl restart_vhost -p VHOST',
  },
  {
    when: /vhost '?\S*'? not found|no vhost/i,
    say: 'correct the path at the end of AMQP_URL (%2F for the vhost "/"), or make the vhost: rabbitmqctl add_vhost VHOST',
  },
  {
    when: /access to vhost '([^']*)' refused for user '([^']*)'/i,
    say: 'let the user in: rabbitmqctl set_permissions -p $1 $2 ".*" ".*" ".*"',
  },
  {
    when: /access to (?:queue|exchange|topic) '[^']*'[^']* in vhost '([^']*)' refused for user '([^']*)'/i,
    say: 'the user may not use it; allow it: rabbitmqctl set_permissions -p $1 $2 ".*" ".*" ".*" (configure, write, read)',
  },
  {
    when: /acknowledge?ment on channel \d+ timed out|consumer ack timed out/i,
    say: 'a delivery was held longer than consumer_timeout allows; set consumer_timeout to 30 minutes (1800000) or more',
  },
  {
    when: /message size \d+ is larger than/i,
    say: 'raise max_message_size in rabbitmq.conf if such messages must pass',
  },
  {
    when: /inequivalent arg/i,
    say: 'a queue or exchange of this name exists with other arguments',
  },
  {
    when: /no (?:queue|exchange) '/i,
    say: 'it was deleted; it is declared again',
  },
  {
    when: /RESOURCE_LOCKED|exclusive access/i,
    say: 'another connection has it for itself alone (exclusive); end that connection, or give the queue another name',
  },
  {
    when: /RabbitMQ has sent nothing for/,
    say: 'the server may be suspended, or the network swallows what is sent; connecting again until it answers',
  },
  {
    when: /broker forced connection closure|CONNECTION_FORCED/i,
    say: 'RabbitMQ is stopping, or an operator closed the connection',
  },
  {
    when: /INTERNAL_ERROR/,
    say: 'a part of RabbitMQ has failed, most often the process of a quorum queue; see "rabbitmq-queues quorum_status QUEUE" and the log of RabbitMQ; restart the node that has the queue: it is back with its messages',
  },
  {
    when: /wrong version number|packet length too long|EPROTO|unsupported protocol|record layer failure/i,
    say: 'the server does not speak TLS at this port: is it the port of amqp:// (5672) instead of that of amqps:// (5671)?',
  },
  {
    when: /self[- ]signed certificate|unable to (?:verify|get)|certificate has expired|altnames/i,
    say: 'the certificate of the server is not trusted; name its authority in NODE_EXTRA_CA_CERTS',
  },
  {
    when: /Invalid frame|Frame size|Expected ConnectionStart|frame.*maximum/i,
    say: 'the server at this port does not speak AMQP 0-9-1: is it the port of the management UI (15672), or of another service?',
  },
  {
    when: /Socket closed abruptly|Unexpected close|ECONNRESET/i,
    say: 'the server closed the connection without a word: is it a port for TLS (amqps://), or that of another service, or is RabbitMQ still starting?',
  },
  {
    when: /ECONNREFUSED/i,
    say: 'nothing listens at this address: is RabbitMQ running, and is it the right port?',
  },
  {
    when: /ENOTFOUND|EAI_AGAIN/i,
    say: 'no such host: correct AMQP_URL, or the name server is away',
  },
  {
    when: /ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/i,
    say: 'no answer from this address: is RabbitMQ running, and does the network let the connection through?',
  },
];

/** What the broker said, and what to do about it; for other errors, what they say. */
export function describeBrokerError(error: unknown): string {
  const text = describeError(error);
  const said = text.replaceAll(BROKERS_WORDS, '$1 $2');
  // It says already what to do.
  if (error instanceof FatalError) return said;
  for (const { when, say } of ADVICE) {
    const found = when.exec(text);
    if (found === null) continue;
    const [, first = 'VHOST', second = 'USER'] = found;
    return `${said}; ${say.replace('$1', first).replace('$2', second)}`;
  }
  return said;
}

/** The largest body that the broker takes, in bytes, if it closed a channel because a message was larger. */
export function maxMessageSizeIn(error: unknown): number | undefined {
  const limit = /message size \d+ is larger than (?:configured )?max size (\d+)/.exec(describeError(error))?.[1];
  return limit === undefined ? undefined : Number(limit);
}
