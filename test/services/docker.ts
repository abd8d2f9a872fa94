/** Milliseconds for a container to be up; the time of a download does not count. */
export const CONTAINER_TIMEOUT = 120_000;

let engine: Promise<string | undefined> | undefined;

/**
 * The version of the Docker engine that answers, asked once; undefined if there is none. Testcontainers finds it as it
 * does everywhere (DOCKER_HOST, contexts, sockets); it is loaded only now because that takes a second.
 * @throws Error if testcontainers cannot work with that engine
 */
export function dockerEngine(): Promise<string | undefined> {
  engine ??= findEngine();
  return engine;
}

async function findEngine(): Promise<string | undefined> {
  const { getContainerRuntimeClient, getReaper } = await import('testcontainers');
  const client = await getContainerRuntimeClient().catch(() => undefined);
  if (client === undefined) return undefined;
  const version = String(client.info.containerRuntime.serverVersion);
  try {
    // It removes the containers when this process is gone. Started here, its failure is not taken for another image's.
    await getReaper(client);
  } catch (cause) {
    const remedy = 'TESTCONTAINERS_RYUK_DISABLED=true does without it';
    throw new Error(`Docker ${version} cannot run Ryuk, which testcontainers cleans up with (${remedy})`, { cause });
  }
  return version;
}
