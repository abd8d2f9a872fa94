import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

/** Questions to a person at a terminal. */
export interface Dialogue {
  /** Which of several; the first if the person just presses Enter. @returns its place in the list */
  choose(question: string, choices: readonly string[]): Promise<number>;
  /** A text that is not shown while it is typed; empty if the person has none. */
  secret(question: string): Promise<string>;
}

/** Asks on stderr, since stdout is for what was asked for. @param signal ends the question */
export function dialogueOn(input: NodeJS.ReadStream, output: NodeJS.WriteStream, signal: AbortSignal): Dialogue {
  const ask = async (question: string, isHidden: boolean): Promise<string> => {
    let shows = true;
    const echo = new Writable({
      write(chunk: Buffer, _encoding, done) {
        if (shows) output.write(chunk);
        done();
      },
    });
    const lines = createInterface({ input, output: echo, terminal: true });
    try {
      const answer = lines.question(question, { signal });
      shows = !isHidden;
      return (await answer).trim();
    } finally {
      lines.close();
      if (isHidden) output.write('\n');
    }
  };
  return {
    async choose(question, choices) {
      const listed = choices.map((choice, index) => `  ${index + 1}  ${choice}\n`).join('');
      for (;;) {
        const answer = await ask(`${question}\n${listed}[1] `, false);
        const number = answer === '' ? 1 : Number(answer);
        if (Number.isInteger(number) && number >= 1 && number <= choices.length) return number - 1;
      }
    },
    secret: (question) => ask(question, true),
  };
}
