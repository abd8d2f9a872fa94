import type { Stack } from './stack.js';

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

/** What Prometheus answers to a query. */
export async function query({ prometheus }: Stack, expr: string): Promise<readonly Sample[]> {
  const response = await fetch(`${prometheus}/api/v1/query?${new URLSearchParams({ query: expr })}`);
  const { status, error, data } = (await response.json()) as Answer;
  if (status !== 'success') throw new Error(`${expr}: ${error}`);
  return data?.result ?? [];
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: { readonly result: readonly Sample[] };
}

/** For each job of Prometheus, how many containers it has found that answer. */
export async function jobsThatAnswer(stack: Stack): Promise<Record<string, number>> {
  const jobs = await query(stack, 'count by (job) (up == 1)');
  return Object.fromEntries(jobs.map(({ metric, value }) => [metric.job, Number(value[1])]));
}
