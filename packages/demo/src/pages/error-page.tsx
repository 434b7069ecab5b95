import type { JSX } from 'preact';
import { Layout } from './layout.tsx';

/** What visitors see when something went wrong. */
export function ErrorPage(props: { title: string; message: string }): JSX.Element {
  return (
    <Layout title={props.title}>
      <p class="lead">{props.message}</p>
      <p>
        <a href="/">Back to the shop</a>
      </p>
    </Layout>
  );
}
