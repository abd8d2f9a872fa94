import { createHash } from 'node:crypto';
import { S3Client } from '@bradenmacdonald/s3-lite-client';
import { AwsV4Signer } from 'aws4fetch';
import { withTimeout } from '../service/with-timeout.js';
import { upTo } from './answer.js';

type Asked = Parameters<S3Client['makeRequest']>[0];

export interface BoundedOptions {
  readonly region: string;
  readonly accessKey?: string | undefined;
  readonly secretKey?: string | undefined;
  readonly sessionToken?: string | undefined;
  /** Such as `https://s3.eu-central-1.amazonaws.com`; may have a path. */
  readonly endPoint: string;
  /** Ends each request, and the reading of its answer. */
  readonly signal: AbortSignal;
  /** Milliseconds for one request, to the end of its answer. */
  readonly timeout: number;
}

/**
 * The client of S3, with requests of its own. Those of the library follow redirects (to any server, with the session token), never end, and
 * hand answers of any size to a parser whose time grows with the square of some of them.
 */
export class BoundedClient extends S3Client {
  readonly #options: BoundedOptions;
  readonly #root: string;
  #listings = 0;

  constructor(options: BoundedOptions) {
    // It signs nothing: what it would do with a key is done here.
    super({ endPoint: options.endPoint, region: options.region });
    this.#options = options;
    // Without a name and a password, which `fetch` refuses, and shows.
    const { protocol, host, pathname } = new URL(options.endPoint);
    this.#root = `${protocol}//${host}${pathname.replace(/\/+$/, '')}`;
  }

  override async makeRequest({
    method,
    headers: given,
    query,
    objectName,
    bucketName = '',
    statusCode = 200,
    payload,
    returnBody = false,
  }: Asked): Promise<Response> {
    const isListing = method === 'GET' && objectName === '';
    if (isListing && ++this.#listings > MOST_PAGES)
      throw new S3Fault('the listing does not end: give a prefix with fewer objects');
    const url = `${this.#root}/${bucketName}/${objectName.split('/').map(encodeURIComponent).join('/')}${queryOf(query)}`;
    const body = ['POST', 'PUT', 'DELETE'].includes(method) ? Buffer.from(payload ?? '') : undefined;
    const response = await fetch(url, {
      method,
      headers: await this.#signed(method, url, new Headers(given), body),
      redirect: 'manual',
      signal: withTimeout(this.#options.signal, this.#options.timeout),
      ...(body === undefined ? {} : { body }),
    });
    if (response.status !== statusCode) throw await faultIn(response, statusCode);
    if (!returnBody) {
      await response.body?.cancel();
      return response;
    }
    // An object, whose reader knows how long it is.
    if (method === 'GET' && !isListing) return response;
    return new Response(await xmlIn(response), response);
  }

  async #signed(method: string, url: string, headers: Headers, body: Buffer | undefined): Promise<Headers> {
    const { accessKey, secretKey = '', sessionToken, region } = this.#options;
    headers.set(
      'x-amz-content-sha256',
      createHash('sha256')
        .update(body ?? '')
        .digest('hex'),
    );
    if (accessKey === undefined) return headers;
    const signer = new AwsV4Signer({
      method,
      url,
      headers,
      service: 's3',
      region,
      accessKeyId: accessKey,
      secretAccessKey: secretKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
    });
    return (await signer.sign()).headers;
  }
}

/** What an S3 server answers instead of what was asked for. */
export class S3Fault extends Error {
  override readonly name = 'S3Fault';
  /** Of HTTP; undefined if the answer cannot be used. */
  readonly statusCode: number | undefined;
  /** As S3 calls it: AccessDenied. */
  readonly code: string | undefined;

  constructor(message: string, statusCode?: number, code?: string) {
    super(message);
    this.statusCode = statusCode;
    this.code = code;
  }
}

/** Pages of a listing, each of 1,000 objects. */
const MOST_PAGES = 5_000;

/** Bytes of a page of 1,000 keys of 1,024 bytes, each byte escaped, and as much again. */
const MOST_BYTES = 8 * 1024 * 1024;

/** A page of 1,000 objects has some 20,000. */
const MOST_TAGS = 100_000;

/** Bytes of an error that are read, and characters of it that are told. */
const ERROR_BYTES = 64 * 1024;
const ERROR_TOLD = 500;

function queryOf(query: Asked['query']): string {
  // `+` stands for a blank in a form, and for itself in an address.
  const text = typeof query === 'object' ? new URLSearchParams(query).toString().replaceAll('+', '%20') : query;
  return text === undefined || text === '' ? '' : `?${text}`;
}

/** @throws S3Fault if it is larger, or has more elements, than any answer of S3 */
async function xmlIn(response: Response): Promise<string> {
  const { bytes, isWhole } = await upTo(response, MOST_BYTES);
  const xml = bytes.toString('utf8');
  if (!isWhole || xml.split('<', MOST_TAGS + 1).length > MOST_TAGS)
    throw new S3Fault(`the answer is larger than any of S3 (${MOST_BYTES / 1024 ** 2} MB): is this an S3 server?`);
  if (/^\s*(<\?xml|<[A-Z])/.test(xml) && !xml.includes('<!--')) return xml;
  throw new S3Fault(`the answer is none of S3: ${told(xml)}`);
}

async function faultIn(response: Response, expected: number): Promise<S3Fault> {
  const { status } = response;
  if (status >= 300 && status < 400) {
    await response.body?.cancel();
    const region = response.headers.get('x-amz-bucket-region');
    const advice =
      region === null ? 'look at s3.endpoint and s3.region' : `its region is ${told(region)}: set s3.region`;
    return new S3Fault(
      `the server answers with a redirect (${status}), which is not followed; ${advice}`,
      400,
      'Redirect',
    );
  }
  const { bytes } = await upTo(response, ERROR_BYTES);
  const text = bytes.toString('utf8');
  const part = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
  const code = part('Code');
  if (status < 400)
    return new S3Fault(`the server answers ${status}, where ${expected} was expected`, undefined, 'UnexpectedStatus');
  const message = part('Message') ?? (code === undefined ? `the server answers ${status}` : code);
  return new S3Fault(told(message), status, code);
}

const told = (text: string): string => (text.length > ERROR_TOLD ? `${text.slice(0, ERROR_TOLD)}…` : text);
