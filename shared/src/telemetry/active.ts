import { AsyncLocalStorage } from 'node:async_hooks';
import type { Span } from './port.js';

/** The span that the present work is part of. Until a span is active for the first time, it costs nothing. */
const active = new AsyncLocalStorage<Span>();

export const activeSpan = (): Span | undefined => active.getStore();

/** Does the work with the span as the active one. */
export const withActive = <T>(span: Span, work: () => T): T => active.run(span, work);
