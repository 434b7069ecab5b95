import type { ComponentChildren, JSX } from 'preact';

/** What was entered into a form, and what is wrong with it. */
export interface FieldContext {
  readonly values: Readonly<Record<string, string>>;
  readonly problems: ReadonlyMap<string, string>;
}

/** A line of text, with its label and what is wrong with it. */
export function TextField(props: {
  name: string;
  label: string;
  fields: FieldContext;
  autocomplete?: string;
  maxLength: number;
  isOptional?: boolean;
}): JSX.Element {
  const { name, label, fields, autocomplete, maxLength, isOptional = false } = props;
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        value={fields.values[name]}
        autocomplete={autocomplete}
        maxLength={maxLength}
        required={!isOptional}
        {...problemAttributes(name, fields)}
      />
      <Problem name={name} fields={fields} />
    </div>
  );
}

/** A choice from a list. */
export function SelectField(props: {
  name: string;
  label: string;
  fields: FieldContext;
  autocomplete?: string;
  empty: string;
  options: readonly (readonly [value: string, label: string])[];
}): JSX.Element {
  const { name, label, fields, autocomplete, empty, options } = props;
  const chosen = fields.values[name];
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <select
        id={name}
        name={name}
        autocomplete={autocomplete}
        required
        {...problemAttributes(name, fields)}
      >
        <option value="">{empty}</option>
        {options.map(([value, text]) => (
          <option key={value} value={value} selected={value === chosen}>
            {text}
          </option>
        ))}
      </select>
      <Problem name={name} fields={fields} />
    </div>
  );
}

/** One of a few, all of them in view. */
export function RadioField(props: {
  name: string;
  label: string;
  fields: FieldContext;
  options: readonly (readonly [value: string, label: ComponentChildren])[];
}): JSX.Element {
  const { name, label, fields, options } = props;
  return (
    <fieldset id={name} {...problemAttributes(name, fields)}>
      <legend>{label}</legend>
      {options.map(([value, text]) => (
        <label key={value} class="choice">
          <input
            type="radio"
            name={name}
            value={value}
            required
            checked={fields.values[name] === value}
          />
          <span>{text}</span>
        </label>
      ))}
      <Problem name={name} fields={fields} />
    </fieldset>
  );
}

/** Something to confirm; sent as `yes`. */
export function CheckField(props: {
  name: string;
  label: string;
  fields: FieldContext;
}): JSX.Element {
  const { name, label, fields } = props;
  return (
    <div class="field">
      <label class="choice">
        <input
          id={name}
          type="checkbox"
          name={name}
          value="yes"
          required
          checked={fields.values[name] === 'yes'}
          {...problemAttributes(name, fields)}
        />
        <span>{label}</span>
      </label>
      <Problem name={name} fields={fields} />
    </div>
  );
}

function Problem({ name, fields }: { name: string; fields: FieldContext }): JSX.Element | null {
  const problem = fields.problems.get(name);
  if (problem === undefined) return null;
  return (
    <p class="problem" id={`${name}-problem`}>
      {problem}
    </p>
  );
}

function problemAttributes(name: string, { problems }: FieldContext) {
  return problems.has(name)
    ? { 'aria-invalid': true as const, 'aria-describedby': `${name}-problem` }
    : {};
}
