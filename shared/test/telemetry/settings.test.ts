import { describe, expect, test } from 'vitest';
import { readTelemetry } from '../../src/telemetry/settings.js';

const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://collector:4318';

describe('what is traced by the environment', () => {
  test.each([
    [{}],
    [{ OTEL_SERVICE_NAME: 'orders', OTEL_TRACES_SAMPLER: 'always_on' }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'true' }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }],
  ])('nothing by %j', (env) => {
    expect(readTelemetry(env)).toBeUndefined();
  });

  test('every run and batch, where a collector is named', () => {
    expect(readTelemetry({ OTEL_EXPORTER_OTLP_ENDPOINT: `${OTEL_EXPORTER_OTLP_ENDPOINT}/` })).toEqual({
      url: 'http://collector:4318/v1/traces',
      headers: {},
      timeout: 10_000,
      compression: 'none',
      sampler: 'parentbased_always_on',
      ratio: 1,
      resource: {},
    });
    expect(readTelemetry({ OTEL_TRACES_EXPORTER: 'otlp' })?.url).toBe('http://127.0.0.1:4318/v1/traces');
    const own = 'https://collector/of/traces?tenant=1';
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own };
    expect(readTelemetry(env)?.url).toBe(own);
  });

  test('headers and attributes are pairs, percent-encoded', () => {
    const settings = readTelemetry({
      OTEL_EXPORTER_OTLP_ENDPOINT,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20a=, x-two=2',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=production,service.name=other',
      OTEL_SERVICE_NAME: 'orders',
    });
    expect(settings?.headers).toEqual({ authorization: 'Basic a=', 'x-two': '2' });
    expect(settings?.resource).toEqual({ 'deployment.environment.name': 'production', 'service.name': 'orders' });
  });

  test.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://user:hidden@collector'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'nowhere/hidden'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'hidden'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=%hidden'],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '0'],
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zip'],
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_TRACES_SAMPLER_ARG', '2'],
    ['OTEL_RESOURCE_ATTRIBUTES', '=hidden'],
  ])('%s "%s" is refused by name, without a secret in it', (name, value) => {
    const read = () => readTelemetry({ OTEL_EXPORTER_OTLP_ENDPOINT, [name]: value });
    expect(read).toThrow(`${name}: expected`);
    expect(read).not.toThrow('hidden');
  });
});
