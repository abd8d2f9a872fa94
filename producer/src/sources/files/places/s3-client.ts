import type { S3Client } from '@bradenmacdonald/s3-lite-client';
import {
  type Clock,
  concealedIn,
  describeError,
  type EndpointOf,
  FatalError,
  openS3Client,
  RetryableError,
  redactUrl,
  withoutValues,
} from '@tributary/shared';
import type { Gate } from '../../gate.js';
import type { SourceEvents } from '../../port.js';
import { tryAgain } from '../../try-again.js';
import { FileGone } from './place.js';

export interface S3Options extends SourceEvents {
  /** Holds the requests of all endpoints together to the limits. */
  readonly gate: Gate;
  readonly clock: Clock;
  /** From 0 to 1. */
  random(): number;
}

/** Asks an S3 server, within the limits, again where that may help, and tells what is wrong in words. */
export class S3 {
  /** The server, for people. */
  readonly shown: string;
  readonly #config: EndpointOf<'files'>;
  readonly #options: S3Options;
  readonly #endPoint: string;
  readonly #host: string;

  constructor(config: EndpointOf<'files'>, options: S3Options) {
    const { endpoint, region } = config.s3;
    this.#endPoint = endpoint ?? `https://s3.${region}.amazonaws.com`;
    this.#host = new URL(this.#endPoint).host;
    this.shown = redactUrl(this.#endPoint);
    this.#config = config;
    this.#options = options;
  }

  /** @throws what {@link faultOf} makes of it, after as many attempts as the settings allow */
  async ask<T>(what: string, signal: AbortSignal, work: (client: S3Client) => Promise<T>): Promise<T> {
    const { gate } = this.#options;
    const { priority, retries, retryDelay, timeout } = this.#config;
    const attempt = async () => {
      try {
        const client = await openS3Client({ ...this.#config.s3, endPoint: this.#endPoint, signal, timeout });
        return await gate.pass(this.#host, priority, signal, () => work(client));
      } catch (error) {
        throw signal.aborted || error instanceof FileGone ? error : this.#faultOf(what, error);
      }
    };
    return await tryAgain(attempt, { ...this.#options, retries, retryDelay, signal });
  }

  #faultOf(what: string, cause: unknown): Error {
    const status = statusOf(cause);
    const { accessKey = '', secretKey = '', sessionToken = '' } = this.#config.s3;
    const secrets = [secretKey, sessionToken, accessKey, ...concealedIn(this.#config)].filter(
      (value) => value.length > 3,
    );
    const told = `${what} (${this.shown}): ${withoutValues(describeError(cause), secrets)}`;
    if (status === 401 || status === 403) {
      const advice = 'look at s3.accessKey, s3.secretKey, s3.region, and at what the key may do';
      return new Refused(status, `${told}; ${advice}`, cause);
    }
    if (status === 404) return new NotThere(told);
    if (status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429)
      return new Refused(status, told, cause);
    return new RetryableError(status === undefined ? 's3_unreachable' : `http_${status}`, told);
  }
}

/** The server refuses what was asked for. */
export class Refused extends FatalError {
  /** Why, as S3 calls it: AccessDenied. Undefined if the server does not say it. */
  readonly why: string | undefined;

  constructor(status: number, message: string, cause: unknown) {
    super(`http_${status}`, message);
    this.why = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  }
}

/** What was asked for is not there. */
export class NotThere extends Error {
  override readonly name = 'NotThere';
}

function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' ? status : undefined;
}
