/** The types of table.js, for the server. */

/** What a page's address says. */
export type Place = { readonly at: string } & Readonly<Record<string, unknown>>;

export interface Page {
  readonly path: string;
  readonly view: string;
  readonly title: string | ((place: Place) => string);
  readonly tab?: string;
  readonly key?: string;
  readonly within?: string;
  readonly alarm?: (flow: {
    readonly queues: readonly { readonly dead: number | null }[];
    readonly alerts: readonly { readonly silenced: boolean }[];
  }) => number;
  readonly query: readonly string[];
}

export const PAGES: readonly Page[];
export function sectionOf(page: Pick<Page, 'path'>): string;
export function namesIn(page: Pick<Page, 'path'>): readonly string[];
export function pageAt(
  path: string,
): { readonly page: Page; readonly values: readonly (readonly [name: string, value: string])[] } | undefined;
