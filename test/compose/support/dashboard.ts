import type { Stack } from './stack.js';

interface Instance {
  readonly address: string;
  readonly answers: boolean;
}

/** What the dashboard shows of the path, as far as the tests look at it. */
export interface Flow {
  readonly producers: readonly Instance[];
  readonly consumers: readonly Instance[];
  readonly broker: { readonly connected: boolean };
  readonly datasets: readonly { readonly name: string; readonly keys: number }[];
}

export async function flowOf({ dashboard }: Stack): Promise<Flow> {
  const response = await fetch(`${dashboard}/api/flow`);
  if (!response.ok) throw new Error(`the dashboard answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Flow;
}
