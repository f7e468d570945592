/*
 * How Streamlit's calls reach a component's views.
 *
 * Streamlit calls the default export at the first mount, and again whenever the data or the theme changes.
 * Each call is answered by the same view, found by its parent element; nothing that is already on the screen
 * is made anew.
 */

const SETTLE = 100; // milliseconds a view waits for its return before it is torn down

/** Return the function that Streamlit calls; `views` has a class for each `data.part`. */
function mounting(views) {
  return (component) => {
    const { parentElement, data } = component;
    let entry = registry.views.get(parentElement);
    if (!entry) {
      entry = { view: new views[data.part](parentElement), calls: 0 };
      registry.views.set(parentElement, entry);
    }
    entry.calls += 1;
    entry.view.update(component);

    // Streamlit may clean up after a call that a later one has already replaced: only the last one counts.
    const call = entry.calls;
    return () => {
      setTimeout(() => {
        if (entry.calls !== call || registry.views.get(parentElement) !== entry) return;
        registry.views.delete(parentElement);
        entry.view.destroy();
      }, SETTLE);
    };
  };
}
