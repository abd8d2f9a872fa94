import type { DatasetReader } from '../port.js';
import { Dataset } from './dataset.js';
import type { Store } from './dialect.js';

/** A reader of datasets; what each sink does in a way of its own is given. */
export function readerOf(
  stores: readonly Store[],
  neutraliseFormulas: boolean,
  own: Pick<DatasetReader, 'start' | 'close' | 'problems' | 'snapshot'>,
): DatasetReader {
  const named = new Map(stores.map((store) => [store.name, store]));
  const datasets = new Map(stores.map((store) => [store.name, new Dataset(store, neutraliseFormulas)]));
  return {
    ...own,
    list: () => Promise.all(stores.map((store) => store.latestSummary())),
    known: () => stores.map(({ summary }) => summary),
    describe: async (name) => named.get(name)?.describe(),
    part: async (name, part) => named.get(name)?.part?.(part),
    rows: async (name, query, signal) => datasets.get(name)?.rows(query, signal),
    facets: async (name, selection, signal) => datasets.get(name)?.facets(selection, signal),
    profile: async (name, view, signal) => datasets.get(name)?.profile(view, signal),
    chart: async (name, query, signal) => datasets.get(name)?.chart(query, signal),
    versions: async (name, key, limit, signal) => datasets.get(name)?.versions(key, limit, signal),
    keys: async (name, pattern, limit, signal) => datasets.get(name)?.keys(pattern, limit, signal),
    download: async (name, selection, signal) => datasets.get(name)?.download(selection, signal),
  };
}
