/*
 * A figure that stays as it is. Behind feed.js, elements.js and chart.js.
 */

/** A figure without a run: drawn once, and again when the page's theme or width changes. */
class FigureView {
  constructor(parent) {
    this.plot = element("div", { class: "lr-figure", role: "img" });
    this.problem = element("p", { class: "lr-message", role: "alert" });
    this.problem.hidden = true;
    this.root = element("section", { class: "lr-root" }, this.problem, this.plot);
    parent.append(this.root);
    this.resizing = new ResizeObserver(() => this.#draw());
    this.resizing.observe(this.root);
  }

  async update({ data }) {
    this.data = data;
    this.plot.setAttribute("aria-label", data.label);
    this.plot.style.height = `${data.figure.layout.height}px`;
    try {
      this.Plotly = await loadPlotly(data.plotly);
      this.problem.hidden = true;
    } catch {
      setText(this.problem, NO_PLOTLY);
    }
    this.#draw();
  }

  #draw() {
    const width = Math.floor(this.root.clientWidth);
    if (!this.Plotly || !width) return;
    const { figure, palettes, classes } = this.data;
    const theme = readTheme(this.root);
    const drawn = JSON.stringify([figure, theme, width]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const { aspect } = figure.layout.meta ?? {};
    const height = aspect ? Math.min(figure.layout.height, aspect * width) : figure.layout.height;
    this.plot.style.height = `${height}px`;
    const font = { ...figure.layout.font, color: theme.text, family: theme.font };
    const axis = { color: theme.text, gridcolor: fade(theme.text, 0.13) };
    this.Plotly.react(
      this.plot,
      figure.data.map((trace) => this.#recolored(trace, theme, palettes[theme.mode], classes[theme.mode])),
      {
        ...figure.layout,
        width,
        height,
        font,
        xaxis: { ...figure.layout.xaxis, ...axis },
        yaxis: { ...figure.layout.yaxis, ...axis },
      },
      { displayModeBar: false },
    );
  }

  #recolored(trace, theme, palette, classes) {
    const { color: role, class: place } = trace.meta ?? {};
    const color = role ? palette[role] : classes[place % classes.length];
    if (!color) return trace;
    const part = trace.line ? "line" : "marker";
    const recolored = { ...trace, [part]: { ...trace[part], color } };
    // Colours stand out from the ground, and so what is written on them is as light or dark as it.
    if (trace.textposition === "inside") recolored.textfont = { ...trace.textfont, color: theme.background };
    return recolored;
  }

  destroy() {
    this.resizing.disconnect();
    this.Plotly?.purge(this.plot);
    this.root.remove();
  }
}
