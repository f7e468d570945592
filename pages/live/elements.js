/* Elements and the theme: what the scripts of the page's components have in common. */

// ---------------------------------------------------------------- elements

/** Make an element; strings become text, never markup. */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = text === "";
}

function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

function shape(path) {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(namespace, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

// ---------------------------------------------------------------- theme

/** Streamlit's colours and font as they are now at `node`, resolved to what Plotly understands. */
function readTheme(node) {
  const probe = element("span");
  probe.hidden = true;
  node.append(probe);
  const resolve = (variable, fallback) => {
    probe.style.color = `var(${variable}, ${fallback})`;
    return getComputedStyle(probe).color;
  };
  const theme = {
    background: resolve("--st-background-color", "#ffffff"),
    panel: resolve("--st-secondary-background-color", "#f5f5f5"),
    text: resolve("--st-text-color", "#31333f"),
    border: resolve("--st-border-color", "#d0d0d0"),
    font: getComputedStyle(node).fontFamily,
  };
  probe.remove();
  theme.mode = luminance(theme.background) < 0.5 ? "dark" : "light";
  return theme;
}

function channels(color) {
  return (color.match(/[\d.]+/g) ?? [255, 255, 255]).slice(0, 3).map(Number);
}

function luminance(color) {
  const [red, green, blue] = channels(color);
  return (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
}

function fade(color, opacity) {
  return `rgba(${channels(color).join(", ")}, ${opacity})`;
}

// ---------------------------------------------------------------- words

/** A class as a reader knows it: by its name, or by its number where it has none. */
function className(facts, index) {
  const name = facts?.class_names?.[index] ?? String(index);
  return /^\d+$/.test(name) ? `class ${name}` : name;
}

/** Text that Plotly shows as it is: it would take <a> and <b> for markup. */
function plainText(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
