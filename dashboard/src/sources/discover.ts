import type { FoundForPage } from '@tributary/shared';

/**
 * Looks at an API that a person has pasted, as a URL or a curl line. The producer knows how to, and services do not import each other: the
 * command line gives it to the dashboard.
 *
 * It asks the server of the URL alone, this machine only if the URL says so itself, and never a link-local address.
 * @throws FatalError, RetryableError saying what was found and what to do, without what is secret
 */
export type Discover = (input: string, signal: AbortSignal) => Promise<FoundForPage>;
