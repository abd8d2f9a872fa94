/** The states of an endpoint, those that need a person first: what each is called, and how it looks. */
export const STATES = {
  failing: ['failing', 'bad'],
  running: ['running', 'good'],
  waiting: ['in order', 'good'],
  paused: ['paused', 'off'],
  disabled: ['disabled', 'off'],
};

/** @returns {keyof typeof STATES} of an endpoint, as the live numbers have it */
export function stateOf({ enabled, paused, problem, retrying, running }) {
  if (!enabled) return 'disabled';
  if (retrying !== null) return 'failing';
  if (paused) return 'paused';
  if (problem !== null) return 'failing';
  return running ? 'running' : 'waiting';
}

/** What is wrong, in words; '' if nothing is. */
export const troubleOf = ({ problem, retrying }) =>
  retrying === null ? (problem ?? '') : `trying again, ${retrying.attempts} failed: ${retrying.reason}`;

/** Where its records come from: a host, a database's server, a bucket; its own words where it has none. */
export const hostOf = ({ url }) => /^\w+:\/\/([^/?#]+)/.exec(url)?.[1] ?? (url || 'no address');

/** What is to come, by how its records come; a time where there is one. */
export const COMING = {
  polled: ({ nextPollAt }) => nextPollAt,
  followed: () => 'follows each change as it is committed: there is no next run',
  sent: () => 'takes events as they come: there is no next run',
};
