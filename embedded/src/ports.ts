import { createServer } from 'node:net';

/** The port, or 0 (any free one) if somebody else listens on it already: a first run should not fail for that. */
export function portOrAny(port: number, host: string): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen(port, host, () => probe.close(() => resolve(port)));
  });
}
