import { h, setText } from '../../ui/dom.js';
import { bytes, count, plural, speed } from '../../ui/format.js';
import { addressOf } from '../../ui/location.js';
import { session } from '../../ui/session.js';
import { since, until } from '../../ui/times.js';
import { createEndpointButtons } from './endpoint-buttons.js';
import { failingOf } from './source-groups.js';

/** A box of the picture: a name, one number, and lines below it. */
function node(title, ...lines) {
  const name = h('h3', {}, title);
  const figure = h('p', { class: 'node-figure' });
  const below = lines.map(() => h('p', { class: 'node-line' }));
  return { root: h('article', { class: 'node' }, name, figure, ...below), name, figure, below };
}

/** An endpoint, with its buttons for operators. */
export function endpointNode(announce) {
  const { root, name, figure, below } = node('', 'last', 'next');
  name.classList.add('to-page');
  const told = h('p', { class: 'node-line told' });
  root.append(told);
  const buttons = createEndpointButtons(announce);
  if (session.may('operator')) root.append(buttons.root);
  let shown = '';
  return {
    root,
    update(endpoint) {
      const { id, url, schedule, lastPollAt, nextPollAt, paused, running, enabled, problem, rate, failures } = endpoint;
      const { retrying, isPolled, mode, source } = endpoint;
      if (name.textContent !== id)
        name.replaceChildren(h('a', { href: addressOf({ at: 'endpoints', endpoint: id }) }, id));
      buttons.update(id, paused);
      name.title = url;
      setText(figure, retrying ? 'no answer' : rate > 0 ? `${speed(rate)}/s` : running ? 'polling…' : schedule);
      const state = !enabled ? 'disabled' : paused ? 'paused' : undefined;
      const now = [lastPollAt, nextPollAt, state, failures, retrying?.attempts, retrying?.nextAttemptAt].join();
      if (now !== shown) {
        shown = now;
        const first = retrying
          ? [`${plural(retrying.attempts, 'attempt')} failed`]
          : [isPolled ? 'polled ' : 'last event ', since(lastPollAt)];
        const next = mode === 'polled' ? ['next ', until(nextPollAt)] : [];
        const second = retrying ? ['again ', until(retrying.nextAttemptAt)] : next;
        below[0].replaceChildren(...first);
        below[1].replaceChildren(...(state === undefined ? second : [state]));
      }
      setText(told, source.join(' · '));
      root.title = retrying?.reason ?? '';
      root.dataset.state = problem !== null || retrying ? 'bad' : state === undefined ? 'good' : 'off';
    },
  };
}

/** The endpoints of one host, where there are too many for a box of their own. */
export function sourceGroupNode() {
  const { root, name, figure, below } = node('', 'flow');
  root.classList.add('host');
  name.classList.add('to-page');
  return {
    root,
    update({ name: host, search, members }) {
      if (name.textContent !== host)
        name.replaceChildren(h('a', { href: addressOf({ at: 'endpoints', search }) }, host));
      const failing = failingOf(members);
      setText(figure, failing > 0 ? `${count(failing)} failing` : plural(members.length, 'endpoint'));
      const flow = `${speed(members.reduce((sum, { rate }) => sum + rate, 0))}/s`;
      setText(below[0], failing > 0 ? `of ${plural(members.length, 'endpoint')} · ${flow}` : flow);
      root.dataset.state = failing > 0 ? 'bad' : 'good';
    },
  };
}

/** A producer or a consumer. @param title what its box is called before it is known */
export function instanceNode(title) {
  const { root, name, figure, below } = node(title, 'work');
  return {
    root,
    update({ address, name: own, answers, problems }, first, second) {
      setText(name, own ?? address);
      name.title = address;
      setText(figure, answers ? first : 'no answer');
      setText(below[0], answers ? second : '');
      root.dataset.state = !answers || problems.length > 0 ? 'bad' : 'good';
    },
  };
}

/** A queue, with a link to its dead letters. */
export function queueNode(queue) {
  const { root, name, figure, below } = node(queue, 'consumers');
  const dead = h('a', { class: 'node-line dead', href: addressOf({ at: 'dead-letters', queue }) });
  root.append(dead);
  name.title = queue;
  return {
    root,
    update({ ready, records, consumers, dead: letters, rate }) {
      setText(figure, ready === null ? 'unknown' : `${count(records)} waiting`);
      figure.title = ready === null ? '' : `Records, about; RabbitMQ counts ${plural(ready, 'message')}`;
      setText(below[0], `${speed(rate)}/s · ${plural(consumers ?? 0, 'consumer')}`);
      setText(dead, letters ? plural(letters, 'dead letter') : '');
      root.dataset.state = ready === null || (consumers === 0 && ready > 0) ? 'bad' : 'good';
    },
  };
}

/** A dataset, with a link to its rows. */
export function datasetNode(name) {
  const { root, name: title, figure, below } = node('', 'written', 'size');
  title.replaceChildren(h('a', { href: addressOf({ dataset: name }), class: 'cover' }, name));
  let shown = '';
  return {
    root,
    /** @param asOf of an aggregate: the time whose rows its groups are made of */
    update({ keys, lastWrittenAt, rows, bytes: size, problems }, asOf) {
      setText(figure, plural(keys, 'row'));
      const time = asOf ?? lastWrittenAt;
      if (shown !== time) {
        shown = time;
        below[0].replaceChildren(asOf === undefined ? 'written ' : 'as of ', since(time));
      }
      setText(below[1], `${plural(rows, 'version')} · ${bytes(size)}`);
      root.dataset.state = problems.length > 0 ? 'bad' : 'good';
    },
  };
}
