import { createAgain } from '../ui/again.js';
import { get, post } from '../ui/api.js';
import { ask } from '../ui/ask.js';
import { h, setText } from '../ui/dom.js';
import { emptyPage } from '../ui/empty.js';
import { bytes, compactJson, sentence } from '../ui/format.js';
import { addressOf } from '../ui/location.js';
import { session } from '../ui/session.js';
import { moment } from '../ui/times.js';
import { fieldList } from './dead-letter/fields.js';

/** Milliseconds after the last keystroke. */
const TYPING_PAUSE = 150;

/** One dead letter: why it is here, its payload to edit, and the buttons to replay or discard it. */
export function createView({ letter: id }, { navigate, announce, signIn }) {
  const root = h('section', { class: 'page letter-page', 'aria-labelledby': 'title' });
  const closing = new AbortController();
  const again = createAgain(() => load());

  async function load() {
    try {
      const [found, pipeline] = await Promise.all([
        get(`/dead-letters/${encodeURIComponent(id)}`, closing.signal),
        get('/pipeline', closing.signal),
      ]);
      render(found, pipeline.entities[found.letter.entity]);
    } catch (failure) {
      if (closing.signal.aborted) return;
      again.failed(failure);
      root.replaceChildren(
        emptyPage(
          failure.status === 404 ? 'This dead letter no longer exists' : 'The dead letter cannot be shown',
          sentence(failure.message),
          back(),
        ),
      );
    }
  }

  function render({ letter, payload, problem, valid }, entity) {
    const original = pretty(payload);
    const verdict = h('p', { class: 'verdict', role: 'status' });
    const fields = fieldList(entity, letter.field);
    const editor = h('textarea', {
      class: 'editor',
      spellcheck: 'false',
      autocomplete: 'off',
      autocapitalize: 'off',
      'aria-label': `Payload of ${letter.key ?? 'this record'}`,
      wrap: 'off',
      oninput: () => changed(),
    });
    editor.value = original;
    const replay = h('button', { type: 'button', class: 'control primary', onclick: () => send() }, 'Replay');
    const reset = h('button', { type: 'button', class: 'control', onclick: () => undo() }, 'Undo changes');
    const discard = h('button', { type: 'button', class: 'control danger', onclick: () => throwAway() }, 'Discard…');
    const isChanged = () => editor.value !== original;
    let typing;

    function judge({ valid: good, problem: trouble }) {
      verdict.dataset.state = good ? 'good' : 'bad';
      setText(
        verdict,
        good
          ? isChanged()
            ? '✓ Valid: you can replay it'
            : '✓ Valid now: you can replay it unchanged'
          : `✕ ${sentence(trouble.message)}`,
      );
      fields.mark(good ? null : trouble.field);
      replay.disabled = !good && isChanged();
      setText(replay, isChanged() ? 'Replay with changes' : 'Replay unchanged');
      // An invalid payload can be sent too, because the pipeline may accept it now, but it is not the advised action.
      replay.classList.toggle('primary', good);
      reset.hidden = !isChanged();
    }
    function changed() {
      clearTimeout(typing);
      replay.disabled = true;
      typing = setTimeout(async () => {
        const body = editor.value;
        const judgement = await post(
          '/dead-letters/validate',
          { entity: letter.entity, payload: body },
          closing.signal,
        ).catch((failure) => ({ valid: false, problem: { message: failure.message, field: null } }));
        if (body === editor.value) judge(judgement);
      }, TYPING_PAUSE);
    }
    function undo() {
      editor.value = original;
      judge({ valid, problem });
      editor.focus();
    }
    async function send() {
      if (!session.may('operator')) await signIn();
      if (!session.may('operator')) return;
      replay.disabled = true;
      try {
        await post(`/dead-letters/${encodeURIComponent(id)}/replay`, isChanged() ? { payload: editor.value } : {});
        announce('Replayed');
        navigate({ at: 'dead-letters' });
      } catch (failure) {
        verdict.dataset.state = 'bad';
        setText(verdict, `✕ ${sentence(failure.message)}`);
        replay.disabled = false;
      }
    }
    async function throwAway() {
      if (!session.may('operator')) await signIn();
      if (!session.may('operator')) return;
      const done = await ask({
        title: `Discard ${letter.key ?? 'this record'}?`,
        text: 'It is deleted. The audit log keeps its content.',
        action: 'Discard',
        danger: true,
        reason: true,
        run: ({ reason }) => post(`/dead-letters/${encodeURIComponent(id)}/discard`, { reason }),
      });
      if (done === undefined) return;
      announce('Discarded');
      navigate({ at: 'dead-letters' });
    }

    const facts = [
      ['Key', letter.key ?? '–'],
      ['Entity', letter.entity],
      ['Endpoint', letter.endpoint],
      ['Run', String(letter.run)],
      ['Fetched', letter.fetchedAt === '' ? '–' : moment(letter.fetchedAt)],
      ['Dead since', letter.deadAt === '' ? '–' : moment(letter.deadAt)],
      ['Message', letter.messageId || '–'],
      ['Queue', `${letter.queue}.dead`],
      ['Size', bytes(letter.size)],
    ];
    root.replaceChildren(
      h('p', { class: 'crumb' }, back()),
      h(
        'div',
        { class: 'heading' },
        h('h1', { id: 'title' }, letter.key ?? 'A record without a key', h('span', { class: 'tag' }, letter.code)),
        letter.key !== null &&
          entity !== undefined &&
          h('a', { href: addressOf({ at: 'trace', dataset: entity.dataset, key: letter.key }) }, 'Trace this key'),
      ),
      h('p', { class: 'notice bad' }, sentence(letter.reason)),
      h(
        'div',
        { class: 'edit' },
        h(
          'div',
          { class: 'edit-main' },
          h('h2', {}, 'Payload'),
          editor,
          verdict,
          h('p', { class: 'buttons' }, replay, reset, h('span', { class: 'push' }, discard)),
        ),
        h(
          'aside',
          {},
          h('h2', {}, 'Origin'),
          h('dl', { class: 'facts' }, ...facts.flatMap(([term, value]) => [h('dt', {}, term), h('dd', {}, value)])),
          h('h2', {}, 'Expected fields'),
          fields.root,
        ),
      ),
    );
    judge({ valid, problem });
  }

  load();
  return { root, holdsInput: true, update: () => again.look(), leave: () => closing.abort() };
}

const back = () => h('a', { href: addressOf({ at: 'dead-letters' }) }, '← All dead letters');

/** Indents the payload, but only if that changes no value: JavaScript would alter large numbers. */
function pretty(payload) {
  try {
    const value = JSON.parse(payload);
    const same = JSON.stringify(value) === compactJson(payload);
    return same ? JSON.stringify(value, null, 2) : payload;
  } catch {
    return payload;
  }
}
