import type { JSX } from 'preact';
import { STREAM_PATH } from '../routes/session-stream.ts';
import type { SessionFacts } from '../session-facts.ts';
import type { Visitor } from '../visitor.ts';
import { Layout } from './layout.tsx';
import { LiveSession } from './live-session.tsx';
import { Empty, PostForm } from './parts.tsx';

/** The session as the server sees it. */
export function SessionPage(props: {
  visitor: Visitor;
  facts: SessionFacts | undefined;
  /** Whether changes can be followed. */
  isLive: boolean;
}): JSX.Element {
  const { visitor, facts, isLive } = props;
  const { session } = visitor.locale.texts;
  return (
    <Layout
      title={session.title}
      current="/session"
      look={visitor}
      visitor={visitor}
      {...(facts && isLive && { script: '/session.js' })}
    >
      <h1>{session.title}</h1>
      {facts ? (
        <>
          <p class="lead">{session.lead}</p>
          {isLive ? <Status visitor={visitor} /> : <p class="note">{session.notLive}</p>}
          <div
            id="live"
            data-stream={STREAM_PATH}
            data-live={session.live}
            data-paused={session.paused}
            data-ended={session.ended}
          >
            <LiveSession locale={visitor.locale} facts={facts} />
          </div>
          <Expiries visitor={visitor} />
        </>
      ) : (
        <Empty title={session.none} hint={session.noneHint} href="/" action={session.toShop} />
      )}
    </Layout>
  );
}

/** Without a script there is a link; with one, what the connection does. */
function Status({ visitor }: { visitor: Visitor }): JSX.Element {
  return (
    <p class="status">
      <span id="status" role="status" />
      <a id="refresh" href="/session">
        {visitor.locale.texts.session.refresh}
      </a>
    </p>
  );
}

function Expiries({ visitor }: { visitor: Visitor }): JSX.Element {
  const { keep, keepFor } = visitor.locale.texts.session;
  return (
    <PostForm class="choices" visitor={visitor} action="/session/expiry">
      <h2>{keep}</h2>
      {(['default', 'minutes', 'browser'] as const).map((value) => (
        <button key={value} type="submit" class="quiet" name="expiry" value={value}>
          {keepFor[value]}
        </button>
      ))}
    </PostForm>
  );
}
