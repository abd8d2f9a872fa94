import type { AuditedAct } from '@tributary/shared';

/** An action that is begun in the audit log when there is something to do: one that is done daily would fill it with nothing. */
export interface LateAct extends AuditedAct {
  begin(): Promise<void>;
}

export function begunLate(make: () => Promise<AuditedAct>): LateAct {
  let begun: Promise<AuditedAct> | undefined;
  return {
    async begin() {
      begun ??= make();
      await begun;
    },
    async note(step, detail) {
      await (await begun)?.note(step, detail);
    },
  };
}
