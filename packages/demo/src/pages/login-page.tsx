import type { JSX } from 'preact';
import type { Visitor } from '../shop-context.ts';
import { demoLogins } from '../users.ts';
import { Layout } from './layout.tsx';

/** Where visitors say who they are. */
export function LoginPage(props: { visitor: Visitor; failed: boolean }): JSX.Element {
  const { visitor, failed } = props;
  return (
    <Layout title="Log in" current="/login" visitor={visitor}>
      <div class="columns">
        <form class="card stacked" method="post" action="/login">
          {failed ? (
            <p class="error" role="alert" id="login-error">
              That name and password do not belong together.
            </p>
          ) : null}
          <label for="username">Name</label>
          <input
            id="username"
            name="username"
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            required
            aria-describedby={failed ? 'login-error' : undefined}
          />
          <label for="password">Password</label>
          <input
            id="password"
            name="password"
            type="password"
            autocomplete="current-password"
            required
            aria-describedby={failed ? 'login-error' : undefined}
          />
          <button type="submit">Log in</button>
        </form>
        <section class="note" aria-labelledby="guests">
          <h2 id="guests">Guests for tonight</h2>
          <dl>
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
