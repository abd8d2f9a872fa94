import {
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span as SdkSpan,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { systemClock, within } from '../service/clock.js';
import { activeSpan, withActive } from './active.js';
import { BoundedSpans } from './losses.js';
import type { Span, SpanAttributes, SpanOptions, Telemetry } from './port.js';
import { samplerOf } from './sampler.js';
import type { TelemetryOptions } from './settings.js';

/** Milliseconds that the last spans may take to be sent when the service stops. */
const LAST_SPANS = 2_000;

/** Characters of an attribute. */
const LONGEST = 256;

const KINDS = {
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const satisfies Record<NonNullable<SpanOptions['kind']>, SpanKind>;

/** Sends spans by OTLP over HTTP. It belongs to one service, and registers nothing globally: several services may share a process. */
export class OtlpTelemetry implements Telemetry {
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  #closed: Promise<void> | undefined;

  constructor({ settings, service, instance, log, registry }: TelemetryOptions) {
    const { url, headers, timeout, compression, resource } = settings;
    const exporter = new OTLPTraceExporter({
      url,
      headers: { ...headers },
      timeoutMillis: timeout,
      compression: compression === 'gzip' ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
    });
    this.#provider = new TracerProvider({
      resource: resourceFromAttributes({
        'service.name': service,
        'service.namespace': 'tributary',
        'service.instance.id': instance,
        ...resource,
      }),
      sampler: samplerOf(settings),
      spanLimits: { attributeValueLengthLimit: LONGEST },
      spanProcessors: [new BoundedSpans(exporter, { log, registry })],
    });
    this.#tracer = this.#provider.getTracer('tributary');
  }

  start(name: string, { kind = 'internal', attributes = {}, parent, continues, messages }: SpanOptions = {}): Span {
    const origins = messages === undefined ? [] : originsOf(messages);
    const above = parent ?? (messages === undefined ? activeSpan() : undefined);
    const context =
      (origins.length === 1 ? origins[0] : undefined) ?? contextOf(continues) ?? contextOf(above?.traceparent, false);
    if (above instanceof OtlpSpan) above.hasParts = true;
    const within = context === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, context);
    const links = origins.map((origin) => ({ context: origin }));
    return new OtlpSpan(this.#tracer.startSpan(name, { kind: KINDS[kind], attributes, links }, within));
  }

  close(): Promise<void> {
    this.#closed ??= within(
      systemClock,
      LAST_SPANS,
      this.#provider.shutdown().catch(() => {}),
    ).then(() => {});
    return this.#closed;
  }
}

class OtlpSpan implements Span {
  readonly #span: SdkSpan;
  readonly traceparent: string;
  readonly ids: Span['ids'];
  hasParts = false;

  constructor(span: SdkSpan) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.#span = span;
    this.traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
    this.ids = { trace_id: traceId, span_id: spanId };
  }

  within<T>(work: () => T): T {
    return withActive(this, work);
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(attributes);
  }

  link(traceparent: string): void {
    const context = contextOf(traceparent);
    if (context !== undefined) this.#span.addLink({ context });
  }

  fail(error: unknown): void {
    this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.setAttribute('error.type', typeOf(error));
  }

  end(): void {
    if (this.#span.isRecording()) this.#span.end();
  }
}

/** @returns undefined for what names no span */
function contextOf(traceparent: string | undefined, isRemote = true): SpanContext | undefined {
  const context = traceparent === undefined ? null : parseTraceParent(traceparent);
  return context === null || !isSpanContextValid(context) ? undefined : { ...context, isRemote };
}

/** Each once: the records of a page have one. */
function originsOf(messages: Iterable<string>): SpanContext[] {
  return [...new Set(messages)].flatMap((traceparent) => contextOf(traceparent) ?? []);
}

/** A code, or the name of the class: what an error says may hold anything. */
function typeOf(error: unknown): string {
  if (typeof error === 'number') return String(error);
  if (!(error instanceof Error)) return '_OTHER';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : error.name;
}
