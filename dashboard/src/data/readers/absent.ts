import { type DatasetReader, SinkNotSetError } from './port.js';

/**
 * A reader for a sink that no setting says where to find. It has no data, and each call that asks for data rejects.
 * @param why what is missing, and which setting to give
 */
export function createAbsentReader(why: string): DatasetReader {
  const refuse = (): Promise<never> => Promise.reject(new SinkNotSetError(why));
  return {
    start() {},
    close: async () => {},
    list: refuse,
    describe: refuse,
    rows: refuse,
    download: refuse,
    part: refuse,
    facets: refuse,
    profile: refuse,
    chart: refuse,
    versions: refuse,
    keys: refuse,
    problems: () => [why],
    known: () => [],
  };
}
