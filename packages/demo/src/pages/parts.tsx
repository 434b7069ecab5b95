import type { ComponentChildren, JSX } from 'preact';
import type { Visitor } from '../visitor.ts';

/** A form that changes something. Each has a token, unless `isFirst`: a visitor without a session needs none. */
export function PostForm(props: {
  visitor: Visitor;
  action: string;
  class?: string;
  isFirst?: boolean;
  children: ComponentChildren;
}): JSX.Element {
  const { visitor, action, isFirst = false, children } = props;
  return (
    <form method="post" action={action} class={props.class}>
      {isFirst && !visitor.hasSession ? null : (
        <input type="hidden" name="csrfmiddlewaretoken" value={visitor.csrfToken()} />
      )}
      {children}
    </form>
  );
}

/** A cloakroom ticket with a number on it. */
export function Ticket(props: { number: string; label: string }): JSX.Element {
  return (
    <p class="ticket-large">
      <span>{props.label}</span>
      <strong>{props.number}</strong>
    </p>
  );
}

/** What a page says where there is nothing to show. */
export function Empty(props: {
  title: string;
  hint: string;
  href: string;
  action: string;
}): JSX.Element {
  return (
    <div class="card empty">
      <svg viewBox="0 0 64 48" aria-hidden="true" focusable="false">
        <path d="M32 16v-3a5 5 0 1 0-5-5" />
        <path d="M32 16 6 34a3 3 0 0 0 2 6h48a3 3 0 0 0 2-6z" />
      </svg>
      <p class="lead">{props.title}</p>
      <p>{props.hint}</p>
      <a class="button" href={props.href}>
        {props.action}
      </a>
    </div>
  );
}

/** A mark for what is done. */
export function Check(): JSX.Element {
  return (
    <svg class="check" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d="m3 8.5 3.5 3.5L13 4.5" />
    </svg>
  );
}
