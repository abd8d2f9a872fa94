/** What an alert is about. */
export interface Subject {
  readonly kind: 'dataset' | 'endpoint' | 'queue' | 'service';
  readonly name: string;
}

/** An alert that fires, for the page Flow. */
export interface FiringAlert {
  readonly rule: string;
  readonly subject: Subject;
  readonly words: string;
  readonly since: string;
  readonly silenced: boolean;
  /** Where the dashboard shows what it is about. */
  readonly path: string;
}
