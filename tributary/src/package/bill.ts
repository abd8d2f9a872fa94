import type { Manifest } from './stage.js';

/** What `npm sbom` says of an installation, as CycloneDX has it. */
export interface Bill {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

interface Component {
  readonly 'bom-ref': string;
  readonly purl: string;
}

/**
 * The part of a bill that the package and the images hold: what runs, and nothing that only develops it. `npm sbom --omit=dev` leaves out more, namely each
 * package that some workspace needs for its tests alone, although another one runs with it.
 *
 * @param manifests of the workspaces, by their names; the first one is what the bill is of
 * @throws Error if something that runs is not in the bill
 */
export function billOf<B extends Bill>(bill: B, manifests: ReadonlyMap<string, Manifest>): B {
  const components = new Map(bill.components.map((component) => [component['bom-ref'], component]));
  const needed = new Map(bill.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  const refs = new Set([...manifests].map(([name, { version }]) => `${name}@${String(version)}`));
  const [own] = refs;
  for (const ref of refs) {
    if (!components.has(ref)) throw new Error(`${ref} is not installed: run npm ci first`);
    const manifest = manifests.get(nameIn(ref));
    for (const other of needed.get(ref) ?? [])
      if (manifest === undefined || Object.hasOwn(manifest.dependencies, nameIn(other))) refs.add(other);
  }
  const component = components.get(own ?? '');
  if (component === undefined) throw new Error('the bill is of nothing');
  return {
    ...bill,
    metadata: { ...bill.metadata, component },
    components: bill.components.filter((one) => one !== component && refs.has(one['bom-ref'])),
    dependencies: bill.dependencies
      .filter(({ ref }) => refs.has(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)) })),
  };
}

/** Of `@scope/name@1.2.3`: without the version. */
const nameIn = (ref: string): string => ref.slice(0, ref.lastIndexOf('@'));
