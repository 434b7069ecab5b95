import type { JSX } from 'preact';
import { choices, type ShopPreferences } from '../preferences.ts';
import type { Visitor } from '../visitor.ts';
import { Layout } from './layout.tsx';
import { PostForm } from './parts.tsx';

/** What the visitor prefers; each button takes effect at once. */
export function PreferencesPage(props: { visitor: Visitor; chosen: ShopPreferences }): JSX.Element {
  const { visitor, chosen } = props;
  const { preferences: texts } = visitor.locale.texts;
  return (
    <Layout title={texts.title} current="/preferences" look={visitor} visitor={visitor}>
      <h1>{texts.title}</h1>
      <p class="lead">{texts.lead}</p>
      <div class="card preferences">
        <Choice
          visitor={visitor}
          path="theme"
          label={texts.theme}
          current={chosen.theme}
          options={choices.theme.map((value) => [value, texts.themes[value]])}
        />
        <Choice
          visitor={visitor}
          path="language"
          label={texts.language}
          current={chosen.language}
          options={choices.language.map((value) => [value, texts.languages[value]])}
        />
        <Choice
          visitor={visitor}
          path="list.itemsPerPage"
          label={texts.itemsPerPage}
          current={String(chosen.list.itemsPerPage)}
          options={choices['list.itemsPerPage'].map((value) => [String(value), String(value)])}
        />
      </div>
      <PostForm visitor={visitor} action="/preferences/reset">
        <button type="submit" class="quiet">
          {texts.reset}
        </button>
      </PostForm>
    </Layout>
  );
}

function Choice(props: {
  visitor: Visitor;
  path: keyof typeof choices;
  label: string;
  current: string;
  options: readonly (readonly [value: string, label: string])[];
}): JSX.Element {
  const { visitor, path, label, current, options } = props;
  const id = `choice-${path.replace('.', '-')}`;
  return (
    <PostForm visitor={visitor} action="/preferences" class="preference">
      <input type="hidden" name="path" value={path} />
      <h2 id={id}>{label}</h2>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out in the row of its legend. */}
      <div class="segments" role="group" aria-labelledby={id}>
        {options.map(([value, text]) => (
          <button
            key={value}
            type="submit"
            name="value"
            value={value}
            aria-pressed={value === current}
          >
            {text}
          </button>
        ))}
      </div>
    </PostForm>
  );
}
