import { createRandom } from './random.js';

/** How the servers of a run stand: alone, or in pairs of which one takes over from the other. */
export interface Site {
  readonly redis: 'alone' | 'watched';
  readonly postgres: 'alone' | 'pair';
}

/** It follows from the seed. */
export function siteOf(seed: number, world: boolean): Site {
  const random = createRandom(seed ^ 0x517e);
  const [redis, postgres] = [random(), random()];
  return {
    redis: world && redis < 0.5 ? 'watched' : 'alone',
    postgres: world && postgres < 0.5 ? 'pair' : 'alone',
  };
}
