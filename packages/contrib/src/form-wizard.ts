import { SessionError, type SessionStore, settingsOf } from '@coatcheck/core';
import { reservedEntries } from './reserved-entries.ts';
import type { OutputOf, SchemaIssue, StandardSchema } from './standard-schema.ts';

export type { SchemaIssue, SchemaResult, StandardSchema } from './standard-schema.ts';

/** The steps of a form by name, in their order, each with the schema of its data. */
export type WizardSteps = Readonly<Record<string, StandardSchema>>;

/** What has been entered: valid data by step. */
export type WizardData<Steps extends WizardSteps> = {
  -readonly [Name in keyof Steps]: OutputOf<Steps[Name]>;
};

/** How far a visitor has come. */
export interface WizardState<Steps extends WizardSteps> {
  /** The step to show: the one that was chosen, else the first that is not complete; the last when all are. */
  readonly current: keyof Steps & string;
  /** The completed steps, in the order of the form. */
  readonly completed: readonly (keyof Steps & string)[];
  /** The steps that may be shown and submitted: the completed ones and the next. */
  readonly reachable: readonly (keyof Steps & string)[];
  /** Whether every step is complete. */
  readonly isComplete: boolean;
  readonly data: Partial<WizardData<Steps>>;
  /** When a step was last submitted; undefined before the first. */
  readonly updatedAt: Date | undefined;
}

/** What became of a submitted step. */
export type WizardResult<Steps extends WizardSteps> =
  | { readonly ok: true; readonly state: WizardState<Steps> }
  | { readonly ok: false; readonly issues: readonly SchemaIssue[] };

/** Somebody asked for a step that does not exist, or whose turn has not come; nothing was changed. */
export class WizardStepError extends SessionError {
  override readonly name = 'WizardStepError';
  /** The HTTP status with which Koa answers it. */
  readonly status = 400;
  /** Koa shows the message to the visitor. */
  readonly expose = true;
}

/** What the session holds of a wizard. */
interface Stored {
  readonly step?: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Seconds. */
  readonly updatedAt: number;
}

/** A form in several steps: what was entered lives in the session, so that it survives a closed tab and a login. */
export class FormWizard<Steps extends WizardSteps> {
  /** The entry of the session that holds it. */
  readonly entry: string;
  /** The names of the steps, in order. */
  readonly steps: readonly (keyof Steps & string)[];
  readonly #schemas: Steps;

  /** Made by {@link formWizard}. */
  constructor(name: string, schemas: Steps) {
    this.entry = `wizard_${name}`;
    this.steps = Object.keys(schemas);
    this.#schemas = schemas;
  }

  /** How far the visitor has come; a form that was never begun is at its first step. */
  state<Data extends object>(session: SessionStore<Data>): WizardState<Steps> {
    return this.#state(readStored(reservedEntries(session).get(this.entry)));
  }

  /**
   * Validates the input of a step and keeps it; what was entered for other steps stays, in other tabs too.
   *
   * @throws {WizardStepError} when there is no such step, or one before it is not complete
   */
  async submit<Data extends object>(
    session: SessionStore<Data>,
    step: string,
    input: unknown,
  ): Promise<WizardResult<Steps>> {
    this.#assertReachable(session, step);
    const schema = this.#schemas[step] as StandardSchema; // it is reachable
    const result = await schema['~standard'].validate(input);
    if (result.issues) return { ok: false, issues: result.issues };
    const updatedAt = Math.floor(settingsOf(session).now().getTime() / 1000);
    const stored = reservedEntries(session).change(this.entry, (before) => ({
      data: { ...readStored(before)?.data, [step]: result.value },
      updatedAt,
    }));
    return { ok: true, state: this.#state(readStored(stored)) };
  }

  /** Goes to a step that is complete, or to the next. @throws {WizardStepError} as `submit` does */
  goTo<Data extends object>(session: SessionStore<Data>, step: string): WizardState<Steps> {
    this.#assertReachable(session, step);
    const stored = reservedEntries(session).change(this.entry, (before) => {
      const found = readStored(before);
      return found && { ...found, step };
    });
    return this.#state(readStored(stored));
  }

  /**
   * The data of every step, as this request found it, and the end of the form: another one begins empty. Stores the
   * session before it returns, so that of two requests at once, a double click say, one gets the data; on signed
   * cookies both do.
   *
   * @param change what else of the session is to change with it, the cart say: stored in the same write, or not at all
   * @throws {WizardStepError} when a step is not complete, or another request has finished the form
   * @throws what `change` and `session.save()` throw; whatever it is, nothing that this request had not saved is stored
   */
  async finish<Data extends object>(
    session: SessionStore<Data>,
    change: (data: WizardData<Steps>) => void = () => {},
  ): Promise<WizardData<Steps>> {
    const state = this.state(session);
    if (!state.isComplete) {
      throw new WizardStepError(`The step "${state.current}" is not complete; submit it first.`);
    }
    const data = state.data as WizardData<Steps>; // every step is there
    reservedEntries(session).change(this.entry, (before) => {
      // Thrown where another request was faster, and refuses everything that this one wants to have stored.
      if (!this.#state(readStored(before)).isComplete) {
        throw new WizardStepError('The form has been finished or begun anew meanwhile.');
      }
      return undefined;
    });
    try {
      change(data);
      await session.save();
    } catch (error) {
      // Else the end of the request would try again, or store the half of it.
      session.modified = false;
      throw error;
    }
    return data;
  }

  /** Forgets what was entered. */
  clear<Data extends object>(session: SessionStore<Data>): void {
    reservedEntries(session).delete(this.entry);
  }

  #state(stored: Stored | undefined): WizardState<Steps> {
    const data = stored?.data ?? {};
    // What was stored before the form was changed does not count.
    const completed = this.steps.filter((name) => Object.hasOwn(data, name));
    const next = this.steps.find((name) => !completed.includes(name));
    const before = this.steps.slice(0, next === undefined ? undefined : this.steps.indexOf(next));
    const reachable = next === undefined ? before : [...before, next];
    const chosen = reachable.find((name) => name === stored?.step);
    return {
      current: chosen ?? (reachable.at(-1) as keyof Steps & string),
      completed,
      reachable,
      isComplete: next === undefined,
      data: Object.fromEntries(completed.map((name) => [name, data[name]])) as Partial<
        WizardData<Steps>
      >,
      updatedAt: stored && new Date(stored.updatedAt * 1000),
    };
  }

  #assertReachable<Data extends object>(session: SessionStore<Data>, step: string): void {
    if (!this.steps.includes(step)) {
      throw new WizardStepError(`There is no step of this name; there are ${list(this.steps)}.`);
    }
    const { reachable, current } = this.state(session);
    if (!reachable.includes(step)) {
      throw new WizardStepError(
        `The step "${step}" comes after "${reachable.at(-1) ?? current}"; complete that first.`,
      );
    }
  }
}

/**
 * Declares a form in several steps, once, next to its handlers. Several forms live side by side under their names.
 *
 * @param name letters, digits, `-` and `_`; the session's entry is `wizard_<name>`
 * @param steps schemas of Standard Schema 1 (zod, valibot, arktype …) by step; what they return is stored, and must
 *   survive JSON
 * @throws {TypeError} when the name or a step cannot be one
 */
export function formWizard<const Steps extends WizardSteps>(
  name: string,
  steps: Steps,
): FormWizard<Steps> {
  if (!/^[\w-]+$/.test(name)) {
    throw new TypeError('The name of a form wizard is made of letters, digits, "-" and "_".');
  }
  const names = Object.keys(steps);
  if (names.length === 0) throw new TypeError('A form wizard needs at least one step.');
  for (const step of names) {
    // Such names would come first, whatever the order in which they were written.
    if (/^\d+$/.test(step)) {
      throw new TypeError(`"${step}" cannot be the name of a step: begin it with a letter.`);
    }
    if (typeof steps[step]?.['~standard']?.validate !== 'function') {
      throw new TypeError(`The step "${step}" needs a schema of Standard Schema 1.`);
    }
  }
  return new FormWizard(name, steps);
}

/** What is stored, unless it is nothing that a wizard wrote. */
function readStored(value: unknown): Stored | undefined {
  const { step, data, updatedAt } = (value ?? {}) as Partial<Stored>;
  const isStored = typeof data === 'object' && data !== null && typeof updatedAt === 'number';
  if (!isStored) return undefined;
  return { data, updatedAt, ...(typeof step === 'string' && { step }) };
}

function list(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}
