// What axe-core does not look at: the width of the page, the edges in forced colours, and the stops of the tabulator.
window.checks = (() => {
  const FOCUSABLE = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]:not([tabindex="-1"])';
  const name = (element) => element.outerHTML.slice(0, 160);
  const isShown = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.disabled;
  let left, unseen;
  const focused = ({ target }) => {
    left.delete(target);
    const { outlineStyle, outlineWidth } = getComputedStyle(target);
    const isOutlined = outlineStyle === 'auto' || (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2);
    // The target of the link that skips to the content is no control.
    if (!isOutlined && target.tabIndex >= 0) unseen.add(target);
    // Nothing lies over it, and it is in the window.
    const { left: x, right, top, bottom } = target.getBoundingClientRect();
    if (right <= 0 || x >= innerWidth || bottom <= 0 || top >= innerHeight) unseen.add(target);
  };
  return {
    wide() {
      const page = document.documentElement;
      const over = page.scrollWidth - page.clientWidth;
      return over > 0 ? [`320: the page is ${over} pixels too wide`] : [];
    },
    edges() {
      const controls = [...document.querySelectorAll('button, input:not([type=hidden]), select, textarea, .button, .sign-in-choice')];
      const bare = controls.filter(isShown).filter((element) => {
        const { borderStyle, borderTopWidth, borderBottomWidth } = getComputedStyle(element);
        return borderStyle.includes('none') || parseFloat(borderTopWidth) < 1 || parseFloat(borderBottomWidth) < 1;
      });
      return bare.map((element) => `forced colours: no edge: ${name(element)}`);
    },
    begin() {
      // One button of a group of radio buttons is a stop.
      const stops = [...document.querySelectorAll(FOCUSABLE)].filter(isShown).filter((element) => element.type !== 'radio');
      [left, unseen] = [new Set(stops), new Set()];
      document.activeElement?.blur();
      document.addEventListener('focusin', focused);
      return stops.length;
    },
    end() {
      document.removeEventListener('focusin', focused);
      return [...left].map((element) => `not reached: ${name(element)}`).concat([...unseen].map((element) => `no focus seen: ${name(element)}`));
    },
  };
})();
