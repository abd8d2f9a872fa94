import type { Manifest } from '../manifest.js';

/** The newest manifests, the oldest of them first. @param runs the oldest first */
export async function newest(
  runs: readonly string[],
  most: number,
  read: (run: string) => Promise<Manifest | undefined>,
): Promise<Manifest[]> {
  const found: Manifest[] = [];
  for (const run of runs.toReversed()) {
    if (found.length >= most) break;
    const manifest = await read(run);
    if (manifest !== undefined) found.push(manifest);
  }
  return found.reverse();
}
