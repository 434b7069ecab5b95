import { STATUS_CODES } from 'node:http';
import type { JSX } from 'preact';
import type { Look } from '../look.ts';
import { Layout } from './layout.tsx';
import { Ticket } from './parts.tsx';

/** What visitors see when something went wrong. */
export function ErrorPage(props: {
  look: Look;
  status: number;
  message: string;
  /** What helps developers more than visitors. */
  reason?: string | undefined;
}): JSX.Element {
  const { look, status, message, reason } = props;
  const { errors } = look.locale.texts;
  const title = errors.titles[status] ?? STATUS_CODES[status] ?? String(status);
  return (
    <Layout title={title} look={look}>
      <div class="centred">
        <Ticket label="No" number={String(status)} />
        <h1>{title}</h1>
        <p class="lead">{message}</p>
        {reason ? (
          <p class="reason">
            {errors.reason}: <code>{reason}</code>
          </p>
        ) : null}
        <p>
          <a class="button" href="/">
            {errors.back}
          </a>
        </p>
      </div>
    </Layout>
  );
}
