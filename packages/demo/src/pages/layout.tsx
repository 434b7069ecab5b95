import type { Message } from '@coatcheck/contrib/flash';
import type { ComponentChildren, JSX } from 'preact';
import type { Look } from '../look.ts';
import type { Visitor } from '../visitor.ts';
import { PostForm } from './parts.tsx';

/** The frame of every page. Without a visitor it shows nothing that needs a session. */
export function Layout(props: {
  title: string;
  look: Look;
  current?: string;
  visitor?: Visitor;
  script?: string;
  children: ComponentChildren;
}): JSX.Element {
  const { title, look, current, visitor, script, children } = props;
  const { texts, language } = look.locale;
  return (
    <html lang={language} data-theme={look.theme}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${title} · ${texts.brand}`}</title>
        <link rel="stylesheet" href="/base.css" />
        <link rel="stylesheet" href="/frame.css" />
        <link rel="stylesheet" href="/forms.css" />
        <link rel="stylesheet" href="/pages.css" />
        <link rel="stylesheet" href="/account.css" />
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        {script ? <script src={script} defer /> : null}
      </head>
      <body>
        <a class="skip" href="#content">
          {texts.skip}
        </a>
        <Header look={look} current={current} visitor={visitor} />
        <main id="content" tabIndex={-1}>
          {visitor ? <Messages visitor={visitor} /> : null}
          {children}
        </main>
        <footer>
          <p>{texts.footer}</p>
        </footer>
      </body>
    </html>
  );
}

function Header(props: {
  look: Look;
  current: string | undefined;
  visitor: Visitor | undefined;
}): JSX.Element {
  const { look, current, visitor } = props;
  const { brand, navigation } = look.locale.texts;
  const link = (href: string, children: ComponentChildren): JSX.Element => (
    <a href={href} aria-current={href === current ? 'page' : undefined}>
      {children}
    </a>
  );
  return (
    <header class="top">
      <a class="brand" href="/">
        <svg viewBox="0 0 44 28" aria-hidden="true" focusable="false">
          <path d="M2 2h40v7a5 5 0 0 0 0 10v7H2v-7A5 5 0 0 0 2 9z" />
          <text x="22" y="19">
            42
          </text>
        </svg>
        {brand}
      </a>
      <nav aria-label={navigation.label}>
        {link('/', navigation.shop)}
        {link('/cart', <Cart look={look} visitor={visitor} />)}
        {visitor?.user && visitor.listsDevices ? link('/devices', navigation.devices) : null}
        {link('/session', navigation.session)}
        {link('/preferences', navigation.preferences)}
      </nav>
      {visitor?.user ? (
        <PostForm class="account" action="/logout" visitor={visitor}>
          <span>
            <span class="visually-hidden">{navigation.loggedInAs} </span>
            {visitor.user.name}
          </span>
          <button type="submit" class="quiet small">
            {navigation.logOut}
          </button>
        </PostForm>
      ) : (
        <div class="account">
          <a class="button quiet small" href="/login">
            {navigation.logIn}
          </a>
        </div>
      )}
    </header>
  );
}

function Cart({ look, visitor }: { look: Look; visitor: Visitor | undefined }): JSX.Element {
  const { cart, pieces } = look.locale.texts.navigation;
  if (!visitor || visitor.pieces === 0) return <>{cart}</>;
  return (
    <>
      {cart}
      <span class="count" aria-hidden="true">
        {visitor.pieces}
      </span>
      <span class="visually-hidden">, {pieces(visitor.pieces)}</span>
    </>
  );
}

function Messages({ visitor }: { visitor: Visitor }): JSX.Element | null {
  const { messages, locale } = visitor;
  if (messages.length === 0) return null;
  return (
    <div role="status">
      <ul class="messages" aria-label={locale.texts.messages.label}>
        {messages.map((message, index) => (
          <MessageItem key={index} message={message} />
        ))}
      </ul>
    </div>
  );
}

function MessageItem({ message: { text, tags } }: { message: Message }): JSX.Element {
  return <li class={`message ${tags}`}>{text}</li>;
}
