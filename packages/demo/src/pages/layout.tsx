import type { ComponentChildren, JSX } from 'preact';
import type { Visitor } from '../shop-context.ts';

/** The frame of every page. Without a visitor it shows nothing that needs a session. */
export function Layout(props: {
  title: string;
  current?: string;
  visitor?: Visitor;
  children: ComponentChildren;
}): JSX.Element {
  const { title, current, visitor, children } = props;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · The Cloakroom`}</title>
        <link rel="stylesheet" href="/style.css" />
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
      </head>
      <body>
        <a class="skip" href="#content">
          Skip to the content
        </a>
        <header class="top">
          <a class="brand" href="/">
            <span class="ticket" aria-hidden="true">
              No 42
            </span>
            The Cloakroom
          </a>
          <nav aria-label="Main">
            <NavLink href="/" current={current}>
              Shop
            </NavLink>
            <NavLink href="/cart" current={current}>
              Cart
              {visitor && visitor.pieces > 0 ? <span class="count">{visitor.pieces}</span> : null}
            </NavLink>
            <NavLink href="/session" current={current}>
              Session
            </NavLink>
            {visitor ? <Account visitor={visitor} current={current} /> : null}
          </nav>
        </header>
        <main id="content">
          <h1>{title}</h1>
          {children}
        </main>
        <footer>
          <p>A demo of Coatcheck: the browser keeps the ticket, the server keeps the coat.</p>
        </footer>
      </body>
    </html>
  );
}

function NavLink(props: {
  href: string;
  current: string | undefined;
  children: ComponentChildren;
}): JSX.Element {
  const { href, current, children } = props;
  return (
    <a href={href} aria-current={href === current ? 'page' : undefined}>
      {children}
    </a>
  );
}

function Account(props: { visitor: Visitor; current: string | undefined }): JSX.Element {
  const { user } = props.visitor;
  if (!user) {
    return (
      <NavLink href="/login" current={props.current}>
        Log in
      </NavLink>
    );
  }
  return (
    <form class="account" method="post" action="/logout">
      <span>{user.name}</span>
      <button type="submit" class="quiet">
        Log out
      </button>
    </form>
  );
}
