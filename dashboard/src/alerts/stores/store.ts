import type { AlertDocument, Silence } from '../document.js';

/**
 * Where the state of alerts outlives the process. Of several dashboards that share a store, one holds it: it alone judges and sends. All may
 * read, and silence.
 */
export interface AlertStore {
  /**
   * Takes the hold, or keeps it.
   * @returns the document as it was kept, if the hold is new; `kept` if it was held before, `other` if another dashboard has it
   * @throws Error while the store is away: whoever held it goes on, others wait
   */
  hold(): Promise<{ readonly taken: AlertDocument | undefined } | 'kept' | 'other'>;
  /** @returns false if another holds it by now: what was to be kept is not. @throws Error while the store is away */
  save(document: AlertDocument): Promise<boolean>;
  /** The document as it is kept now, for a dashboard that does not hold it. */
  read(): Promise<AlertDocument | undefined>;
  silences(): Promise<readonly Silence[]>;
  silence(silence: Silence): Promise<void>;
  endSilence(id: string): Promise<void>;
  /** Gives up the hold, so that another takes it at once. May be called again. */
  close(): Promise<void>;
}
