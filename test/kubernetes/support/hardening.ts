import type { IPodSpec } from 'kubernetes-models/v1/PodSpec';

/** What the profile "restricted" of Kubernetes asks of a pod, and what we ask beyond it. */
export function faultsOf(pod: IPodSpec): string[] {
  const { securityContext: of = {}, automountServiceAccountToken, enableServiceLinks } = pod;
  const ofPod: [string, boolean][] = [
    ['runAsNonRoot', of.runAsNonRoot !== true],
    ['runAsUser', !((of.runAsUser ?? 0) > 0)],
    ['fsGroup', !((of.fsGroup ?? 0) > 0)],
    ['seccompProfile', of.seccompProfile?.type !== 'RuntimeDefault'],
    ['automountServiceAccountToken', automountServiceAccountToken !== false],
    ['enableServiceLinks', enableServiceLinks !== false],
  ];
  const ofContainers = pod.containers.flatMap((container): [string, boolean][] => {
    const { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities, privileged } =
      container.securityContext ?? {};
    return [
      ['allowPrivilegeEscalation', allowPrivilegeEscalation !== false],
      ['readOnlyRootFilesystem', readOnlyRootFilesystem !== true],
      ['capabilities', !capabilities?.drop?.includes('ALL') || (capabilities.add ?? []).length > 0],
      ['privileged', privileged === true],
      ['a request of CPU', container.resources?.requests?.cpu === undefined],
      ['a request of memory', container.resources?.requests?.memory === undefined],
      ['a limit of memory', container.resources?.limits?.memory === undefined],
    ];
  });
  return [...ofPod, ...ofContainers].filter(([, isFault]) => isFault).map(([fault]) => fault);
}
