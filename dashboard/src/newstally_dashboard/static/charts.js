// Draws what pages say in <figure class="chart">: lines, bars and word clouds. The tables beside them
// have the same figures. Nothing here makes HTML of a name: ECharts draws on a canvas, its tooltips too.

const SERIES = 5;
const LABELS = ["Person", "Organisation", "Country or city", "Group", "Event"];

const drawn = new Map();

function colours() {
  const probe = document.createElement("span");
  document.body.append(probe);
  const read = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const found = {
    ink: read("--ink"),
    soft: read("--soft"),
    rule: read("--rule"),
    card: read("--card"),
    series: Array.from({ length: SERIES }, (_, at) => read(`--series-${at + 1}`)),
  };
  probe.remove();
  return found;
}

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const short = new Intl.NumberFormat("en", { notation: "compact" });

function labelColour(label, palette) {
  const at = label === "Place" ? 2 : LABELS.indexOf(label);
  return at < 0 ? palette.soft : palette.series[at];
}

function common(palette) {
  return {
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: palette.ink },
    tooltip: {
      renderMode: "richText",
      confine: true,
      backgroundColor: palette.card,
      borderColor: palette.rule,
      textStyle: { color: palette.ink },
    },
  };
}

function lines(spec, palette, width) {
  const axis = { axisLine: { lineStyle: { color: palette.rule } }, axisTick: { show: false } };
  const label = { color: palette.soft, hideOverlap: true };
  const several = spec.series.length > 1;
  const markers = spec.points.length <= 40;
  return {
    ...common(palette),
    color: palette.series,
    grid: { left: 8, right: 16, top: several ? 48 : 16, bottom: 8, containLabel: true },
    legend: several
      ? { type: "scroll", top: 0, left: 0, textStyle: { color: palette.ink }, icon: "roundRect" }
      : undefined,
    tooltip: {
      ...common(palette).tooltip,
      trigger: "axis",
      valueFormatter: (value) => (value === null || value === undefined ? "–" : number.format(value)),
    },
    xAxis: {
      type: "category",
      data: spec.points,
      boundaryGap: false,
      ...axis,
      axisLabel: { ...label, showMaxLabel: width > 480 ? true : undefined },
    },
    yAxis: {
      type: "value",
      name: "",
      minInterval: spec.unit.includes("per") ? 0 : 1,
      splitLine: { lineStyle: { color: palette.rule } },
      axisLabel: { ...label, formatter: (value) => short.format(value) },
    },
    series: spec.series.map((each) => ({
      type: "line",
      name: each.name,
      data: each.values,
      showSymbol: markers,
      symbolSize: 6,
      lineStyle: { width: 2 },
      areaStyle: several ? undefined : { opacity: 0.12 },
      connectNulls: false,
    })),
  };
}

function bars(spec, palette, width) {
  const items = [...spec.items].reverse();
  return {
    ...common(palette),
    grid: { left: 8, right: 56, top: 8, bottom: 8, containLabel: true },
    tooltip: {
      ...common(palette).tooltip,
      trigger: "item",
      formatter: ({ data }) => `${data.name}\n${data.label_}: ${number.format(data.value)} mentions`,
    },
    xAxis: { type: "value", show: false },
    yAxis: {
      type: "category",
      data: items.map((each) => each.name),
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { color: palette.ink, width: width * 0.4, overflow: "truncate", interval: 0 },
    },
    series: [
      {
        type: "bar",
        cursor: "pointer",
        barCategoryGap: "25%",
        data: items.map((each) => ({
          name: each.name,
          value: each.value,
          href: each.href,
          label_: each.label,
          itemStyle: { color: labelColour(each.label, palette), borderRadius: [0, 2, 2, 0] },
        })),
        label: {
          show: true,
          position: "right",
          color: palette.soft,
          formatter: ({ value }) => number.format(value),
        },
      },
    ],
  };
}

function cloud(spec, palette, width) {
  const most = Math.max(1, ...spec.items.map((each) => each.value));
  const largest = Math.max(26, Math.min(52, width / 11));
  return {
    ...common(palette),
    tooltip: {
      ...common(palette).tooltip,
      formatter: ({ data }) => `${data.name}\n${data.label_}: ${number.format(data.count)} mentions`,
    },
    series: [
      {
        type: "wordCloud",
        shape: "square",
        keepAspect: false,
        left: "center",
        width: "94%",
        height: "96%",
        sizeRange: [11, largest],
        rotationRange: [0, 0],
        gridSize: 7,
        drawOutOfBound: false,
        shrinkToFit: true,
        layoutAnimation: false,
        textStyle: { fontFamily: getComputedStyle(document.querySelector("h1")).fontFamily, fontWeight: 600 },
        data: spec.items.map((each) => ({
          name: each.name,
          value: Math.sqrt(each.value / most),
          count: each.value,
          href: each.href,
          label_: each.label,
          textStyle: { color: labelColour(each.label, palette) },
        })),
      },
    ],
  };
}

const KINDS = { lines, bars, cloud };

// ECharts remembers the widths of texts in plain objects, by the text. One that such an object has
// from the start, "constructor" or "__proto__", would break its lists, and with "__proto__" all
// objects of the page. Tooltips take braces for styles. So no text, and no part of one, is such a
// word or begins such a style, as a sign without width is in it; and none ends a style.
const JOINER = "\u2060";
const FULL_WIDTH_BRACE = "\uff5d";
const taken = Object.getOwnPropertyNames(Object.prototype).join("|");
const begins = new RegExp(`(?=${taken}|\\{).`, "g");

function drawable(key, value) {
  if (typeof value !== "string" || key === "href") return value;
  return value.replace(begins, (sign) => sign + JOINER).replaceAll("}", FULL_WIDTH_BRACE);
}

function draw(figure) {
  const { echarts } = globalThis;
  const canvas = figure.querySelector(".canvas");
  const spec = JSON.parse(figure.querySelector("script").textContent, drawable);
  const chart = echarts.getInstanceByDom(canvas) ?? echarts.init(canvas, null, { renderer: "canvas" });
  chart.setOption(KINDS[spec.kind](spec, colours(), canvas.clientWidth), true);
  if (!drawn.has(canvas)) {
    chart.on("click", ({ data }) => {
      if (data?.href?.startsWith("/")) location.assign(data.href);
    });
    const observer = new ResizeObserver(() => {
      chart.resize();
      if (canvas.clientWidth !== drawn.get(canvas).width) draw(figure);
    });
    drawn.set(canvas, { figure, observer, width: canvas.clientWidth });
    observer.observe(canvas);
  }
  drawn.get(canvas).width = canvas.clientWidth;
}

function drawAll() {
  for (const [canvas, { observer }] of drawn) {
    if (canvas.isConnected) continue;
    observer.disconnect();
    globalThis.echarts.getInstanceByDom(canvas)?.dispose();
    drawn.delete(canvas);
  }
  for (const figure of document.querySelectorAll("figure.chart")) draw(figure);
}

drawAll();
document.documentElement.addEventListener("themed", drawAll);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
document.addEventListener("renewed", (event) => {
  if (event.target.querySelector("figure.chart") !== null) drawAll();
});
