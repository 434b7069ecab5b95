import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** How a script is run. */
export interface PythonOptions {
  /** Arguments of the script, as it finds them in `sys.argv`. */
  readonly args?: readonly string[];
  /** Variables beyond those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Where scripts find `line_protocol`, which serves their functions. */
const modules = fileURLToPath(new URL('../python', import.meta.url));

/**
 * A Python script that runs as long as the tests need it and whose functions they call. It has
 * `from line_protocol import serve` and ends in `serve(function, …)`; its end is that of its input, at the latest
 * when this process ends.
 */
export class PythonProcess {
  readonly #process: ChildProcess;
  readonly #waiting: { resolve(answer: Answer): void; reject(error: Error): void }[] = [];
  #log = '';
  #ended: Error | undefined;

  /** Starts `python script`; its standard error is kept for error messages. */
  constructor(python: string, script: string, { args = [], env = {} }: PythonOptions = {}) {
    const path = [modules, env.PYTHONPATH].filter(Boolean).join(':');
    this.#process = spawn(python, ['-B', script, ...args], {
      env: { ...process.env, PYTHONUTF8: '1', ...env, PYTHONPATH: path },
    });
    const { stdin, stdout, stderr } = this.#process;
    if (!stdin || !stdout || !stderr) throw new Error('A pipe to Python is missing.');
    stderr.on('data', (chunk) => {
      this.#log = `${this.#log}${chunk}`.slice(-10_000);
    });
    // A broken pipe is its end, of which 'close' tells more.
    stdin.on('error', () => {});
    createInterface({ input: stdout }).on('line', (line) => {
      this.#waiting.shift()?.resolve(JSON.parse(line));
    });
    this.#process.once('error', (error) => this.#end(error));
    this.#process.once('close', (code, signal) => {
      this.#end(new Error(`${script} ended (${signal ?? code}) with: ${this.#log}`));
    });
  }

  /** What the function of the script returns. Calls are answered in their order. @throws {Error} what it raises */
  async call<Result>(name: string, parameters: object = {}): Promise<Result> {
    if (this.#ended) throw this.#ended;
    const answered = new Promise<Answer>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
    this.#process.stdin?.write(`${JSON.stringify([name, parameters])}\n`);
    const answer = await answered;
    if (answer.error !== undefined) throw new Error(`${name} raised: ${answer.error}`);
    return answer.result as Result;
  }

  /** Lets the script end by itself. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    const closed = once(this.#process, 'close');
    this.#process.stdin?.end();
    await closed;
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }
}

interface Answer {
  readonly result?: unknown;
  readonly error?: string;
}
