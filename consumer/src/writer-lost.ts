/** What a sink says to a writer whose epoch it does not have any more. */
export const EPOCH_OVER =
  'the output is not the one any more that this writer began with: the ledger was rebuilt for a new epoch, or the output was emptied, replaced, or restored';

/**
 * This writer may write no more: another consumer has fenced it, or the ledger that it began with is gone. Both the sink
 * and the ledger tell a writer so. Its session ends, and what it had not acknowledged is delivered again.
 */
export class WriterLost extends Error {
  override readonly name = 'WriterLost';
  readonly code: 'lost' | 'fenced';

  constructor(
    code: 'lost' | 'fenced',
    message = code === 'lost'
      ? 'the ledger in Redis is not the one this writer began with (flushed, restarted or replaced)'
      : 'another consumer, or another pipeline on the same output, has taken over from this writer',
  ) {
    super(message);
    this.code = code;
  }
}
