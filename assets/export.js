/* Every chart as CSV and PNG: two buttons beside each Plotly chart of any page. A file's name says what, grid and when;
   page.js notes the grid and the simulated time. */
(() => {
  "use strict";
  const CHART = ".js-plotly-plot", TOOLS = "export-tools", CARD = ".card, .panel-section, [role=dialog]";
  const HELD = "h2, h3", PNG_HEAD_PX = 34, PNG_SCALE = 2;
  const now = { grid: "grid", clock: "" };

  const note = ({ name, clock }) => Object.assign(now, { grid: name, clock });

  /* ---- what a chart is called ------------------------------------------------------------------------------ */

  /* The last heading before the chart in its card. */
  function titleOf(chart) {
    const card = chart.closest(CARD);
    const before = [...(card?.querySelectorAll(HELD) ?? [])]
      .filter((head) => head.compareDocumentPosition(chart) & Node.DOCUMENT_POSITION_FOLLOWING);
    return before.at(-1)?.textContent.trim() || "Chart";
  }

  const slug = (words) => words.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "");
  const fileName = (chart, ending) => `${[titleOf(chart), now.grid, now.clock].map(slug).filter(Boolean).join("_")}.${ending}`;

  function save(name, blob) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  /* ---- CSV ------------------------------------------------------------------------------------------------- */

  const plain = (value) => String(value ?? "").replace(/<br\s*\/?>/gi, " ").replace(/<[^>]*>/g, "");
  const quoted = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const FORMULA = /^[=+\-@\t\r\n]/, NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
  /* What a spreadsheet would take for a formula is led by an apostrophe, as ml/tables/spreadsheets.py does it. */
  const inert = (value) => (FORMULA.test(value) && !NUMBER.test(value) ? `'${value}` : value);
  const lines = (rows) => rows.map((row) => row.map((cell) => quoted(inert(plain(cell)))).join(",")).join("\r\n");
  const axisTitle = (chart, trace, letter) => {
    const name = (trace[`${letter}axis`] ?? letter).replace(letter, `${letter}axis`);
    const isTime = chart._fullLayout[name]?.type === "date";
    return plain(chart.layout[name]?.title?.text ?? "") || (isTime ? "Simulated time" : letter);
  };

  /* An asset's whole name comes along with its row; the axis has it shortened. */
  const rowName = (trace, i) => trace.customdata?.[i]?.[0] ?? trace.y[i];

  function heatRows(chart, trace) {
    const rows = trace.z.map((row, i) => [rowName(trace, i), ...row]);
    const corner = [trace.name, axisTitle(chart, trace, "x")].filter(Boolean).join("; ");
    return [[corner, ...trace.x], ...rows];
  }

  function partRows(trace) {
    const rows = trace.labels.map((label, i) => [trace.ids?.[i] ?? label, label, trace.parents?.[i], trace.values?.[i]]);
    return [["Id", "Label", "Parent", trace.name ?? "Value"], ...rows];
  }

  const wordsOf = (trace) => [trace.hovertext, trace.text].find(Array.isArray);

  /* Points with words of their own, one a row. */
  function pointRows(chart, traces) {
    const [first] = traces, lies = (trace) => trace.orientation === "h";  // their words say all
    const rows = traces.flatMap((trace) => [...trace.x].map((x, i) =>
      [trace.name, wordsOf(trace)?.[i] ?? "", ...(lies(trace) ? ["", ""] : [x, trace.y[i]])]));
    return [["Series", "Label", axisTitle(chart, first, "x"), axisTitle(chart, first, "y")], ...rows];
  }

  /* Bars of assets, with their whole names. */
  function namedRows(chart, traces) {
    const rows = traces.flatMap((trace) => trace.customdata.map((name, i) => [trace.name, name, trace.x[i]]));
    return [["Series", "Asset", axisTitle(chart, traces[0], "x")], ...rows];
  }

  /* Curves and bars over a common axis, one column each; bars that lie have theirs at the side. */
  function curveRows(chart, traces) {
    const lies = traces[0].orientation === "h", [along, across] = lies ? ["y", "x"] : ["x", "y"];
    const places = new Map();
    traces.forEach((trace, column) => [...trace[along]].forEach((place, i) => {
      if (!places.has(place)) places.set(place, Array(traces.length).fill(""));
      places.get(place)[column] = trace[across][i];
    }));
    const named = (trace) => [trace.name, axisTitle(chart, trace, across)].filter(Boolean).join(", ");
    const order = [...places.entries()];
    if (!lies && order.every(([place]) => typeof place === "string")) order.sort(([a], [b]) => (a < b ? -1 : 1));
    return [[axisTitle(chart, traces[0], along), ...traces.map(named)], ...order.map(([place, row]) => [place, ...row])];
  }

  function rowsOf(chart) {
    const seen = chart.data.filter((trace) => trace.visible !== false), named = seen.filter((trace) => trace.name);
    const traces = named.length ? named : seen;  // lines that only guide the eye have no name
    const [first] = traces, drawn = traces.filter((trace) => trace.x?.length && trace.y?.length);
    if (first?.type === "heatmap") return heatRows(chart, first);
    if (first?.labels) return partRows(first);
    if (!drawn.length) return [["No values"]];
    if (drawn.every((trace) => trace.type === "bar" && trace.orientation === "h" && trace.customdata && !trace.hovertext)) {
      return namedRows(chart, drawn);
    }
    const words = drawn.some((trace) => Array.isArray(trace.hovertext) || (trace.type !== "bar" && wordsOf(trace)));
    return words ? pointRows(chart, drawn) : curveRows(chart, drawn);
  }

  const asCsv = (chart) =>
    save(fileName(chart, "csv"), new Blob(["\ufeff", lines(rowsOf(chart)), "\r\n"], { type: "text/csv;charset=utf-8" }));

  /* ---- PNG ------------------------------------------------------------------------------------------------- */

  /* As it is shown, on the card's ground, under its title. */
  async function asPng(chart) {
    const style = getComputedStyle(document.documentElement), { width, height, _size: room } = chart._fullLayout;
    const title = {
      text: [titleOf(chart), now.grid, now.clock].filter(Boolean).join(" · "), font: { size: 13 },
      x: 0.01, xanchor: "left", yref: "container", y: 1, yanchor: "top", pad: { t: 10 },
    };
    const layout = {
      ...chart.layout, title, width, height: height + PNG_HEAD_PX, autosize: false,
      paper_bgcolor: style.getPropertyValue("--sg-surface").trim(), margin: { ...chart.layout.margin, t: room.t + PNG_HEAD_PX },
    };
    const picture = await window.Plotly.toImage({ data: chart.data, layout }, { format: "png", width, height: layout.height, scale: PNG_SCALE });
    save(fileName(chart, "png"), await (await fetch(picture)).blob());
  }

  /* ---- the buttons ----------------------------------------------------------------------------------------- */

  function button(words, chart, act) {
    const made = document.createElement("button");
    Object.assign(made, { type: "button", className: "export-button", textContent: words });
    made.setAttribute("aria-label", `${words}: ${titleOf(chart)}`);
    made.addEventListener("click", () => act(chart));
    return made;
  }

  function equip(chart) {
    const holder = chart.parentElement;
    if (holder.querySelector(`:scope > .${TOOLS}`)) return;
    const tools = document.createElement("div");
    tools.className = TOOLS;
    tools.append(button("CSV", chart, asCsv), button("PNG", chart, asPng));
    holder.classList.add("export-holder");
    holder.append(tools);
  }

  let waiting = false;
  function look() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      document.querySelectorAll(CHART).forEach(equip);
    });
  }
  new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true });

  window.dash_clientside = Object.assign({}, window.dash_clientside, { smartgridExport: { note, lines } });
  /* Cells of tables that AG Grid writes itself, as they are shown. */
  window.dashAgGridFunctions = Object.assign({}, window.dashAgGridFunctions, {
    spreadsheetCell: (params) => inert(String(params.formatValue(params.value) ?? "")),
  });
})();
