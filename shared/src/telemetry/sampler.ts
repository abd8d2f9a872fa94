import { TraceFlags } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import type { SamplerName, TelemetrySettings } from './settings.js';

const PARENT_BASED = /^parentbased_/;

const ROOTS: Readonly<Record<SamplerName, (ratio: number) => Sampler>> = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (ratio) => new TraceIdRatioBasedSampler(ratio),
  parentbased_always_on: () => new AlwaysOnSampler(),
  parentbased_always_off: () => new AlwaysOffSampler(),
  parentbased_traceidratio: (ratio) => new TraceIdRatioBasedSampler(ratio),
};

/** By the name of OTEL_TRACES_SAMPLER. Those that go by the parent also go by the messages that a span links to. */
export function samplerOf({ sampler, ratio }: Pick<TelemetrySettings, 'sampler' | 'ratio'>): Sampler {
  const root = ROOTS[sampler](ratio);
  return PARENT_BASED.test(sampler) ? new ParentBasedSampler({ root: new LinkedSampler(root) }) : root;
}

/**
 * Of spans without a parent. One that is about messages of several traces is recorded if any of these is: otherwise a record whose poll is
 * recorded would be lost from sight where its batch was put together.
 */
class LinkedSampler implements Sampler {
  readonly #others: Sampler;

  /** @param others for spans that link to nothing */
  constructor(others: Sampler) {
    this.#others = others;
  }

  shouldSample(...asked: Parameters<Sampler['shouldSample']>): ReturnType<Sampler['shouldSample']> {
    const links = asked[5];
    if (links.length === 0) return this.#others.shouldSample(...asked);
    const isSampled = links.some(({ context }) => (context.traceFlags & TraceFlags.SAMPLED) !== 0);
    return { decision: isSampled ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD };
  }

  toString(): string {
    return `LinkedSampler{${this.#others.toString()}}`;
  }
}
