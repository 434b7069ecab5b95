import type { JSX } from 'preact';
import type { LoggedEvent } from '../event-log.ts';
import type { SessionFacts } from '../session-facts.ts';
import type { Locale } from '../texts/texts.ts';

/** The part of the session's page that changes with the session. */
export function LiveSession({
  locale,
  facts,
}: {
  locale: Locale;
  facts: SessionFacts;
}): JSX.Element {
  const { session } = locale.texts;
  const { digest, data, ageInSeconds, expiresAt, endsWithBrowser, events } = facts;
  return (
    <div class="inspector">
      <section class="card stub" aria-label={session.title}>
        <dl class="facts">
          <div>
            <dt>{session.digest}</dt>
            <dd>
              <code>{digest}</code>
              <p class="hint">{session.digestHint}</p>
            </dd>
          </div>
          <div>
            <dt>{session.expiresAt}</dt>
            <dd>
              <time dateTime={expiresAt.toISOString()}>{locale.time(expiresAt)}</time>
            </dd>
          </div>
          <div>
            <dt>{session.seconds}</dt>
            <dd>{ageInSeconds}</dd>
          </div>
          <div>
            <dt>{session.withBrowser}</dt>
            <dd>{endsWithBrowser ? session.yes : session.no}</dd>
          </div>
        </dl>
        <h2>{session.data}</h2>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard. */}
        <pre tabIndex={0}>{JSON.stringify(data, null, 2)}</pre>
      </section>
      <section class="card events" aria-labelledby="events">
        <h2 id="events">{session.events}</h2>
        {events.length === 0 ? <p class="hint">{session.noEvents}</p> : null}
        <ol reversed>
          {events.map((event, index) => (
            <EventRow key={index} event={event} locale={locale} />
          ))}
        </ol>
      </section>
    </div>
  );
}

function EventRow({ event, locale }: { event: LoggedEvent; locale: Locale }): JSX.Element {
  const { rows, attempts } = locale.texts.session;
  const { name, at, commits } = event;
  return (
    <li class={`event ${name}`}>
      <span>
        {rows[name] ?? name}
        {commits === undefined ? null : (
          <span class="hint"> {attempts(event.attempts ?? 1, commits)}</span>
        )}
      </span>
      <time dateTime={at.toISOString()}>{locale.clock(at)}</time>
    </li>
  );
}
