import type { JSX } from 'preact';
import { demoLogins } from '../users.ts';
import type { Visitor } from '../visitor.ts';
import { Layout } from './layout.tsx';
import { PostForm } from './parts.tsx';

/** Where visitors say who they are. */
export function LoginPage(props: {
  visitor: Visitor;
  /** Where to go then; empty: nowhere in particular. */
  next: string;
  /** The name with which it failed. */
  failed?: string;
}): JSX.Element {
  const { visitor, next, failed } = props;
  const { login } = visitor.locale.texts;
  const problem =
    failed === undefined ? {} : { 'aria-describedby': 'login-error', 'aria-invalid': true };
  return (
    <Layout title={login.title} current="/login" look={visitor} visitor={visitor}>
      <h1>{login.title}</h1>
      {visitor.user ? <p class="lead">{login.already(visitor.user.name)}</p> : null}
      <div class="columns">
        <PostForm visitor={visitor} class="card stacked" action="/login">
          {failed === undefined ? null : (
            <p class="message error" role="alert" id="login-error">
              {login.failed}
            </p>
          )}
          {next ? <input type="hidden" name="next" value={next} /> : null}
          <label for="username">{login.name}</label>
          <input
            id="username"
            name="username"
            value={failed}
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            required
            {...problem}
          />
          <label for="password">{login.password}</label>
          <input
            id="password"
            name="password"
            type="password"
            autocomplete="current-password"
            required
            {...problem}
          />
          <label class="choice">
            <input type="checkbox" name="remember" value="yes" aria-describedby="remember-hint" />
            <span>{login.remember}</span>
          </label>
          <p class="hint" id="remember-hint">
            {login.rememberHint}
          </p>
          <button type="submit">{login.submit}</button>
        </PostForm>
        <section class="note" aria-labelledby="guests">
          <h2 id="guests">{login.guests}</h2>
          <p>{login.guestsHint}</p>
          <dl class="facts">
            {demoLogins.map(({ username, password }) => (
              <div key={username}>
                <dt>{username}</dt>
                <dd>
                  <code>{password}</code>
                </dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
    </Layout>
  );
}
