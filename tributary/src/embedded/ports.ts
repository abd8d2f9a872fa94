import type { Service } from '@tributary/shared';

/**
 * Starts a service on its usual port, or on any free one if somebody else listens there: a first run should not fail
 * for that. It is tried by taking the port; a look beforehand would say nothing about the moment of the start.
 *
 * @param isFirm it is that port or none: somebody has asked for it
 * @throws whatever else keeps it from starting
 */
export async function startOnPort<T extends Service>(
  port: number,
  make: (port: number) => T,
  isFirm = false,
): Promise<T> {
  const service = make(port);
  try {
    await service.start();
    return service;
  } catch (error) {
    await service.stop().catch(() => {});
    if (isFirm || port === 0 || !isTaken(error)) throw error;
    return await startOnPort(0, make);
  }
}

const isTaken = (error: unknown): boolean =>
  error instanceof Error && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE';
