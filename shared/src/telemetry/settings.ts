import type { Registry } from 'prom-client';
import { SAMPLERS, type ServiceEnvironment, variable } from '../config/environment.js';
import { FatalError } from '../errors.js';
import type { Logger } from '../service/logging.js';
import { either } from '../words.js';

export type SamplerName = (typeof SAMPLERS)[number];

/** Where spans go, and which. */
export interface TelemetrySettings {
  readonly url: string;
  /** They may hold a token. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds for one request to the collector, with its repetitions. */
  readonly timeout: number;
  readonly compression: 'gzip' | 'none';
  readonly sampler: SamplerName;
  /** The share of traces that are recorded, where the sampler goes by it. */
  readonly ratio: number;
  /** What else is told of the service. */
  readonly resource: Readonly<Record<string, string>>;
}

export interface TelemetryOptions {
  readonly settings: TelemetrySettings;
  /** What the service is called unless the settings say otherwise: `tributary-consumer`. */
  readonly service: string;
  readonly instance: string;
  readonly log: Logger;
  /** Counts the spans that are lost. */
  readonly registry: Registry;
}

/**
 * @returns undefined where nothing is traced: unless the environment names a collector (OTEL_EXPORTER_OTLP_ENDPOINT or
 * OTEL_EXPORTER_OTLP_TRACES_ENDPOINT), or asks for the usual one (OTEL_TRACES_EXPORTER=otlp)
 * @throws FatalError for a value that cannot be used
 */
export function readTelemetry(env: ServiceEnvironment): TelemetrySettings | undefined {
  const { OTEL_TRACES_EXPORTER: exporter = '' } = env;
  const base = env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const own = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || exporter === 'none') return undefined;
  if (!base && !own && exporter === '') return undefined;
  if (exporter !== '' && exporter !== 'otlp')
    throw unusable('OTEL_TRACES_EXPORTER', exporter, either(['otlp', 'none']));
  const protocol = variable(env, 'OTEL_EXPORTER_OTLP_PROTOCOL');
  if (protocol !== 'http/protobuf') throw unusable('OTEL_EXPORTER_OTLP_PROTOCOL', protocol, 'http/protobuf');
  const compression = variable(env, 'OTEL_EXPORTER_OTLP_COMPRESSION');
  if (compression !== 'gzip' && compression !== 'none')
    throw unusable('OTEL_EXPORTER_OTLP_COMPRESSION', compression, either(['gzip', 'none']));
  const timeout = numberIn(env, 'OTEL_EXPORTER_OTLP_TIMEOUT', 'milliseconds from 1 to 60000', 1, 60_000);
  const sampler = variable(env, 'OTEL_TRACES_SAMPLER');
  if (!isSampler(sampler)) throw unusable('OTEL_TRACES_SAMPLER', sampler, either(SAMPLERS));
  const ratio = numberIn(env, 'OTEL_TRACES_SAMPLER_ARG', 'a share from 0 to 1', 0, 1);
  const resource = pairsIn(env, 'OTEL_RESOURCE_ATTRIBUTES');
  return {
    url: own
      ? addressIn('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', own)
      : addressIn('OTEL_EXPORTER_OTLP_ENDPOINT', `${(base || USUAL).replace(/\/+$/, '')}/v1/traces`),
    headers: pairsIn(env, 'OTEL_EXPORTER_OTLP_HEADERS'),
    timeout,
    compression,
    sampler,
    ratio,
    resource: env.OTEL_SERVICE_NAME ? { ...resource, 'service.name': env.OTEL_SERVICE_NAME } : resource,
  };
}

/** The collector of this machine. */
const USUAL = 'http://127.0.0.1:4318';

const isSampler = (text: string): text is SamplerName => SAMPLERS.some((name) => name === text);

const unusable = (name: string, found: string, expected: string) =>
  new FatalError('settings_invalid', `${name}: expected ${expected}, found "${found}"`);

function numberIn(
  env: ServiceEnvironment,
  name: 'OTEL_EXPORTER_OTLP_TIMEOUT' | 'OTEL_TRACES_SAMPLER_ARG',
  expected: string,
  least: number,
  most: number,
): number {
  const text = variable(env, name);
  const number = Number(text);
  if (!(number >= least && number <= most)) throw unusable(name, text, expected);
  return number;
}

/** A user and a password in it are refused: they would be in no header, and might be shown. */
function addressIn(name: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw new FatalError(
      'settings_invalid',
      `${name}: expected an address such as ${USUAL}, without user and password`,
    );
  return url.href;
}

/** `name=value,name=value`, each percent-encoded (W3C Baggage). No value is told if it is wrong: it may be a secret. */
function pairsIn(
  env: ServiceEnvironment,
  name: 'OTEL_EXPORTER_OTLP_HEADERS' | 'OTEL_RESOURCE_ATTRIBUTES',
): Readonly<Record<string, string>> {
  const pairs = (env[name] ?? '').split(',').filter((pair) => pair.trim() !== '');
  return Object.fromEntries(
    pairs.map((pair) => {
      const [key = '', ...rest] = pair.split('=');
      if (key.trim() === '' || rest.length === 0) throw wrongPair(name);
      try {
        return [decodeURIComponent(key.trim()), decodeURIComponent(rest.join('=').trim())];
      } catch {
        throw wrongPair(name);
      }
    }),
  );
}

const wrongPair = (name: string) =>
  new FatalError('settings_invalid', `${name}: expected name=value, several with commas between them, percent-encoded`);
