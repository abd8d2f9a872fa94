import { type Hierarchy, readHierarchy } from '@tributary/shared';

/** The files of hierarchies, each read once: what an endpoint is polled anew for is what its records are made by. */
export class Hierarchies {
  readonly #read = new Map<string, Hierarchy>();

  /** @throws FatalError for a file that cannot be used */
  of(path: string): Hierarchy {
    const hierarchy = this.#read.get(path) ?? readHierarchy(path);
    this.#read.set(path, hierarchy);
    return hierarchy;
  }
}
