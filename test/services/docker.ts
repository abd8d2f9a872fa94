/** Milliseconds for a container to be up; the time of a download does not count. */
export const CONTAINER_TIMEOUT = 120_000;

let engine: Promise<string | undefined> | undefined;

/**
 * The version of the Docker engine that answers, asked once; undefined if there is none. Testcontainers finds it as it
 * does everywhere (DOCKER_HOST, contexts, sockets); it is loaded only now because that takes a second.
 */
export function dockerEngine(): Promise<string | undefined> {
  engine ??= findEngine();
  return engine;
}

async function findEngine(): Promise<string | undefined> {
  const { getContainerRuntimeClient } = await import('testcontainers');
  try {
    const { info } = await getContainerRuntimeClient();
    return String(info.containerRuntime.serverVersion);
  } catch {
    return undefined;
  }
}
