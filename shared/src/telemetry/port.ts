/** What a span tells beside its times: names by OpenTelemetry's semantic conventions, or `tributary.…`. No value of a record, no key, no secret. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanOptions {
  /** What the span is to a message or a request; `internal` unless given. */
  readonly kind?: 'internal' | 'client' | 'server' | 'producer' | 'consumer';
  readonly attributes?: SpanAttributes;
  /** Within which span it is; within the active one unless given. */
  readonly parent?: Span | undefined;
  /** The `traceparent` of a request that another program sent: the span goes on with its trace. Ignored if it is none. */
  readonly continues?: string | undefined;
  /**
   * The `traceparent` of each message that the work is about. The span links to each of them, and is within that span if all came of one;
   * otherwise it begins a trace.
   */
  readonly messages?: Iterable<string>;
}

/** A piece of work that is told to whoever collects traces. It is told when it ends, and never if it does not. */
export interface Span {
  /** As the header of W3C Trace Context. */
  readonly traceparent: string;
  /** As fields of a line of the log. */
  readonly ids: { readonly trace_id: string; readonly span_id: string };
  /** Whether a span began within it. */
  readonly hasParts: boolean;
  /** Does the work with this span as the active one: what it begins is within it, and what it logs carries its ids. */
  within<T>(work: () => T): T;
  set(attributes: SpanAttributes): void;
  /** Links to what another program's `traceparent` names. Ignored if it names nothing. */
  link(traceparent: string): void;
  /** Marks it as failed: by the code or the name of the error, or by a status. A message may hold anything, and is not told. */
  fail(error: unknown): void;
  /** May be called twice. */
  end(): void;
}

/**
 * Begins spans, and sends them off. It is undefined wherever nothing is traced, so that nothing of it costs anything there: callers begin a
 * span by `telemetry?.start`, or do their work by {@link traced}. No call throws or waits, whatever becomes of the collector.
 */
export interface Telemetry {
  start(name: string, options?: SpanOptions): Span;
  /** Sends what is left, for a moment at most. May be called twice. */
  close(): Promise<void>;
}

/** Does the work within a span of its own; without telemetry it does the work and nothing else. */
export function traced<T>(
  telemetry: Telemetry | undefined,
  name: string,
  options: () => SpanOptions,
  work: (span: Span | undefined) => Promise<T>,
): Promise<T> {
  return telemetry === undefined ? work(undefined) : tracedBy(telemetry.start(name, options()), work);
}

async function tracedBy<T>(span: Span, work: (span: Span) => Promise<T>): Promise<T> {
  try {
    return await span.within(() => work(span));
  } catch (error) {
    span.fail(error);
    throw error;
  } finally {
    span.end();
  }
}
