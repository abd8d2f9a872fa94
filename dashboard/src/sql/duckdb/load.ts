/**
 * DuckDB's library, which has no binary for every system.
 * @param what is done with it, as the beginning of a sentence
 * @throws RetryableError
 */
export async function loadDuckDb(what: string): Promise<typeof import('@duckdb/node-api')> {
  return await import('@duckdb/node-api').catch(async (cause: unknown) => {
    // Only then: the process of a query loads this file, and each query waits for all that it loads.
    const { RetryableError } = await import('@tributary/shared');
    throw new RetryableError('duckdb_missing', `${what} with DuckDB, ${NOT_HERE}`, { cause });
  });
}

const NOT_HERE =
  'which cannot be loaded on this machine: run npm ci again without --omit=optional, on a system that has @duckdb/node-bindings (Linux with glibc, macOS or Windows)';
