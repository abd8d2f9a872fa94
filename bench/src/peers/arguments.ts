/** What every peer is told on its command line. */
export interface PeerArguments {
  readonly amqp: string;
  readonly redis: string;
  readonly queue: string;
  /** The number of messages after which it prints the seconds that they took, and ends. */
  readonly count: number;
  /** A file, or the URL of a database. */
  readonly output: string;
}

export function peerArguments(): PeerArguments {
  const [amqp = '', redis = '', queue = '', count = '', output = ''] = process.argv.slice(2);
  return { amqp, redis, queue, count: Number(count), output };
}
