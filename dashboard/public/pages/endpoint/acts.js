import { post } from '../../ui/api.js';
import { ask } from '../../ui/ask.js';
import { h, replace, setText } from '../../ui/dom.js';
import { sentence } from '../../ui/format.js';
import { session } from '../../ui/session.js';

/** The buttons of one endpoint. Who may not press one is asked to sign in. */
export function createActs({ id, announce, signIn, onDone }) {
  let paused = false;
  let checkpoints = [];
  const answer = h('span', { class: 'quiet', role: 'status' });
  const button = (label, act) => h('button', { type: 'button', class: 'control', onclick: act }, label);
  const pause = button('Pause', () => send(paused ? 'resume' : 'pause'));
  const root = h(
    'p',
    { class: 'buttons' },
    button('Run now', () => send('run')),
    pause,
    button('Begin anew', () => send('restart')),
    button('Bring again…', reset),
    answer,
  );
  const path = `/endpoints/${encodeURIComponent(id)}`;

  async function may(role) {
    if (!session.may(role)) await signIn();
    if (session.may(role)) return true;
    if (session.signedIn) setText(answer, `Only a person with the token of an ${role} may do this.`);
    return false;
  }

  async function send(command) {
    if (!(await may('operator'))) return;
    try {
      await post(`${path}/${command}`, {});
      told(command);
    } catch (failure) {
      setText(answer, sentence(failure.message));
    }
  }

  function told(command) {
    setText(answer, `${command} is accepted`);
    announce(`${id}: ${command} is accepted`);
    onDone();
  }

  /** Brings records again: all, or from a place on. */
  async function reset() {
    if (!(await may('admin'))) return;
    const from = h(
      'select',
      { class: 'control', 'aria-label': 'From' },
      h('option', { value: '' }, 'everything'),
      ...checkpoints.toReversed().map(({ at, name }) => h('option', { value: name }, `changes since ${at}`)),
      checkpoints.length === 0 && h('option', { value: 'since' }, 'from a version on'),
    );
    const version = h('input', {
      class: 'control',
      type: 'text',
      'aria-label': 'Version',
      placeholder: 'Version, such as 2026-01-05T00:00:00Z',
      maxlength: 200,
      hidden: true,
      spellcheck: 'false',
      autocomplete: 'off',
    });
    from.addEventListener('change', () => {
      version.hidden = from.value !== 'since';
    });
    const given = () => {
      if (from.value === '') return {};
      return from.value === 'since' ? { since: version.value.trim() } : { to: from.value };
    };
    const done = await ask({
      title: `Bring the records of ${id} again?`,
      text: 'The next run reads them again from the source. Records that have not changed are dropped as duplicates; nothing is written twice.',
      more: h('p', { class: 'assignment' }, from, version),
      action: 'Bring again',
      run: () => post(`${path}/reset`, given()),
    });
    if (done !== undefined) told('reset');
  }

  return {
    root,
    update(endpoint, places) {
      ({ paused } = endpoint);
      checkpoints = places;
      replace(pause, paused ? 'Resume' : 'Pause');
    },
  };
}
