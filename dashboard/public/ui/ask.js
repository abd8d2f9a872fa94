import { h, setText } from './dom.js';
import { sentence } from './format.js';

/**
 * Asks a person to confirm an action, and runs it. The dialog stays open until the action has succeeded, and shows what
 * went wrong.
 *
 * @param {{ title: string, text: string, more?: Node, action: string, danger?: boolean, reason?: boolean, run: (given: { reason: string }) => Promise<unknown> }} question
 * @returns {Promise<unknown>} the result of `run`; undefined if the person cancelled
 */
export function ask({ title, text, more, action, danger = false, reason: wantsReason = false, run }) {
  const problem = h('p', { class: 'notice bad', hidden: true, role: 'alert' });
  const reason = h('input', {
    class: 'control',
    type: 'text',
    required: true,
    minlength: 3,
    maxlength: 500,
    'aria-label': 'Reason',
    placeholder: 'Reason, for the audit log',
  });
  const go = h('button', { type: 'submit', class: `control ${danger ? 'danger' : 'primary'}` }, action);
  const dialog = h(
    'dialog',
    { class: 'small-dialog', 'aria-labelledby': 'ask-title' },
    h(
      'form',
      { method: 'dialog', onsubmit: submit },
      h('h2', { id: 'ask-title' }, title),
      h('p', { class: 'quiet' }, text),
      more,
      wantsReason && reason,
      problem,
      h(
        'p',
        { class: 'buttons' },
        h('button', { type: 'button', class: 'control', onclick: () => dialog.close() }, 'Cancel'),
        go,
      ),
    ),
  );
  let outcome;
  async function submit(event) {
    event.preventDefault();
    go.disabled = true;
    try {
      outcome = await run({ reason: reason.value.trim() });
      dialog.close();
    } catch (failure) {
      setText(problem, sentence(failure.message));
      problem.hidden = false;
      go.disabled = false;
    }
  }
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(outcome);
    });
  });
}
