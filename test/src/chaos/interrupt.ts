/** A signal that is aborted by Ctrl-C or SIGTERM, so that a run breaks off and clears away. For main files only. */
export function untilInterrupted(): AbortSignal {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => interrupted.abort(new Error(`${signal}: broken off and cleared away`)));
  }
  return interrupted.signal;
}
