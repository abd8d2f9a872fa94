/** What an audit counts for each dataset. All but the first two are problems. */
export const COLUMNS = [
  'expected',
  'found',
  'missing',
  'duplicated',
  'torn',
  'stale',
  'wrongHash',
  'wrongMerge',
] as const;

export type Column = (typeof COLUMNS)[number];
export type Problem = Exclude<Column, 'expected' | 'found'>;
export type Counts = Readonly<Record<Column, number>>;

/** One problem, in words that let a person find it. */
export interface Finding {
  readonly dataset: string;
  readonly problem: Problem;
  readonly what: string;
}

export interface AuditReport {
  /** By dataset. */
  readonly audit: Readonly<Record<string, Counts>>;
  readonly ok: boolean;
  /** The first problems of each kind. */
  readonly findings: readonly Finding[];
  /** Keys that were not judged because their records are changing, or cannot be in the sink as they are. */
  readonly leftOut: number;
  /** Rows that repeat the content of the row before them, but not that of the change before them: see IsOvertaken. */
  readonly overtaken: number;
}

const FINDINGS_OF_A_KIND = 10;

/** The counts of one dataset while it is being audited. */
export class Tally {
  readonly #counts: Record<Column, number> = {
    expected: 0,
    found: 0,
    missing: 0,
    duplicated: 0,
    torn: 0,
    stale: 0,
    wrongHash: 0,
    wrongMerge: 0,
  };
  readonly findings: Finding[] = [];
  overtaken = 0;
  readonly dataset: string;

  constructor(dataset: string) {
    this.dataset = dataset;
  }

  get counts(): Counts {
    return { ...this.#counts };
  }

  get ok(): boolean {
    return COLUMNS.every((column) => column === 'expected' || column === 'found' || this.#counts[column] === 0);
  }

  count(column: 'expected' | 'found'): void {
    this.#counts[column]++;
  }

  problem(problem: Problem, what: () => string): void {
    if (++this.#counts[problem] <= FINDINGS_OF_A_KIND) {
      this.findings.push({ dataset: this.dataset, problem, what: what() });
    }
  }
}

export function makeReport(tallies: readonly Tally[], leftOut: number): AuditReport {
  return {
    audit: Object.fromEntries(tallies.map(({ dataset, counts }) => [dataset, counts])),
    ok: tallies.every(({ ok }) => ok),
    findings: tallies.flatMap(({ findings }) => findings),
    leftOut,
    overtaken: tallies.reduce((sum, { overtaken }) => sum + overtaken, 0),
  };
}

const HEADINGS: Readonly<Record<Column, string>> = {
  expected: 'expected',
  found: 'found',
  missing: 'missing',
  duplicated: 'duplicated',
  torn: 'torn',
  stale: 'stale',
  wrongHash: 'wrong hash',
  wrongMerge: 'wrong merge',
};

/** The report as a table for people, one line a dataset. */
export function formatTable({ audit }: Pick<AuditReport, 'audit'>): string {
  const rows = [
    ['dataset', ...COLUMNS.map((column) => HEADINGS[column])],
    ...Object.entries(audit).map(([name, counts]) => [
      name,
      ...COLUMNS.map((column) => counts[column].toLocaleString('en')),
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  const format = (row: readonly string[]) =>
    row
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  ');
  return rows.map(format).join('\n');
}

export const formatFindings = (findings: readonly Finding[]): string =>
  findings.map(({ dataset, problem, what }) => `${dataset}: ${HEADINGS[problem]}: ${what}`).join('\n');
