import type { Figure } from './figure.js';
import { drainFigures } from './figures/drain.js';
import { embedded } from './figures/embedded.js';
import { endToEnd } from './figures/end-to-end.js';
import { memory } from './figures/memory.js';
import { peerFigures } from './figures/peers.js';
import { poll } from './figures/poll.js';
import { pollHashed } from './figures/poll-hashed.js';
import { pollShaped } from './figures/poll-shaped.js';
import { publish } from './figures/publish.js';
import { scaleFigures } from './figures/scale.js';
import { sourceFigures } from './figures/sources/table.js';

/** Every figure, in the order in which they are measured. */
export const FIGURES: readonly Figure[] = [
  publish,
  ...drainFigures,
  poll,
  pollShaped,
  pollHashed,
  ...sourceFigures,
  endToEnd,
  ...scaleFigures,
  memory,
  ...peerFigures,
  embedded,
];
