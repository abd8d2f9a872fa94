import { Command, type Redis } from 'ioredis';

/** How often the connection is looked at, in milliseconds. */
export const LOOK_EVERY = 500;
/** Looks in a row without a byte, while an answer is due, after which people are told, and after which the connection is closed. */
const SILENT_AFTER = 6;
const CLOSE_AFTER = 10;

/**
 * Ends a connection that is open and dead: the server is suspended, or the network swallows what is sent. TCP itself would take
 * 15 minutes, or for ever where nothing is sent. ioredis connects again then, and sends what was not answered once more.
 *
 * It counts looks rather than time: a process that was suspended itself, or whose event loop was blocked, must not take its own
 * silence for that of the server.
 */
export class SilenceWatch {
  readonly #redis: Redis;
  #stream: unknown;
  #bytes = 0;
  #quiet = 0;
  #handshaking = false;

  constructor(redis: Redis) {
    this.#redis = redis;
    redis.on('connect', () => {
      this.#handshaking = true;
    });
    redis.on('ready', () => {
      this.#handshaking = false;
    });
    redis.on('close', () => this.#sendForgotten());
  }

  /** To be called every {@link LOOK_EVERY} milliseconds. @returns whether the server has been silent for long */
  look(): boolean {
    const { stream, commandQueue, status } = this.#redis;
    const isDue = (status === 'connect' || status === 'ready') && commandQueue.length > 0;
    if (!isDue || stream !== this.#stream || stream.bytesRead !== this.#bytes) {
      this.#stream = stream;
      this.#bytes = stream?.bytesRead ?? 0;
      this.#quiet = 0;
      return false;
    }
    this.#quiet += 1;
    if (this.#quiet >= CLOSE_AFTER) {
      this.#quiet = 0;
      stream.destroy(new Error(`no answer within ${(CLOSE_AFTER * LOOK_EVERY) / 1_000} s`));
    }
    return this.#quiet >= SILENT_AFTER || this.#quiet === 0;
  }

  /**
   * ioredis forgets what was sent before "ready" if the connection closes meanwhile: its promise would never be settled, and a start
   * that waits for it would hang. Only INFO is sent so early, beside what ioredis sends itself (its INFO has no arguments).
   */
  #sendForgotten(): void {
    if (!this.#handshaking) return;
    this.#handshaking = false;
    for (const { command } of this.#redis.commandQueue.toArray()) {
      if (command instanceof Command && command.name === 'info' && command.args.length > 0) {
        this.#redis.sendCommand(command);
      }
    }
  }
}
