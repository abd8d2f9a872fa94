import { h } from './dom.js';

/** Milliseconds after the last keystroke. */
const TYPING_PAUSE = 250;

/**
 * A field to search with. It tells what was typed after a pause.
 *
 * @param {{ label: string, placeholder: string, onSearch: (words: string) => void }} options
 */
export function createSearchBox({ label, placeholder, onSearch }) {
  let typing;
  const root = h('input', {
    class: 'control',
    type: 'search',
    placeholder,
    'aria-label': label,
    maxlength: 200,
    spellcheck: 'false',
    autocomplete: 'off',
    oninput() {
      clearTimeout(typing);
      typing = setTimeout(() => onSearch(root.value.trim()), TYPING_PAUSE);
    },
  });
  return {
    root,
    /** What the address says, unless a person is typing. */
    show(words) {
      if (document.activeElement !== root || words === '') root.value = words;
    },
    leave: () => clearTimeout(typing),
  };
}
