import { type Dialect, MAY_WRITE_YET, type OpenNow } from '../database.js';

/** Where the list begins; transactions of the latest deadlock stand before it. */
const LIST = 'LIST OF TRANSACTIONS FOR EACH SESSION:';

/** The server leaves out a part of a text that is longer than a megabyte. */
const CUT = '... truncated...';

/**
 * `information_schema.INNODB_TRX` would be easier to read. But InnoDB fills it anew only when nothing has asked for it for a tenth of a second: where many
 * tables are polled, or another program looks often, it stays as it was, and a transaction that began since is not there.
 */
export const OPEN_TRANSACTIONS: NonNullable<Dialect['openTransactions']> = {
  text: 'SHOW ENGINE INNODB STATUS',
  read: ([, , status], now) => openIn(String(status), now),
};

/** @param now by the clock of the server, before the text was written */
export function openIn(status: string, now: number): OpenNow {
  const [, list] = status.split(LIST);
  const ages = (list ?? '').split('---TRANSACTION ').flatMap((transaction) => {
    const seconds = Number(/^[^\n]*, ACTIVE (?:\(PREPARED\) )?(?<seconds>\d+) sec/.exec(transaction)?.groups?.seconds);
    const mayWrite =
      seconds < MAY_WRITE_YET || /undo log entries [1-9]/.test(transaction) || /PREPARED/.test(transaction);
    return mayWrite && !Number.isNaN(seconds) ? [seconds] : [];
  });
  // Whole seconds, rounded down.
  const began = ages.length === 0 ? undefined : now - (Math.max(...ages) + 1) * 1_000;
  return { began, hidden: list === undefined || status.includes(CUT) ? 1 : 0, prepared: undefined };
}
