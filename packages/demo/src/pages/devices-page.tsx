import type { AccountSession } from '@coatcheck/core';
import type { JSX } from 'preact';
import { browserName } from '../browser-name.ts';
import type { Visitor } from '../visitor.ts';
import { Layout } from './layout.tsx';
import { PostForm } from './parts.tsx';

/** Where the account is logged in. */
export function DevicesPage(props: {
  visitor: Visitor;
  devices: readonly AccountSession[];
}): JSX.Element {
  const { visitor, devices } = props;
  const { devices: texts } = visitor.locale.texts;
  return (
    <Layout title={texts.title} current="/devices" look={visitor} visitor={visitor}>
      <h1>{texts.title}</h1>
      <p class="lead">{texts.lead}</p>
      <ul class="card devices">
        {devices.map((device) => (
          <Device key={device.handle} device={device} visitor={visitor} />
        ))}
      </ul>
      {devices.length > 1 ? (
        <PostForm visitor={visitor} action="/devices/end-others">
          <button type="submit">{texts.endOthers}</button>
        </PostForm>
      ) : (
        <p class="hint">{texts.onlyOne}</p>
      )}
    </Layout>
  );
}

function Device(props: { device: AccountSession; visitor: Visitor }): JSX.Element {
  const { device, visitor } = props;
  const { texts, time } = visitor.locale;
  const { handle, isCurrent, address, userAgent, createdAt, lastSeenAt } = device;
  const name = browserName(userAgent) ?? texts.devices.unknownBrowser;
  return (
    <li class="device">
      <DeviceIcon isPhone={/iPhone|Android/.test(name)} />
      <div>
        <h2>
          {name} {isCurrent ? <span class="badge">{texts.devices.current}</span> : null}
        </h2>
        <dl class="inline">
          <div>
            <dt>{texts.devices.lastSeen}</dt>
            <dd>
              <time dateTime={lastSeenAt.toISOString()}>{time(lastSeenAt)}</time>
            </dd>
          </div>
          <div>
            <dt>{texts.devices.since}</dt>
            <dd>
              <time dateTime={createdAt.toISOString()}>{time(createdAt)}</time>
            </dd>
          </div>
          <div>
            <dt>{texts.devices.address}</dt>
            <dd>{address ?? texts.devices.unknownAddress}</dd>
          </div>
        </dl>
      </div>
      {isCurrent ? null : (
        <PostForm visitor={visitor} action="/devices/end">
          <button
            type="submit"
            class="quiet"
            name="device"
            value={handle}
            aria-label={texts.devices.endNamed(name)}
          >
            {texts.devices.end}
          </button>
        </PostForm>
      )}
    </li>
  );
}

function DeviceIcon({ isPhone }: { isPhone: boolean }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      {isPhone ? (
        <path d="M11 4h10a2 2 0 0 1 2 2v20a2 2 0 0 1-2 2H11a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zM14 24h4" />
      ) : (
        <path d="M6 6h20a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2zM12 27h8M16 22v5" />
      )}
    </svg>
  );
}
