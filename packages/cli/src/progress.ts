import type { CommandContext } from './command-context.ts';

const BAR_WIDTH = 30;
const DRAW_EVERY_MS = 100;
/** Where nobody watches, a log gets a line this often. */
const LINE_EVERY_MS = 10_000;

/** How far a long command is: a bar on a terminal, else a line now and then; on stderr. */
export class Progress {
  readonly #context: CommandContext;
  readonly #doing: string;
  readonly #total: number | undefined;
  #shownAt: number;
  #isDrawn = false;

  /** @param doing what is being done, such as `removed`. @param total how much there is to do, where that is known. */
  constructor(context: CommandContext, doing: string, total?: number) {
    this.#context = context;
    this.#doing = doing;
    this.#total = total;
    // A bar at once, the first line after a while: what is quick says nothing.
    this.#shownAt = context.isTerminal ? 0 : this.#nowMs();
  }

  show(done: number): void {
    const { isTerminal } = this.#context;
    const now = this.#nowMs();
    if (now - this.#shownAt < (isTerminal ? DRAW_EVERY_MS : LINE_EVERY_MS)) return;
    this.#shownAt = now;
    this.#context.report(isTerminal ? `\r${this.#bar(done)}\u001b[K` : `${this.#line(done)}\n`);
    this.#isDrawn = isTerminal;
  }

  /** Removes the bar, so that the result stands where it was. */
  end(): void {
    if (this.#isDrawn) this.#context.report('\r\u001b[K');
    this.#isDrawn = false;
  }

  #bar(done: number): string {
    const total = this.#total;
    if (!total) return this.#line(done);
    const share = Math.min(1, done / total);
    const filled = Math.floor(share * BAR_WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
    return `${bar} ${Math.floor(share * 100)} %  ${this.#line(done)}`;
  }

  #line(done: number): string {
    const of = this.#total ? ` of ${this.#total}` : '';
    return `${this.#doing} ${done}${of}`;
  }

  #nowMs(): number {
    return this.#context.now().getTime();
  }
}
