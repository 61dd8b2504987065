/* Puts the values of a tick in place on the maps, each known by its component's id, which comes with the callbacks. */
(() => {
  "use strict";
  const keep = () => window.dash_clientside.no_update;
  const NODE = { LOW: 1, HIGH_VOLTAGE: 2, DEAD: 3 };
  const EDGE = { HIGH: 1, OVERLOAD: 2, OPEN: 3 };
  const MARK = { CLOSE: 1, OPEN: 2 }, PAST = { 1: "d", 2: "ed" };
  const WORDS_FROM_ZOOM = 0.7, MARK_SIZE = 1.2, WORDS_PX = 11, WORDS_UP = 15;
  const THINNEST = 1.5, WIDEST = 9, WIDTH_STEP = 4.5, FLOW_STEPS = 100;
  const FRAME_MS = 80, REST_FACTOR = 8, DASH_LENGTH = 14, DASH_STEP = 2, RETRIES = 120;
  const PADDING = 32, SPACING = 100, FILL = 0.78, MOST_STRETCH = 3;
  const maps = new Map(), looks = new Map();

  function drawMap(tick, scope, animate, view, id) {
    if (tick) show(id, { values: tick.scope === scope ? tick.map : null, scope, animate, view });
    return tick ? tick.version : keep();
  }

  /* values: what a map shows, null while its elements are those of another scope. */
  function show(id, next) {
    const map = Object.assign(maps.get(id) ?? { id, cy: null, focus: null, offset: 0 }, next);
    maps.set(id, map);
    paintWhenReady(map, RETRIES);
  }

  function instance(id) {
    return document.getElementById(id)?._cyreg?.cy ?? null;
  }

  function paintWhenReady(map, retries) {
    const cy = instance(map.id), values = map.values;
    if (!values?.f) return;  // none yet, or the last tick of a page that has no map
    if (!cy || !hasElements(cy, map.scope) || cy.edges().length !== values.f.length) {
      if (retries > 0) requestAnimationFrame(() => paintWhenReady(map, retries - 1));
      return;
    }
    if (cy !== map.cy) {
      map.cy = cy;
      cy.on("resize", () => arrange(cy));
      keepPlace(cy);
    }
    if (cy.scratch("_scope") !== map.scope) {
      cy.scratch("_scope", map.scope);
      arrange(cy);
    }
    paint(cy, values, Boolean(map.animate) && !stillness.matches);
    choose(map);
  }

  /* The elements of a scope come all at once; its key is with the first node. */
  const hasElements = (cy, scope) => cy.nodes("[i = 0]").some((node) => node.data("scope") === scope);

  /* Cytoscape remembers where the frame is. What grows above moves it unseen, and taps would hit something else. */
  function keepPlace(cy) {
    const forget = () => cy.renderer().invalidateContainerClientCoordsCache();
    const heard = { capture: true, passive: true };
    for (const kind of ["pointerdown", "pointermove", "wheel"]) cy.container().addEventListener(kind, forget, heard);
  }

  /* Stretch the map towards the shape of its frame, so that symbols and names keep their size and have room. */
  function arrange(cy) {
    const nodes = cy.nodes(), width = cy.width() - 2 * PADDING, height = cy.height() - 2 * PADDING;
    if (!nodes.length || width <= 0 || height <= 0) return;
    const home = nodes.map((node) => node.data("home"));
    const extent = (axis) => Math.max(...home.map((at) => at[axis])) - Math.min(...home.map((at) => at[axis])) || 1;
    const [w, h] = [extent("x"), extent("y")];
    const stretch = Math.sqrt(Math.min(MOST_STRETCH, Math.max(1 / MOST_STRETCH, width / height / (w / h))));
    const room = Math.sqrt(Math.max(1, (nodes.length * SPACING ** 2) / (width * height)));
    const size = FILL * room * Math.min(width / (w * stretch), height / (h / stretch));
    nodes.positions((node) => ({ x: node.data("home").x * size * stretch, y: node.data("home").y * size / stretch }));
    cy.fit(undefined, PADDING);
  }

  const set = (element, data) =>
    Object.keys(data).forEach((key) => { if (element.data(key) !== data[key]) element.data(key, data[key]); });
  const bySparse = (rows) => new Map((rows ?? []).map((row) => [row[0], row]));

  function paint(cy, values, flowing) {
    const [factor, digits, unit] = values.nf;
    const shown = (value) => (value === null ? "—" : `${(value * factor).toFixed(digits)} ${unit}`);
    const nodes = bySparse(values.ns), edges = bySparse(values.es), alarmed = new Set(values.na ?? []);
    const [route, changed, locked] = [values.route, values.r, values.k].map((positions) => new Set(positions ?? []));
    const switched = bySparse(values.x), generation = bySparse(values.g);
    cy.batch(() => {
      cy.nodes().forEach((node) => {
        const i = node.data("i"), kw = generation.get(i)?.[1] ?? 0;
        const data = nodeData(node, nodes.get(i), values.b ? shown(values.b[i]) : "");
        if (kw) data.l = `${data.l ?? node.data("name")}\n${kw > 0 ? "▲ +" : "▼ −"}${(Math.abs(kw) / 1000).toFixed(1)} MW`;
        set(node, { ...data, a: alarmed.has(i) ? 1 : 0, p: values.np ? values.np[i] : 0 });
        kw ? node.data("g", 1) : node.removeData("g");
      });
      cy.edges().forEach((edge) => {
        const i = edge.data("i"), status = edges.get(i)?.[1] ?? 0, [, x = 0, step = 0] = switched.get(i) ?? [];
        const data = edgeData(edge, status, values.f[i], values.e ? shown(values.e[i]) : "");
        const k = locked.has(i) ? 1 : 0, r = changed.has(i) ? 1 : 0;
        if (x || k) Object.assign(data, markData(cy.zoom(), x, step, k, values.past));
        set(edge, { ...data, p: values.ep ? values.ep[i] : 0, x, k, r });
        edge.toggleClass("route", route.has(i));
        edge.toggleClass("flow", flowing);
      });
    });
  }

  /* Marks keep their size on the screen; on a map seen from afar their words are the number of the step. */
  function markData(zoom, x, step, k, past) {
    const size = Math.min(1, zoom), near = zoom > WORDS_FROM_ZOOM, end = past ? PAST[x] : "";
    const switched = near ? `${x === MARK.CLOSE ? "● close" : "○ open"}${end} (${step})` : `${step}`;
    const words = [k && near ? "■ locked" : "", x ? switched : ""].filter(Boolean).join("\n");
    return { l: words, m: MARK_SIZE / size, z: WORDS_PX / size, o: -WORDS_UP / size };
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

  function choose(map) {
    const cy = map.cy, view = map.view ?? {}, wanted = view.asset ? cy.getElementById(view.asset) : cy.collection();
    cy.elements(":selected").not(wanted).unselect();
    if (!wanted.length) return;
    if (!wanted.selected()) wanted.select();
    if (view.focus && view.focus !== map.focus) {
      map.focus = view.focus;
      cy.animate({ center: { eles: wanted }, zoom: Math.max(cy.zoom(), 1) }, { duration: stillness.matches ? 0 : 250 });
    }
  }

  const fit = (_clicks, id) => instance(id)?.fit(undefined, PADDING);

  /* A map comes in the first look; setting a style sheet again would cost a redraw of everything. */
  function chooseStyle(scheme, sheets, id) {
    const first = !looks.has(id) && scheme === Object.keys(sheets)[0];
    looks.set(id, scheme);
    return first ? keep() : sheets[scheme] ?? keep();
  }

  /* ---- flow: dashes that move with the power ---------------------------------------------------------------- */

  const stillness = window.matchMedia("(prefers-reduced-motion: reduce)");
  let due = 0;

  /* A frame is drawn so seldom that drawing takes a small part of the computer's time, however slow that is. */
  function move(now) {
    requestAnimationFrame(move);
    const moving = [...maps.values()].filter((map) => map.animate && map.cy !== null && map.cy === instance(map.id));
    if (now < due || stillness.matches || !moving.length) return;
    due = Infinity;
    const began = performance.now();
    moving.forEach((map) => {
      map.offset = (map.offset + DASH_STEP) % DASH_LENGTH;
      map.cy.batch(() => {
        map.cy.edges(".flow[d > 0]").style("line-dash-offset", -map.offset);
        map.cy.edges(".flow[d < 0]").style("line-dash-offset", map.offset);
      });
    });
    requestAnimationFrame(() => setTimeout(() => {
      const end = performance.now();
      due = end + Math.max(FRAME_MS, REST_FACTOR * (end - began));
    }));
  }
  requestAnimationFrame(move);

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    smartgridMaps: { drawMap, show, fit, chooseStyle },
  });
})();
