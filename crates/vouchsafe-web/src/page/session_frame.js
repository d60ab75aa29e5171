'use strict';
(() => {
  const { frame: url, origin, check, pause, silence, checks, patience } = document.body.dataset;
  let { message } = document.body.dataset;
  if (!url) return;

  // Where the browser keeps the provider's cookies from its frame, the frame always says `changed`. It is believed in a browser in
  // which it once said `unchanged`.
  const KEY = 'vouchsafe-session-frame', WORKS = 'works';
  const memory = (act) => { try { return act(localStorage); } catch { return null; } };
  const remembered = () => memory((store) => store.getItem(KEY));
  const remember = (value) => memory((store) => store.setItem(KEY, value));
  const useless = () => `useless for ${message}`;
  if (check && remembered() === useless()) return;

  const framed = (src) => {
    const frame = document.createElement('iframe');
    frame.hidden = true;
    frame.src = src;
    document.body.append(frame);
    return frame;
  };
  const provider = framed(url);
  let timer, status, unanswered = 0, confirmed = 0, asking = false;

  const stop = () => clearInterval(timer);
  const ask = () => {
    if (asking) return;
    if (++unanswered > silence) return stop();
    provider.contentWindow.postMessage(message, origin);
  };
  provider.addEventListener('load', () => { timer ??= setInterval(ask, pause); ask(); });

  // The page around this one hears of it, and can prevent the next step.
  const tell = (now) => {
    if (now === status) return true;
    status = now;
    return parent.dispatchEvent(new parent.CustomEvent('vouchsafe:session', { detail: now, cancelable: true }));
  };

  addEventListener('message', (event) => {
    if (event.origin !== origin || event.source !== provider.contentWindow || asking) return;
    unanswered = 0;
    if (event.data === 'unchanged') {
      confirmed = 0;
      remember(WORKS);
      tell('unchanged');
    } else if (event.data === 'changed') {
      tell('changed');
      if (check) confirm();
    } else {
      stop();
      tell('error');
    }
  });

  // Asks with `prompt=none` who is signed in now.
  const confirm = () => {
    if (confirmed >= checks) {
      stop();
      remember(useless());
      return;
    }
    confirmed += 1;
    asking = true;
    const question = framed(remembered() === WORKS ? check : `${check}?trial=1`);
    const end = ({ session, message: next }) => {
      clearTimeout(limit);
      question.remove();
      asking = false;
      if (session === 'same' && next) {
        message = next;
      } else {
        stop();
        if (session === 'kept') remember(useless());
        if (session === 'ended') {
          memory((store) => store.removeItem(KEY));
          // By GET, and without a fragment, so that the page is loaded again.
          if (tell('ended')) parent.location.replace(parent.location.pathname + parent.location.search);
        }
      }
    };
    const limit = setTimeout(() => end({}), patience);
    question.addEventListener('load', () => {
      // Pages of the provider cannot be read: the answer comes after them.
      const answer = question.contentDocument?.body?.dataset;
      if (answer?.session) end(answer);
    });
  };
})();
