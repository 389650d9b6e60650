// Tabs over parts of a page: one shown at a time, by click, by arrow keys, and by the address.

/**
 * Makes a tab list work. `shown(name)` hears which part is shown. Without this script all parts
 * stand below each other.
 */
export function makeTabs(list, shown = () => {}) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  // No part has the address's own name, or the browser would scroll to it.
  const panel = (tab) => document.getElementById(`panel-${tab.dataset.tab}`);

  function choose(tab, { focus = false, silent = false } = {}) {
    for (const one of tabs) {
      const chosen = one === tab;
      one.setAttribute("aria-selected", String(chosen));
      one.tabIndex = chosen ? 0 : -1;
      panel(one).hidden = !chosen;
    }
    if (focus) tab.focus();
    if (!silent) history.replaceState(null, "", `#${tab.dataset.tab}`);
    shown(tab.dataset.tab);
  }

  for (const tab of tabs) {
    panel(tab).setAttribute("role", "tabpanel");
    panel(tab).setAttribute("aria-labelledby", tab.id);
    tab.addEventListener("click", () => choose(tab));
  }

  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    choose(tabs[(to + tabs.length) % tabs.length], { focus: true });
  });

  const named = (hash) => tabs.find((tab) => `#${tab.dataset.tab}` === hash);
  addEventListener("hashchange", () => named(location.hash) && choose(named(location.hash)));
  list.hidden = false;
  choose(named(location.hash) ?? tabs[0], { silent: true });
}
