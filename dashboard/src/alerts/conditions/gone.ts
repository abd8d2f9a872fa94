import type { Condition, Finding } from './condition.js';

export const gone: Condition<'gone'> = {
  judge: ({ service, atLeast }, { flow }) => {
    const subject = { kind: 'service', name: service } as const;
    const found = (state: Finding['state'], words: string): Finding[] => [{ subject, group: '', state, words }];
    if (service === 'rabbitmq') {
      const { known, connected } = flow.broker;
      return found(!known ? 'unknown' : connected ? 'good' : 'bad', 'RabbitMQ is away');
    }
    const all = service === 'producer' ? flow.producers : flow.consumers;
    const there = all.filter(({ answers }) => answers).length;
    const why = all.flatMap(({ answers, problems }) => (answers ? [] : problems))[0];
    const words = there === 0 ? `no ${service} answers` : `${there} of ${atLeast} ${service}s answer`;
    // Under `npm start` there are none before all services run.
    const state = all.length === 0 ? 'unknown' : there < atLeast ? 'bad' : 'good';
    return found(state, why === undefined ? words : `${words}: ${why}`);
  },
  title: () => 'A service does not answer',
};
