import { createAgain } from '../ui/again.js';
import { get, post, remove } from '../ui/api.js';
import { ask } from '../ui/ask.js';
import { h, replace } from '../ui/dom.js';
import { emptyState } from '../ui/empty.js';
import { plural, sentence } from '../ui/format.js';
import { session } from '../ui/session.js';
import { moment, since, until } from '../ui/times.js';

/** Milliseconds between two looks: the dashboard judges every five seconds. */
const EVERY = 5_000;
/** For how long an alert is silenced, in minutes. */
const SPANS = [
  [60, 'an hour'],
  [240, '4 hours'],
  [1_440, 'a day'],
  [10_080, 'a week'],
  [43_200, '30 days'],
];
const SENDERS = {
  this: 'This dashboard judges alerts and sends them.',
  other: 'Another dashboard judges alerts and sends them; this one shows what it knows.',
  none: '',
};

/** What fires, what is silenced, who is told, and what happened. */
export function createView(_place, { announce }) {
  let loading;
  let due = 0;
  let shown = '';
  const again = createAgain(load);
  const content = h('div', { class: 'alerts' });
  const root = h(
    'section',
    { class: 'page', 'aria-labelledby': 'title' },
    h('div', { class: 'heading' }, h('h1', { id: 'title' }, 'Alerts')),
    content,
  );

  async function load() {
    loading?.abort();
    const mine = new AbortController();
    loading = mine;
    due = Date.now() + EVERY;
    try {
      const found = await get('/alerts', mine.signal);
      again.done();
      // What is the same is left alone, so that nobody loses what they were about to press.
      const text = JSON.stringify([found, session.role]);
      if (text === shown) return;
      shown = text;
      replace(content, ...pageOf(found));
    } catch (failure) {
      if (mine.signal.aborted) return;
      again.failed(failure);
      shown = '';
      content.replaceChildren(emptyState('Alerts cannot be shown', sentence(failure.message)));
    }
  }

  function pageOf({ sender, problem, firing, pending, silences, rules, channels, history }) {
    if (sender === 'none') return [nothingWatched()];
    const coming =
      pending === 0
        ? ''
        : ` ${plural(pending, 'condition')} would fire if ${pending === 1 ? 'it lasts' : 'they last'}.`;
    return [
      h('p', { class: 'quiet' }, SENDERS[sender]),
      problem !== null &&
        h('p', { class: 'notice bad' }, sentence(`what is known of alerts cannot be kept now: ${problem}`)),
      h('h2', {}, 'Firing'),
      firing.length === 0
        ? h('p', { class: 'quiet' }, `No alert fires.${coming}`)
        : table('Alerts that fire', ['Since', 'What', 'Rule', ''], firing.map(firingRow)),
      firing.length > 0 && coming !== '' && h('p', { class: 'quiet' }, coming),
      silences.length > 0 && h('h2', {}, 'Silenced'),
      silences.length > 0 && table('Silences', ['Ends', 'Rule', 'By', 'Reason', ''], silences.map(silenceRow)),
      h('h2', {}, 'Channels'),
      channels.length === 0
        ? h('p', { class: 'notice' }, 'The pipeline file names no channel: alerts are shown here, and nobody is told.')
        : table('Channels', ['Channel', 'Last message', 'Sent', 'Waiting', 'Lost', ''], channels.map(channelRow)),
      h('h2', {}, 'Rules'),
      table(
        'Rules',
        ['Rule', 'When', 'Tells', ''],
        rules.map(({ name, when, to }) =>
          cells(
            h('strong', {}, name),
            when,
            to.join(', ') || h('span', { class: 'faint' }, 'nobody'),
            silenceButton(name, null),
          ),
        ),
      ),
      h('h2', {}, 'History'),
      history.length === 0
        ? h('p', { class: 'quiet' }, 'Nothing has happened yet.')
        : table(
            'What happened',
            ['Time', 'Event', 'Rule', 'About', 'Channel', 'Details'],
            history.map(({ at, event, rule, about, channel, words }) =>
              cells(moment(at), event, rule, about, channel ?? '', words),
            ),
          ),
    ];
  }

  const firingRow = ({ since: from, words, path, rule, subject, silenced }) =>
    cells(
      since(from),
      h('a', { href: path }, words),
      h('span', {}, rule, silenced && h('span', { class: 'tag' }, 'silenced')),
      !silenced && silenceButton(rule, subject.name),
    );

  const silenceRow = ({ id, until: end, rule, subject, by, why }) =>
    cells(
      until(end),
      subject === null ? rule : `${rule}: ${subject}`,
      by,
      why,
      session.may('operator') &&
        button(`End the silence of ${subject ?? rule}`, 'End', async () => {
          await remove(`/alerts/silences/${encodeURIComponent(id)}`);
          announce('The silence has ended');
        }),
    );

  const channelRow = ({ name, type, sent, failed, waiting, lastSentAt, problem }) =>
    cells(
      h('span', {}, h('strong', {}, name), h('span', { class: 'faint' }, ` ${type}`)),
      problem === null ? since(lastSentAt) : h('span', { class: 'failing' }, problem),
      sent,
      waiting,
      failed,
      session.may('operator') &&
        button(`Send a test message to ${name}`, 'Test', async () => {
          await post(`/alerts/channels/${encodeURIComponent(name)}/test`, {});
          announce(`A test message waits for ${name}`);
        }),
    );

  function silenceButton(rule, subject) {
    if (!session.may('operator')) return '';
    const what = subject ?? rule;
    return h(
      'button',
      { type: 'button', class: 'control', 'aria-label': `Silence ${what}`, onclick: () => silence(rule, subject) },
      'Silence',
    );
  }

  async function silence(rule, subject) {
    const span = h(
      'select',
      { class: 'control', 'aria-label': 'For how long' },
      ...SPANS.map(([minutes, words]) => h('option', { value: minutes }, `for ${words}`)),
    );
    const done = await ask({
      title: `Silence ${subject ?? rule}`,
      text: 'Nobody is told of it meanwhile. It is judged and shown all the same, and told when the silence ends and it goes on.',
      more: span,
      action: 'Silence',
      reason: true,
      run: ({ reason }) => post('/alerts/silences', { rule, subject, minutes: Number(span.value), why: reason }),
    });
    if (done === undefined) return;
    announce(`${subject ?? rule} is silenced`);
    load();
  }

  function button(label, words, act) {
    const problem = h('span', { class: 'failing', role: 'alert' });
    const press = h(
      'button',
      {
        type: 'button',
        class: 'control',
        'aria-label': label,
        async onclick() {
          press.disabled = true;
          try {
            await act();
            load();
          } catch (failure) {
            problem.textContent = ` ${sentence(failure.message)}`;
          }
          press.disabled = false;
        },
      },
      words,
    );
    return h('span', {}, press, problem);
  }

  return {
    root,
    show: () => load(),
    update() {
      again.look();
      if (Date.now() >= due) load();
    },
    leave: () => loading?.abort(),
  };
}

const cells = (...contents) => h('tr', {}, ...contents.map((content) => h('td', {}, content)));

const table = (label, titles, rows) =>
  h(
    'div',
    { class: 'rows', tabindex: '0', role: 'region', 'aria-label': label },
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          ...titles.map((title) =>
            h('th', { scope: 'col' }, title === '' ? h('span', { class: 'unseen' }, 'Actions') : title),
          ),
        ),
      ),
      h('tbody', {}, ...rows),
    ),
  );

const nothingWatched = () =>
  emptyState(
    'Nothing is watched',
    'Rules and channels under alerts: in the pipeline file say what is watched and who is told, by webhook, Slack or e-mail. docs/alerts.md has examples.',
  );
