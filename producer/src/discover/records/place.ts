import type { Settings } from '../guess.js';

/** Where records may lie in a body, and how. */
export interface Place {
  /** As `items` names it. */
  readonly items: string;
  readonly as: 'list' | 'single' | 'map' | 'columns' | 'rows';
  /** More settings that belong to it, such as `header` or `within`. */
  readonly more: Settings;
  readonly count: number;
  /** What was found there, in words. */
  readonly found: string;
  /** The names are plainly values, such as codes or days. */
  readonly isKeyed?: boolean;
  /** Something of it is no more than a guess, such as what the cells of a row are called. */
  readonly isGuessed?: boolean;
  readonly score: number;
}

/** A place before it is compared with others. */
export type Unrated = Omit<Place, 'score'>;
