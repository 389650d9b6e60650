// Live events that come back by themselves, with a word on whether they flow.

/**
 * Follows a stream. `handlers` maps event names to functions of (data, id); `onState(live)` hears
 * whether the stream is open. Gives a function that ends it.
 */
export function live(url, handlers, { onState = () => {} } = {}) {
  let source = null;
  let timer = 0;
  let delay = 1000;
  let ended = false;

  function open() {
    source = new EventSource(url);
    source.onopen = () => {
      delay = 1000;
      onState(true);
    };
    source.onerror = () => {
      onState(false);
      // The browser reconnects itself unless the server refused; then we try, ever more slowly.
      if (source.readyState === EventSource.CLOSED && !ended) {
        clearTimeout(timer);
        timer = setTimeout(open, delay);
        delay = Math.min(delay * 2, 30000);
      }
    };
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => handle(JSON.parse(event.data), event.lastEventId));
    }
  }

  open();
  return () => {
    ended = true;
    clearTimeout(timer);
    source.close();
  };
}
