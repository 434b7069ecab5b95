// Keeps the page of the session up to date; without it, the page has a link that loads it again.
const live = document.getElementById('live');
const status = document.getElementById('status');
const { stream, live: isLive, paused, ended } = live.dataset;

const source = new EventSource(stream);
source.addEventListener('session', ({ data }) => {
  const isRead = live.contains(document.activeElement);
  live.innerHTML = JSON.parse(data).html;
  // The data can be scrolled by keyboard, and go on being so.
  if (isRead) live.querySelector('pre').focus({ preventScroll: true });
  show('live', isLive);
});
source.addEventListener('ended', () => {
  source.close();
  show('ended', ended);
});
source.addEventListener('error', () => show('paused', paused));
// A connection that stays open would keep the page from being left behind.
addEventListener('pagehide', () => source.close());
// A browser that kept the page nevertheless shows what was, perhaps from before a logout.
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());

function show(state, text) {
  document.getElementById('refresh').hidden = state === 'live';
  status.dataset.state = state;
  if (status.textContent !== text) status.textContent = text;
}
