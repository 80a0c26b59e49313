// The chart of a course: both scores over time, drawn with D3 from the values in the page.
// Pointing at a film, or moving to it by keyboard, says all that is known of it beside the chart.
"use strict";

const MARGIN = { left: 40, right: 14 };
const HEIGHTS = { geographic_extent: 210, opacity: 150 };
const LANE = 20;
const STRIP = 20; // of verdicts, below each score
const TITLE = 26; // above each score
const TICKS = 36;
const APART = 12; // between marks of films of one time, in pixels
const SIZE = 62; // of a mark, in square pixels
const SHAPES = {
  "PA": d3.symbolCircle,
  "AP": d3.symbolSquare,
  "AP supine": d3.symbolDiamond,
  "unknown": d3.symbolWye,
};
const VERDICTS = {
  "worse": "M0,-5.5 5.5,4.5 -5.5,4.5Z",
  "better": "M0,5.5 5.5,-4.5 -5.5,-4.5Z",
  "unchanged": "M-5,-3.6H5V-1.2H-5ZM-5,1.2H5V3.6H-5Z",
  "cannot tell": "M0,-4.5 4.5,0 0,4.5 -4.5,0Z",
};

class CourseChart {
  constructor(place) {
    this.place = d3.select(place);
    this.values = JSON.parse(document.getElementById(place.dataset.chart).textContent);
    this.texts = this.values.texts;
    this.current = this.values.films.length - 1;
    this.place.html("");
    this.legend();
    this.told = this.place.append("div").attr("class", "told").attr("id", `${place.id}-told`);
    this.svg = this.place.append("svg")
      .attr("role", "group")
      .attr("aria-label", `${this.texts.title}. ${this.texts.keys}`);
    this.tell(null);
    new ResizeObserver(() => this.draw()).observe(place);
    this.draw();
  }

  draw() {
    const width = Math.max(this.place.node().clientWidth, 260);
    if (width === this.width) return;
    this.width = width;
    const room = Math.max(this.values.width * 0.02, 0.25);
    this.x = d3.scaleLinear([-room, this.values.width + room], [MARGIN.left, width - MARGIN.right]);
    this.svg.selectAll("*").remove();
    let top = this.events(0);
    this.starts = this.svg.append("g").attr("class", "starts");
    this.guide = this.svg.append("line").attr("class", "guide").attr("visibility", "hidden");
    const panels = this.values.scores.map((score) => {
      const panel = this.panel(score, top);
      top = panel.bottom + STRIP;
      return panel;
    });
    this.ticks(top);
    this.gaps(panels);
    this.seams(panels);
    this.films(panels);
    const height = top + TICKS;
    this.svg.attr("viewBox", `0 0 ${width} ${height}`).attr("height", height);
    this.guide.attr("y1", panels[0].top).attr("y2", panels.at(-1).bottom);
    this.starts.selectAll("line").data(this.values.events).join("line")
      .attr("x1", (event) => this.x(event.from)).attr("x2", (event) => this.x(event.from))
      .attr("y1", (event) => this.lanes.get(event) * LANE + LANE).attr("y2", panels.at(-1).bottom);
  }

  // Treatments in lanes, so that no label lies on another; returns where they end.
  events(top) {
    const ends = [];
    this.lanes = new Map();
    const strip = this.svg.append("g").attr("class", "events").attr("aria-hidden", "true");
    for (const event of this.values.events) {
      const left = this.x(event.from), right = Math.max(this.x(event.to), left + 3);
      const text = strip.append("text").text(event.label);
      const length = text.node().getComputedTextLength();
      const inside = length + 10 <= right - left;
      const cramped = !inside && right + 5 + length > this.width;
      const at = inside ? left + 5 : cramped ? Math.max(left - 5 - length, 0) : right + 5;
      const from = Math.min(left, at), to = Math.max(right, at + length);
      const free = ends.findIndex((end) => end + 8 <= from);
      const lane = free < 0 ? ends.length : free;
      ends[lane] = to;
      this.lanes.set(event, lane);
      const y = top + lane * LANE;
      strip.insert("rect", "text").attr("class", event.kind)
        .attr("x", left).attr("y", y + 2).attr("width", right - left).attr("height", LANE - 5).attr("rx", 3);
      text.raise().attr("y", y + 13.5).attr("x", at);
    }
    return top + ends.length * LANE;
  }

  panel(score, above) {
    const top = above + TITLE, bottom = top + HEIGHTS[score.name];
    const spare = 0.04 * (score.highest - score.lowest);
    const y = d3.scaleLinear([score.lowest - spare, score.highest + spare], [bottom, top]);
    const panel = this.svg.append("g").attr("class", `panel ${score.name}`).attr("aria-hidden", "true");
    panel.append("text").attr("class", "name").attr("x", 0).attr("y", above + 16)
      .text(`${score.label} (${this.texts.points})`);
    const lines = panel.append("g").attr("class", "grid").selectAll("g")
      .data(y.ticks(4).filter((tick) => Number.isInteger(tick))).join("g");
    lines.append("line").attr("x1", MARGIN.left).attr("x2", this.width - MARGIN.right)
      .attr("y1", (tick) => y(tick)).attr("y2", (tick) => y(tick));
    lines.append("text").attr("x", MARGIN.left - 8).attr("y", (tick) => y(tick) + 4)
      .attr("text-anchor", "end").text((tick) => tick);
    for (const baseline of score.baselines) this.baseline(panel, y, baseline);
    for (const curve of score.curves) this.curve(panel, y, curve);
    return { name: score.name, y, top, bottom, panel };
  }

  baseline(panel, y, { from, to, low, high, level }) {
    panel.append("rect").attr("class", "margin").attr("x", this.x(from)).attr("width", this.x(to) - this.x(from))
      .attr("y", y(high)).attr("height", y(low) - y(high));
    panel.append("line").attr("class", "baseline").attr("x1", this.x(from)).attr("x2", this.x(to))
      .attr("y1", y(level)).attr("y2", y(level));
  }

  // A level of a single film has no length: it is drawn a few pixels wide.
  curve(panel, y, points) {
    if (!points.length) return;
    const alone = points.length === 1;
    const rows = (alone ? [points[0], points[0]] : points)
      .map(([x, level, low, high], n) => [this.x(x) + (alone ? 8 * (2 * n - 1) : 0), level, low, high]);
    panel.append("path").attr("class", "band")
      .attr("d", d3.area((row) => row[0], (row) => y(row[2]), (row) => y(row[3]))(rows));
    panel.append("path").attr("class", "level").attr("d", d3.line((row) => row[0], (row) => y(row[1]))(rows));
  }

  ticks(top) {
    const axis = this.svg.append("g").attr("class", "axis").attr("aria-hidden", "true");
    for (const segment of this.values.segments) {
      axis.append("line").attr("x1", this.x(segment.left)).attr("x2", this.x(segment.right))
        .attr("y1", top + 2).attr("y2", top + 2);
      let free = -Infinity;
      for (const [x, label] of segment.ticks) {
        const [first, second] = label.split("\n");
        const text = axis.append("text").attr("text-anchor", "middle").attr("x", this.x(x)).attr("y", top + 17).text(first);
        const half = text.node().getComputedTextLength() / 2;
        if (this.x(x) - half < free) {
          text.remove();
          continue;
        }
        free = this.x(x) + half + 10;
        axis.append("line").attr("x1", this.x(x)).attr("x2", this.x(x)).attr("y1", top + 2).attr("y2", top + 6);
        if (second) axis.append("text").attr("class", "year").attr("text-anchor", "middle").attr("x", this.x(x)).attr("y", top + 31).text(second);
      }
    }
  }

  // Between two episodes stands how long it was, upright where it has no room.
  gaps(panels) {
    const middle = (panels[0].top + panels[0].bottom) / 2;
    this.svg.append("g").attr("class", "gaps").attr("aria-hidden", "true").selectAll("text")
      .data(this.values.gaps).join("text").attr("text-anchor", "middle")
      .attr("transform", (gap) => `translate(${this.x(gap.x) + 4},${middle}) rotate(-90)`)
      .text((gap) => gap.text);
  }

  // Where another model version begins to score.
  seams(panels) {
    const seams = this.svg.append("g").attr("class", "seams").attr("aria-hidden", "true").selectAll("g")
      .data(this.values.seams).join("g").attr("transform", (x) => `translate(${this.x(x)},0)`);
    seams.append("line").attr("y1", panels[0].top).attr("y2", panels.at(-1).bottom);
    seams.append("text").attr("x", 4).attr("y", panels[0].top + 10).text(this.texts.seam);
  }

  films(panels) {
    const chart = this;
    this.at = this.besides();
    this.marks = this.svg.append("g").attr("class", "films").selectAll("g").data(this.values.films).join("g")
      .attr("class", (film) => `film${film.flagged ? " flagged" : ""}${film.merged ? " merged" : ""}${film.changed ? " changed" : ""}${film.converted ? " converted" : ""}`)
      .attr("role", "img")
      .attr("aria-label", (film) => [film.head, ...film.lines].join(". "))
      .attr("data-film", (film) => film.id)
      .attr("tabindex", (_, number) => (number === this.current ? 0 : -1))
      .on("focus", function () { chart.show(chart.marks.nodes().indexOf(this)); })
      .on("blur", () => this.show(null));
    this.marks.append("rect").attr("class", "target").attr("x", (film) => this.at.get(film) - 12).attr("width", 24)
      .attr("y", panels[0].top).attr("height", panels.at(-1).bottom + STRIP - panels[0].top);
    for (const panel of panels) this.scores(panel);
    this.svg.on("keydown", (event) => this.key(event))
      .on("pointermove", (event) => this.point(event))
      .on("pointerleave", () => this.show(this.marks.nodes().includes(document.activeElement) ? this.current : null));
  }

  scores({ name, y, bottom }) {
    const places = (film) => `translate(${this.at.get(film)},${y(film.scores[name].points)})`;
    this.marks.filter((film) => film.merged).append("circle").attr("class", "ring").attr("r", 8.5).attr("transform", places);
    this.marks.append("path").attr("class", "mark").attr("transform", places)
      .attr("d", (film) => (film.flagged ? d3.symbol(d3.symbolTimes, SIZE)() : d3.symbol(SHAPES[film.view], SIZE)()));
    this.marks.filter((film) => film.changed).append("text").attr("class", "change").attr("text-anchor", "middle")
      .attr("x", (film) => this.at.get(film)).attr("y", (film) => y(film.scores[name].points) - 9).text((film) => film.view);
    this.marks.filter((film) => film.scores[name].verdict).append("path")
      .attr("class", (film) => `said ${film.scores[name].verdict.replace(" ", "-")}`)
      .attr("transform", (film) => `translate(${this.at.get(film)},${bottom + STRIP / 2})`)
      .attr("d", (film) => VERDICTS[film.scores[name].verdict]);
  }

  // Where each film is drawn: those of one time side by side, so that each can be pointed at.
  besides() {
    const places = new Map();
    for (const [number, film] of this.values.films.entries()) {
      const before = this.values.films[number - 1];
      const inward = this.x(film.x) > this.width / 2 ? -APART : APART;
      places.set(film, before?.x === film.x ? places.get(before) + inward : this.x(film.x));
    }
    return places;
  }

  key(event) {
    const last = this.values.films.length - 1;
    const moves = { ArrowRight: this.current + 1, ArrowLeft: this.current - 1, Home: 0, End: last };
    if (event.key === "Enter") {
      const row = document.getElementById(`film-${this.values.films[this.current].id}`);
      row?.focus();
      return;
    }
    if (!(event.key in moves)) return;
    event.preventDefault();
    const next = Math.min(Math.max(moves[event.key], 0), last);
    this.marks.attr("tabindex", (_, number) => (number === next ? 0 : -1));
    this.marks.nodes()[next].focus();
  }

  point(event) {
    const [x] = d3.pointer(event, this.svg.node());
    const nearest = d3.leastIndex(this.values.films, (a, b) => Math.abs(this.at.get(a) - x) - Math.abs(this.at.get(b) - x));
    this.show(Math.abs(this.at.get(this.values.films[nearest]) - x) < 40 ? nearest : null);
  }

  show(number) {
    if (number !== null) this.current = number;
    const film = number === null ? null : this.values.films[number];
    this.marks.classed("shown", (each) => each === film);
    this.guide.attr("visibility", film ? "visible" : "hidden");
    if (film) this.guide.attr("x1", this.at.get(film)).attr("x2", this.at.get(film));
    this.tell(film);
  }

  tell(film) {
    this.told.html("");
    this.told.classed("nothing", !film);
    if (!film) {
      this.told.append("p").attr("class", "quiet").text(this.texts.hint);
      return;
    }
    this.told.append("p").append("strong").text(film.head);
    this.told.append("ul").selectAll("li").data(film.lines).join("li").text((line) => line);
  }

  legend() {
    const films = this.values.films;
    const list = this.place.append("ul").attr("class", "legend");
    const entry = (label, name, path) => {
      const item = list.append("li");
      item.append("svg").attr("viewBox", "-9 -9 18 18").attr("width", 18).attr("height", 18).attr("aria-hidden", "true")
        .append("path").attr("class", name).attr("d", path);
      item.append("span").text(label);
    };
    if (this.values.scores.some((score) => score.curves.flat().length)) {
      entry(this.texts.legend_level, "level", "M-8,0H8");
      entry(this.texts.legend_band, "band", "M-8,-6H8V6H-8Z");
    }
    if (this.values.scores.some((score) => score.baselines.length)) entry(this.texts.legend_margin, "margin", "M-8,-6H8V6H-8Z");
    for (const [view, shape] of Object.entries(SHAPES)) {
      if (films.some((film) => film.view === view && !film.flagged)) entry(view, "mark", d3.symbol(shape, SIZE)());
    }
    if (films.some((film) => film.flagged)) entry(this.texts.legend_flagged, "mark flagged", d3.symbol(d3.symbolTimes, SIZE)());
    if (films.some((film) => film.merged)) entry(this.texts.legend_merged, "ring", "M-7,0A7,7 0 1 1 7,0A7,7 0 1 1 -7,0Z");
    if (films.some((film) => film.converted)) entry(this.texts.legend_converted, "mark hollow", d3.symbol(d3.symbolCircle, SIZE)());
    for (const [verdict, path] of Object.entries(VERDICTS)) {
      const isSaid = (film) => Object.values(film.scores).some((score) => score.verdict === verdict);
      if (films.some(isSaid)) entry(verdict, `said ${verdict.replace(" ", "-")}`, path);
    }
  }
}

for (const place of document.querySelectorAll("[data-chart]")) new CourseChart(place);
