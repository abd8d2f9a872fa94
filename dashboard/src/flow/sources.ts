import { type EndpointConfig, hookOf } from '@tributary/shared';
import { type Metrics, sumOf } from './metrics-text.js';
import type { Scrape } from './scrape.js';

/** What the producer that polls or follows an endpoint says of its source at `GET /endpoints`. */
export interface SourceState {
  readonly reading?: {
    readonly file?: { readonly name: string; readonly readBytes: number; readonly bytes: number };
    readonly ahead: number;
    readonly waiting: number;
    readonly refused: number;
    /** The name of the first of them. */
    readonly firstRefused?: string;
  };
  readonly stream?: { readonly phase: string; readonly lagBytes: number; readonly lagSeconds: number };
}

/** Metrics of a producer that has more to say of its sources than the others. */
const TOLD_BY = ['tributary_files_waiting', 'tributary_stream_lag_bytes'];

export const tellsOfSources = ({ metrics }: Scrape): boolean => TOLD_BY.some((name) => metrics.has(name));

/** How far a source has come that is not asked page by page, in a few words each: files, a stream, events. */
export function wordsOfSource(
  id: string,
  config: EndpointConfig,
  producers: readonly Scrape[],
  state: SourceState | undefined,
): readonly string[] {
  const sum = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    producers.reduce((total, { metrics }) => total + sumOf(metrics, name, { endpoint: id, ...labels }), 0);
  const taken = sum('tributary_poll_inputs_total', { outcome: 'read' });
  const events = hookOf(config) === undefined ? 0 : producers.reduce((all, { metrics }) => all + waitingIn(metrics), 0);
  return [
    ...wordsOfStream(state?.stream),
    ...wordsOfReading(state?.reading),
    ...(taken > 0 ? [`${counted(taken, 'file')} taken`] : []),
    ...refusedOf(id, producers),
    ...(events === 0 ? [] : [`${counted(events, 'record')} of events wait for RabbitMQ`]),
  ];
}

const waitingIn = (metrics: Metrics): number => sumOf(metrics, 'tributary_hook_waiting_records');

function wordsOfStream(stream: SourceState['stream']): string[] {
  if (stream === undefined) return [];
  const { phase, lagBytes, lagSeconds } = stream;
  if (phase === 'copying') return ['copies the table'];
  return [lagBytes === 0 ? 'up to date' : `${sizeOf(lagBytes)} and ${Math.round(lagSeconds)} s behind`];
}

function wordsOfReading(reading: SourceState['reading']): string[] {
  if (reading === undefined) return [];
  const { file, ahead, waiting, refused, firstRefused } = reading;
  const words: string[] = [];
  if (file !== undefined) {
    const share = file.bytes === 0 ? 100 : Math.floor((file.readBytes / file.bytes) * 100);
    words.push(`${file.name}: ${share} % of ${sizeOf(file.bytes)}`);
  }
  if (ahead > 0) words.push(`${counted(ahead, 'file')} to look into`);
  if (waiting > 0) words.push(`${counted(waiting, 'file')} not whole yet`);
  const such = firstRefused === undefined ? '' : `${refused > 1 ? ', such as' : ':'} ${firstRefused}`;
  if (refused > 0) words.push(`${counted(refused, 'file')} cannot be read${such}`);
  return words;
}

/** Answers of the door that are no refusal. */
const TAKEN: ReadonlySet<string | undefined> = new Set(['accepted', 'challenge', 'notified']);

/** Events that the door refused since the producers started, by the reason. */
function refusedOf(id: string, producers: readonly Scrape[]): string[] {
  const refused = new Map<string, number>();
  for (const { metrics } of producers) {
    for (const { labels, value } of metrics.get('tributary_hook_requests_total') ?? []) {
      const { endpoint, outcome = '' } = labels;
      if (endpoint === id && !TAKEN.has(outcome) && value > 0)
        refused.set(outcome, (refused.get(outcome) ?? 0) + value);
    }
  }
  if (refused.size === 0) return [];
  const reasons = [...refused]
    .sort(([, a], [, b]) => b - a)
    .map(([outcome, times]) => `${outcome.replaceAll('_', ' ')} ${times}`);
  return [`events refused: ${reasons.join(', ')}`];
}

const counted = (number: number, one: string): string => `${number} ${one}${number === 1 ? '' : 's'}`;

function sizeOf(bytes: number): string {
  const [unit, size] = UNITS.find(([, least]) => bytes >= least) ?? ['B', 1];
  return `${Number((bytes / size).toPrecision(3))} ${unit}`;
}

const UNITS = [
  ['GB', 1024 ** 3],
  ['MB', 1024 ** 2],
  ['kB', 1024],
] as const;
