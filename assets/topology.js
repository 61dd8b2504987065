/* The page's one script: puts the values of a tick in place, and keeps what a browser looks at.
   Ids never occur here; they come with the callbacks, which app/pages registers. */
(() => {
  "use strict";
  const keep = () => window.dash_clientside.no_update;
  const context = () => window.dash_clientside.callback_context;
  const NODE = { LOW: 1, HIGH_VOLTAGE: 2, DEAD: 3 };
  const EDGE = { HIGH: 1, OVERLOAD: 2, OPEN: 3 };
  const THINNEST = 1.5, WIDEST = 9, WIDTH_STEP = 4.5, FLOW_STEPS = 100;
  const FRAME_MS = 80, REST_FACTOR = 8, DASH_LENGTH = 14, DASH_STEP = 2, RETRIES = 120, POINTS_KEPT = 480;
  const PADDING = 32, SPACING = 100, FILL = 0.78, MOST_STRETCH = 3;
  const LOST_AFTER_POLLS = 4;

  const received = { version: null, at: 0 };
  const map = { id: null, cy: null, tick: null, scope: null, animate: false, view: null, focus: null, offset: 0, look: null };
  const newest = new WeakMap();
  let speed = null;

  /* ---- the header ---------------------------------------------------------------------------------------- */

  function header(tick) {
    if (!tick) return Array(9).fill(keep());
    const head = tick.head, newSpeed = head.speed === speed ? keep() : head.speed;
    speed = head.speed;
    return [
      head.name, head.clock, head.words, `source-state source-${head.state}`,
      tick.banner ?? keep(), tick.events ?? keep(), head.paused ? "Resume" : "Pause", newSpeed, tick.seen,
    ];
  }

  function age(polls, tick, beat) {
    if (!tick) return ["Waiting for data", "age"];
    if (received.version !== tick.version) Object.assign(received, { version: tick.version, at: performance.now() });
    const elapsed = tick.head.age_ms + performance.now() - received.at;
    const old = `Data ${Math.max(0, Math.round(elapsed / 1000))} s old`;
    if ((polls ?? 0) - (beat ?? 0) > LOST_AFTER_POLLS) return [`Connection lost · ${old}`, "age age-lost"];
    return [old, elapsed > 3 * tick.head.period_ms ? "age age-old" : "age"];
  }

  /* The upload's own input has no name for assistive technology; it exists only while its dialog is open. */
  function nameUpload(opened, id, retries = RETRIES) {
    const input = document.getElementById(id)?.querySelector("input");
    if (input) input.setAttribute("aria-label", "Network file");
    else if (opened && retries > 0) requestAnimationFrame(() => nameUpload(opened, id, retries - 1));
  }

  /* ---- what a tick changes on the overview ---------------------------------------------------------------- */

  function fanOut(tick) {
    const cards = context().outputs_list[0].length;
    if (!tick) return [...Array(3).fill(Array(cards).fill(keep())), ...Array(4).fill(keep())];
    const column = (part) => tick.kpi.map((card) => card[part]);
    return [column(0), column(1), column(2), tick.alarms ?? keep(), tick.weight, tick.seen.alarms, tick.version];
  }

  function fillDrawer(tick) {
    return tick && tick.asset ? [tick.asset.name, tick.asset.head, tick.asset.body] : Array(3).fill(keep());
  }

  const extendLosses = (tick, figure) => extension(tick?.loss, figure);
  const extendTrend = (tick, figure) => extension(tick?.asset?.points, figure);

  /* Ticks overlap, so that none is missed; `newest` knows the last point of each figure. */
  function extension(points, figure) {
    const traces = points && points.length ? points[0].length - 1 : 0;
    if (!traces || !figure || !figure.data || figure.data.length !== traces) return keep();
    const last = newest.get(figure) ?? figure.data[0].x.at(-1), fresh = points.filter(([time]) => !(time <= last));
    if (!fresh.length) return keep();
    newest.set(figure, fresh.at(-1)[0]);
    const each = [...Array(traces).keys()], times = fresh.map((point) => point[0]);
    return [{ x: each.map(() => times), y: each.map((trace) => fresh.map((point) => point[trace + 1])) }, each, POINTS_KEPT];
  }

  function wantedScope(tick, wanted, network, view) {
    if (!tick) return [keep(), keep()];
    if (network && network !== tick.network) {
      const [, , viewState, drawerState] = context().states_list;
      window.dash_clientside.set_props(viewState.id, { data: { layer: view.layer, network: tick.network } });
      window.dash_clientside.set_props(drawerState.id, { opened: false });
    }
    return [tick.scope === wanted ? keep() : tick.scope, tick.network === network ? keep() : tick.network];
  }

  /* ---- what a browser looks at ---------------------------------------------------------------------------- */

  function nameOf(id) {
    if (typeof id !== "object") return id;
    return JSON.stringify(Object.fromEntries(Object.keys(id).sort().map((key) => [key, id[key]])));
  }

  /* Everything that has happened since the last call: Dash may report several inputs at once. */
  function triggers() {
    return context().triggered
      .filter(({ value }) => value !== null && value !== undefined)
      .map(({ prop_id, value }) => {
        const position = context().inputs_list.findIndex((input) =>
          [input].flat().some((one) => `${nameOf(one.id)}.${one.property}` === prop_id));
        return { position, value, id: prop_id.slice(0, prop_id.lastIndexOf(".")) };
      });
  }

  function clicked() {
    const [click] = triggers();
    return click ? { id: JSON.parse(click.id), clicks: click.value, at: Date.now() } : keep();
  }

  function chosen(code) {
    const [asset, area] = code.split("@");
    return { asset, area: area === undefined ? null : Number(area), focus: Date.now() };
  }

  function tapped(data) {
    if (data.area !== undefined) return { area: data.area, asset: null };
    return data.id.startsWith("corridor") ? {} : { asset: data.id };
  }

  function reduceView(...inputs) {
    const [view, tick] = inputs.slice(-2), events = triggers();
    if (!events.length || !tick) return [keep(), keep(), keep()];
    const moves = [
      tapped, tapped, chosen,
      (_clicks, id) => chosen(JSON.parse(id).asset),
      (layer) => ({ layer }), (paths) => ({ paths }), () => ({ area: null, asset: null }),
      (opened) => (opened ? {} : { asset: null }),
    ];
    const base = view.network === tick.network ? view : { layer: view.layer, network: tick.network };
    const next = Object.assign({}, base, ...events.map(({ position, value, id }) => moves[position](value, id)));
    const search = context().inputs_list[2].value;
    return [JSON.stringify(next) === JSON.stringify(view) ? keep() : next, Boolean(next.asset), search ? null : keep()];
  }

  /* ---- the map ------------------------------------------------------------------------------------------- */

  function drawMap(tick, scope, animate, view, id) {
    Object.assign(map, { id, tick, scope, animate, view });
    paintWhenReady(RETRIES);
  }

  function instance() {
    const element = document.getElementById(map.id);
    return element && element._cyreg ? element._cyreg.cy : null;
  }

  function paintWhenReady(retries) {
    const cy = instance(), tick = map.tick;
    if (!tick || tick.scope !== map.scope) return;
    if (!cy || cy.edges().length !== tick.map.f.length || !cy.nodes().length) {
      if (retries > 0) requestAnimationFrame(() => paintWhenReady(retries - 1));
      return;
    }
    if (cy !== map.cy) {
      map.cy = cy;
      cy.on("resize", () => arrange(cy));
    }
    if (cy.scratch("_scope") !== map.scope) {
      cy.scratch("_scope", map.scope);
      arrange(cy);
    }
    paint(cy, tick.map);
    choose(cy);
  }

  /* Stretch the map towards the shape of its frame, so that symbols and names keep their size and have room. */
  function arrange(cy) {
    const nodes = cy.nodes(), width = cy.width() - 2 * PADDING, height = cy.height() - 2 * PADDING;
    if (!nodes.length || width <= 0 || height <= 0) return;
    nodes.forEach((node) => { if (!node.scratch("_home")) node.scratch("_home", { ...node.position() }); });
    const home = nodes.map((node) => node.scratch("_home"));
    const extent = (axis) => Math.max(...home.map((at) => at[axis])) - Math.min(...home.map((at) => at[axis])) || 1;
    const [w, h] = [extent("x"), extent("y")];
    const stretch = Math.sqrt(Math.min(MOST_STRETCH, Math.max(1 / MOST_STRETCH, width / height / (w / h))));
    const room = Math.sqrt(Math.max(1, (nodes.length * SPACING ** 2) / (width * height)));
    const size = FILL * room * Math.min(width / (w * stretch), height / (h / stretch));
    nodes.positions((node) => ({ x: node.scratch("_home").x * size * stretch, y: node.scratch("_home").y * size / stretch }));
    cy.fit(undefined, PADDING);
  }

  function set(element, data) {
    for (const key of Object.keys(data)) if (element.data(key) !== data[key]) element.data(key, data[key]);
  }

  const bySparse = (rows) => new Map((rows ?? []).map((row) => [row[0], row]));

  function paint(cy, values) {
    const [factor, digits, unit] = values.nf;
    const shown = (value) => (value === null ? "—" : `${(value * factor).toFixed(digits)} ${unit}`);
    const nodes = bySparse(values.ns), edges = bySparse(values.es), alarmed = new Set(values.na ?? []);
    const route = new Set(values.route ?? []);
    cy.batch(() => {
      cy.nodes().forEach((node) => {
        const i = node.data("i");
        set(node, nodeData(node, nodes.get(i), values.b ? shown(values.b[i]) : ""));
        set(node, { a: alarmed.has(i) ? 1 : 0, p: values.np ? values.np[i] : 0 });
      });
      cy.edges().forEach((edge) => {
        const i = edge.data("i"), status = edges.get(i)?.[1] ?? 0;
        set(edge, edgeData(edge, status, values.f[i], values.e ? shown(values.e[i]) : ""));
        set(edge, { p: values.ep ? values.ep[i] : 0 });
        edge.toggleClass("route", route.has(i));
        edge.toggleClass("flow", map.animate && !stillness.matches);
      });
    });
  }

  function nodeData(node, abnormal, value) {
    const name = node.data("name"), [, status = 0, number = null] = abnormal ?? [];
    if (node.hasClass("area")) {
      return { s: status, l: `${name}\n${value}${number ? ` ⚠${number}` : ""}` };
    }
    if (!name || node.hasClass("stub")) return { s: status === NODE.DEAD ? status : 0 };
    const sign = { [NODE.LOW]: "▼ ", [NODE.HIGH_VOLTAGE]: "▲ " }[status] ?? "";
    const voltage = status === NODE.DEAD ? "no supply" : number === null ? "" : `${(number / 1000).toFixed(3)} p.u.`;
    return { s: status, l: [name, sign + (status ? voltage : value)].filter(Boolean).join("\n") };
  }

  function edgeData(edge, status, flow, value) {
    const width = Math.min(WIDEST, THINNEST + WIDTH_STEP * Math.sqrt(Math.abs(flow ?? 0) / FLOW_STEPS));
    const abnormal = status === EDGE.HIGH || status === EDGE.OVERLOAD;
    const w = Math.round(10 * (abnormal ? Math.max(width, 4) + status : width)) / 10;
    return {
      s: status, d: Math.sign(flow ?? 0), w, h: w / 2,
      l: status >= EDGE.OPEN ? "" : abnormal && value ? `▲ ${value}` : value,
    };
  }

  function choose(cy) {
    const view = map.view ?? {}, wanted = view.asset ? cy.getElementById(view.asset) : cy.collection();
    cy.elements(":selected").not(wanted).unselect();
    if (!wanted.length) return;
    if (!wanted.selected()) wanted.select();
    if (view.focus && view.focus !== map.focus) {
      map.focus = view.focus;
      cy.animate({ center: { eles: wanted }, zoom: Math.max(cy.zoom(), 1) }, { duration: stillness.matches ? 0 : 250 });
    }
  }

  function fit() {
    instance()?.fit(undefined, PADDING);
  }

  /* Mantine writes the look that it shows into the document; its toggle doesn't report the first one. */
  function watchScheme() {
    const root = document.documentElement, attribute = "data-mantine-color-scheme";
    const { id } = context().outputs_list;
    new MutationObserver(() => window.dash_clientside.set_props(id, { data: root.getAttribute(attribute) }))
      .observe(root, { attributeFilter: [attribute] });
    return root.getAttribute(attribute);
  }

  /* The map comes in the first look; setting a style sheet again would cost a redraw of everything. */
  function chooseStyle(scheme, sheets) {
    const first = map.look === null && scheme === Object.keys(sheets)[0];
    map.look = scheme;
    return first ? keep() : sheets[scheme] ?? keep();
  }

  /* ---- flow: dashes that move with the power ---------------------------------------------------------------- */

  const stillness = window.matchMedia("(prefers-reduced-motion: reduce)");
  let due = 0;

  /* A frame is drawn so seldom that drawing takes a small part of the computer's time, however slow that is. */
  function move(now) {
    requestAnimationFrame(move);
    if (now < due || !map.animate || stillness.matches || map.cy === null || map.cy !== instance()) return;
    due = Infinity;
    const began = performance.now();
    map.offset = (map.offset + DASH_STEP) % DASH_LENGTH;
    map.cy.batch(() => {
      map.cy.edges(".flow[d > 0]").style("line-dash-offset", -map.offset);
      map.cy.edges(".flow[d < 0]").style("line-dash-offset", map.offset);
    });
    requestAnimationFrame(() => setTimeout(() => {
      const end = performance.now();
      due = end + Math.max(FRAME_MS, REST_FACTOR * (end - began));
    }));
  }
  requestAnimationFrame(move);

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    smartgrid: {
      header, age, fanOut, fillDrawer, extendLosses, extendTrend, wantedScope, reduceView, clicked, drawMap, fit, watchScheme, chooseStyle, nameUpload: (opened, id) => nameUpload(opened, id),
    },
  });
})();
