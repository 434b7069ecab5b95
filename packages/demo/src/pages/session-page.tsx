import type { JSX } from 'preact';
import type { Visitor } from '../shop-context.ts';
import { Layout } from './layout.tsx';

/** What the page shows of a session; never the whole key. */
export interface SessionFacts {
  readonly maskedKey: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly ageInSeconds: number;
  readonly expiresAt: Date;
  readonly endsWithBrowser: boolean;
}

/** The session as the server sees it. */
export function SessionPage(props: {
  visitor: Visitor;
  facts: SessionFacts | undefined;
}): JSX.Element {
  const { visitor, facts } = props;
  return (
    <Layout title="Your session" current="/session" visitor={visitor}>
      {facts ? (
        <Facts facts={facts} />
      ) : (
        <p class="lead">
          You have none: nothing is stored about you and your browser holds no cookie. Put something
          into the <a href="/">cart</a> and come back.
        </p>
      )}
    </Layout>
  );
}

function Facts({ facts }: { facts: SessionFacts }): JSX.Element {
  const { maskedKey, data, ageInSeconds, expiresAt, endsWithBrowser } = facts;
  const iso = expiresAt.toISOString();
  return (
    <>
      <dl class="card stub">
        <div>
          <dt>Key</dt>
          <dd>
            <code>{maskedKey}</code>
          </dd>
        </div>
        <div>
          <dt>Expires at</dt>
          <dd>
            <time dateTime={iso}>{iso.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')}</time>
          </dd>
        </div>
        <div>
          <dt>Seconds from now</dt>
          <dd>{ageInSeconds}</dd>
        </div>
        <div>
          <dt>Ends with the browser</dt>
          <dd>{endsWithBrowser ? 'yes' : 'no'}</dd>
        </div>
        <div>
          <dt>Data</dt>
          <dd>
            <pre>{JSON.stringify(data, null, 2)}</pre>
          </dd>
        </div>
      </dl>
      <form class="choices" method="post" action="/session/expiry">
        <h2 id="keep">Keep it</h2>
        <button type="submit" class="quiet" name="expiry" value="default">
          for two weeks
        </button>
        <button type="submit" class="quiet" name="expiry" value="minutes">
          for five minutes
        </button>
        <button type="submit" class="quiet" name="expiry" value="browser">
          until the browser closes
        </button>
      </form>
    </>
  );
}
