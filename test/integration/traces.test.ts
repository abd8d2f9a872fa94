import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  createLogger,
  createRegistry,
  openTelemetry,
  readTelemetry,
  type ServiceEnvironment,
  type Telemetry,
} from '@tributary/shared';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ROOT } from '../end-to-end/support/program.js';
import { OtlpReceiver, type ReceivedSpan } from './otlp-receiver.js';
import { type PathOptions, WholePath } from './whole-path.js';

const OF_THE_API = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };

const MILLISECOND = 1_000_000n;
const HOOK_SECRET = 'a secret of the tests';

describe('traces', () => {
  test('tell of one record from the page of the API to the row', async () => {
    const receiver = await received();
    const lines: Record<string, unknown>[] = [];
    const path = await begin({
      sink: 'postgres',
      telemetry: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=a%20b' },
      answerHeaders: { traceparent: `00-${OF_THE_API.traceId}-${OF_THE_API.spanId}-01` },
      logOutput: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
      // A second poll would bring the record again, maybe beside that of the first.
      edits: [['every: 1s', 'every: 1h']],
    });
    path.change(1);
    await path.start();
    await path.settled();
    await path.stop();

    // The first poll that brought the customer.
    const publish = only(
      receiver
        .named(`publish ${path.name}.customer`)
        .filter(({ attributes }) => attributes['messaging.batch.message_count'] === 1)
        .slice(0, 1),
    );
    const page = parentOf(publish, receiver);
    const poll = parentOf(page, receiver);
    expect(poll).toMatchObject({ name: 'poll customers', service: 'tributary-producer', parentId: '', kind: 1 });
    expect(poll.attributes).toMatchObject({ 'tributary.endpoint': 'customers', 'tributary.run': expect.any(Number) });
    expect(page).toMatchObject({ name: 'page customers', attributes: { 'tributary.page': 1, 'tributary.records': 1 } });
    const request = only(receiver.childrenOf(page).filter(({ kind }) => kind === 3));
    expect(request).toMatchObject({ name: 'GET', links: [OF_THE_API] });
    expect(request.attributes).toMatchObject({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'server.address': '127.0.0.1',
    });
    expect(publish).toMatchObject({ kind: 4, attributes: { 'messaging.system': 'rabbitmq' } });

    const [claim, batch] = ['claim', 'batch'].map((step) =>
      only(receiver.childrenOf(publish).filter(({ name }) => name === `${step} ${path.name}.customer`)),
    ) as [ReceivedSpan, ReceivedSpan];
    const origin = { traceId: publish.traceId, spanId: publish.spanId };
    expect(claim).toMatchObject({ service: 'tributary-consumer', kind: 5, links: [origin] });
    expect(claim.attributes).toMatchObject({ 'tributary.fresh': 1, 'tributary.duplicates': 0 });
    expect(batch).toMatchObject({ kind: 5, links: [origin], attributes: { 'messaging.batch.message_count': 1 } });
    const steps = receiver.childrenOf(batch);
    expect(steps.map(({ name }) => name)).toEqual(expect.arrayContaining(['write customers', 'commit customers']));
    const write = only(steps.filter(({ name }) => name === 'write customers'));
    expect(write.attributes).toMatchObject({
      'db.system.name': 'postgresql',
      'db.collection.name': 'customers',
      'db.operation.batch.size': 1,
    });
    // Spans begin at whole milliseconds.
    const commit = only(steps.filter(({ name }) => name === 'commit customers'));
    expect(request.end).toBeLessThanOrEqual(page.end + MILLISECOND);
    expect(publish.end + MILLISECOND).toBeGreaterThanOrEqual(page.end);
    expect(write.end).toBeLessThanOrEqual(commit.start + MILLISECOND);

    const polled = lines.find(({ msg, records }) => msg === 'polled' && records === 1);
    expect(polled).toMatchObject({ trace_id: poll.traceId, span_id: poll.spanId });
    expect(receiver.headers).toMatchObject({ 'x-tenant': 'a b' });
    // Neither what is in a record, nor a key, nor where the request went on the server.
    for (const secret of ['example.org', 'phone ', 'name 2026', '/customers'])
      expect(receiver.raw).not.toContain(secret);
  });

  test('go on with that of a sender of events, and link a batch of several traces to each', async () => {
    const receiver = await received();
    const path = await begin({
      sink: 'csv',
      telemetry: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url },
      edits: [
        ['  items:\n    url', `${HOOK}  items:\n    url`],
        ['interval: 300ms', 'interval: 3s'],
      ],
    });
    await path.start();
    await vi.waitFor(() => expect(path.producer?.problems()).toEqual([]));
    const traces = ['1', '2'].map((n) => ({ traceId: n.repeat(32), spanId: n.repeat(16) }));
    for (const { traceId, spanId } of traces) {
      const id = `W${traceId[0]}`;
      const body = JSON.stringify({ id, name: 'a name', lines: [], updatedAt: '2026-01-01T00:00:00Z' });
      const headers = { 'content-type': 'application/json', traceparent: `00-${traceId}-${spanId}-01` };
      const signature = createHmac('sha256', HOOK_SECRET).update(body).digest('hex');
      const send = (signed: string) =>
        fetch(`${path.producer?.url}/hooks/hook`, {
          method: 'POST',
          headers: { ...headers, 'x-signature': signed },
          body,
        });
      // A stranger makes no spans.
      expect((await send('0'.repeat(64))).status).toBe(401);
      expect((await send(signature)).status).toBe(200);
    }
    await path.stop();
    const publishes = traces.map((trace) => {
      const receive = only(receiver.spans.filter(({ parentId }) => parentId === trace.spanId));
      expect(receive).toMatchObject({ name: 'receive hook', kind: 2, traceId: trace.traceId });
      return only(receiver.childrenOf(receive));
    });
    const batch = only(receiver.named(`batch ${path.name}.customer`));
    expect(batch.parentId).toBe('');
    expect(batch.links).toEqual(publishes.map(({ traceId, spanId }) => ({ traceId, spanId })));
  });

  test('that cannot be sent are lost, counted and told once, and neither slow nor stop anything', async () => {
    const lines: Record<string, unknown>[] = [];
    const path = await begin({
      sink: 'csv',
      telemetry: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_EXPORTER_OTLP_TIMEOUT: '200' },
      logOutput: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
    });
    path.change(20);
    await path.start();
    await path.settled();
    const lost = async () => (await path.consumers[0]?.registry.metrics())?.match(/spans_lost_total\{.*\} (\d+)/)?.[1];
    await vi.waitFor(async () => expect(Number(await lost())).toBeGreaterThan(0));
    const begun = performance.now();
    await path.stop();
    expect(performance.now() - begun).toBeLessThan(10_000);
    const told = lines.filter(({ msg }) => String(msg).includes('collector'));
    expect(told.map(({ service }) => service).toSorted()).toEqual(['consumer-0', 'producer']);
  });

  test.each([
    ['parentbased_always_on', '00', 0],
    ['parentbased_always_on', '01', 1],
    ['parentbased_traceidratio', '01', 1],
    ['parentbased_traceidratio', '00', 0],
    ['always_on', '00', 1],
    ['always_off', '01', 0],
  ])('with %s and messages of flags %s, %d spans are told', async (sampler, flags, spans) => {
    const receiver = await received();
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_TRACES_SAMPLER: sampler,
      OTEL_TRACES_SAMPLER_ARG: '0',
    };
    const telemetry = await opened(env);
    const messages = ['1', '2'].map((n) => `00-${n.repeat(32)}-${n.repeat(16)}-${n === '2' ? flags : '00'}`);
    telemetry.start('batch', { messages }).end();
    telemetry.start('claim', { messages: [...messages.slice(1), 'no traceparent', ''] }).end();
    await telemetry.close();
    expect(receiver.spans).toHaveLength(spans * 2);
  });

  test('are bounded while the collector does not answer, and stopping waits for it for a moment only', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    await once(server, 'listening');
    const registry = createRegistry('test');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const telemetry = await opened({ OTEL_EXPORTER_OTLP_ENDPOINT: url }, registry);
    for (let n = 0; n < 10_000; n++) telemetry.start('span').end();
    expect(await registry.metrics()).toMatch(/spans_lost_total\{reason="queue_full".*\} 7952/);
    const begun = performance.now();
    await telemetry.close();
    expect(performance.now() - begun).toBeLessThan(8_000);
  });
});

describe('without OTEL_ in the environment', () => {
  /** Refuses every module of OpenTelemetry but its API, which does nothing and which prom-client loads. */
  const TRAP = `data:text/javascript,${encodeURIComponent(`
    import { createRequire, register } from 'node:module';
    const hooks = "export const resolve = (name, context, next) => { if (name.startsWith('@opentelemetry/')) throw new Error('asked for ' + name); return next(name, context); }";
    register('data:text/javascript,' + encodeURIComponent(hooks));
    process.on('exit', () => {
      if (Object.keys(createRequire('/').cache).some((name) => /@opentelemetry\\/(?!api\\/)/.test(name))) process.exitCode = 9;
    });`)}`;
  const runOnce = async (env: Readonly<Record<string, string>>) => {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-traces-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const command = ['--import', TRAP, `${ROOT}tributary/dist/cli/main.js`, 'start', '--once', '--output', folder];
    const options = { cwd: ROOT, env: { PATH: process.env.PATH ?? '', PORT: '0', MOCK_CUSTOMERS: '3', ...env } };
    return await promisify(execFile)(process.execPath, command, options).then(
      () => '',
      ({ code, stderr }: { code: number; stderr: string }) => `${code}: ${stderr}`,
    );
  };

  test('no module of OpenTelemetry is loaded', async () => {
    const [without, trapped] = await Promise.all([
      runOnce({}),
      runOnce({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }),
    ]);
    expect(without).toBe('');
    // The trap is one.
    expect(trapped).toContain('asked for @opentelemetry/');
  });
});

const HOOK = `  hook:
    source: webhook
    sender: { type: hmac, header: x-signature, secret: ${HOOK_SECRET} }
    entity: customer
`;

async function opened(env: ServiceEnvironment, registry = createRegistry('test')): Promise<Telemetry> {
  const settings = readTelemetry(env);
  if (settings === undefined) throw new Error('nothing is traced');
  const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
  return await openTelemetry({ settings, service: 'test', instance: 'test', log, registry });
}

async function received() {
  const receiver = new OtlpReceiver();
  const url = await receiver.listen();
  onTestFinished(() => receiver.close());
  return Object.assign(receiver, { url });
}

async function begin(options: PathOptions): Promise<WholePath> {
  const path = await WholePath.begin(options);
  onTestFinished(() => path.end());
  return path;
}

function only<T>(found: readonly T[]): T {
  expect(found).toHaveLength(1);
  return found[0] as T;
}

const parentOf = ({ traceId, parentId }: ReceivedSpan, { spans }: OtlpReceiver): ReceivedSpan =>
  only(spans.filter((span) => span.traceId === traceId && span.spanId === parentId));
