/* Puts the words and points of a tick in place, and keeps what a browser looks at; the maps are in topology.js.
   Ids never occur here; they come with the callbacks, which app/pages registers. */
(() => {
  "use strict";
  const keep = () => window.dash_clientside.no_update;
  const context = () => window.dash_clientside.callback_context;
  const RETRIES = 120, POINTS_KEPT = 480;
  const LOST_AFTER_POLLS = 4, PATIENCE_MS = 10000;
  const TICK_PATH = "/_tick";  // answered in app/shell/poll.py
  const SEARCH = 2;  // its place among the inputs of reduceView
  const STORES = 5;  // where those of the parts begin among the states of poll

  const received = { version: null, at: 0 };
  const server = { asked: null, brought: null, heard: performance.now() };
  const newest = new WeakMap();
  let speed = null, operated = "";

  /* ---- the header ---------------------------------------------------------------------------------------- */

  function header(tick, interval) {
    if (!tick) return [...Array(12).fill(keep()), ...age(tick, interval)];
    const head = tick.head, newSpeed = head.speed === speed ? keep() : head.speed;
    window.dash_clientside.smartgridExport.note(head);
    speed = head.speed;
    return [
      head.name, head.clock, head.words, `source-state source-${head.state}`,
      ...(tick.quality ?? Array(3).fill(keep())),
      tick.banner ?? keep(), tick.events ?? keep(), head.paused ? "Resume" : "Pause", newSpeed, tick.seen,
      ...age(tick, interval),
    ];
  }

  /* How old the data are by now; the tick is asked for meanwhile. */
  function poll(_polls, view, interval, shown, tick, news, seen) {
    ask(view, tick, news, seen);
    return age(shown, interval);
  }

  /* One request at a time, and none until what the last one brought is in place: a browser that needs longer than a
     cycle for a tick would be asked to show the next before it has shown any. A request is given up for another view,
     or when no answer comes. One that fails leaves the way to the next; that the server isn't heard is said by `age`. A tick wakes all that changes in each cycle; what seldom
     does is woken by the ticks that have news: each callback that runs costs the browser some 20 ms. */
  function ask(view, tick, news, seen) {
    const looks = JSON.stringify(view), now = performance.now(), { asked, brought } = server;
    const recent = (one) => one?.looks === looks && now - one.at < PATIENCE_MS;
    if (recent(asked)) return;
    if (recent(brought) && brought.version !== seen?.version) {
      server.heard = now;  // nothing was asked meanwhile, so no answer is missing
      return;
    }
    asked?.given.abort();
    const mine = server.asked = { looks, at: now, given: new AbortController() };
    const parts = Object.fromEntries(context().states_list.slice(STORES).flat().map(({ id, value }) => [id, value ?? null]));
    const body = JSON.stringify({ view, seen: seen ?? null, parts });
    const headers = { "Content-Type": "application/json" };
    fetch(TICK_PATH, { method: "POST", headers, body, signal: mine.given.signal })
      .then((response) => (response.ok ? response.json() : Promise.reject(response.status)))
      .then((data) => {
        if (server.asked !== mine) return;
        server.heard = performance.now();
        if (!data) return;
        Object.assign(received, { version: data.version, at: mine.at });  // made later, so not older than that
        server.brought = { looks, version: data.version, at: performance.now() };
        window.dash_clientside.set_props(tick, { data });
        if (data.news) window.dash_clientside.set_props(news, { data });
      }, () => {})  // not heard; an error of our own is reported
      .finally(() => { if (server.asked === mine) server.asked = null; });
  }

  function age(tick, interval) {
    if (!tick) return ["Waiting for data", "age"];
    if (received.version !== tick.version) Object.assign(received, { version: tick.version, at: performance.now() });
    const elapsed = tick.head.age_ms + performance.now() - received.at;
    const old = `Data ${Math.max(0, Math.round(elapsed / 1000))} s old`;
    if (performance.now() - server.heard > LOST_AFTER_POLLS * interval) return [`Connection lost · ${old}`, "age age-lost"];
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
    if (!tick || !tick.kpi) return [...Array(4).fill(Array(cards).fill(keep())), ...Array(7).fill(keep())];
    const column = (part) => tick.kpi.map((card) => card[part]);
    return [
      column(0), column(1), column(2), column(3), tick.alarms ?? keep(), tick.weight, tick.seen.alarms, tick.version,
      ...(tick.proposal ?? Array(3).fill(keep())),
    ];
  }

  const outages = (tick) => tick?.outages?.length === 3 ? tick.outages : Array(3).fill(keep());

  /* Buttons that stay the same aren't made anew: a click that a tick comes into would meet none of them. */
  function fillDrawer(tick) {
    const asset = tick?.asset;
    if (!asset) return Array(4).fill(keep());
    const told = JSON.stringify([asset.name, asset.operate]);
    const shown = document.getElementById(context().outputs_list[3].id)?.childElementCount;
    const buttons = shown && told === operated ? keep() : asset.operate;
    operated = told;
    return [asset.name, asset.head, asset.body, buttons];
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

  /* Elements of different grids have the same ids, and what has the id of one before keeps its place, and edges go with
     the ends that they had. So a map is emptied before it gets the elements of another scope: they follow. */
  function wantedScope(tick, wanted) {
    const [, , ...maps] = context().outputs_list;
    if (!tick || tick.scope === wanted) return [keep(), keep(), ...maps.map(keep)];
    return [tick.scope, wanted ? null : keep(), ...maps.map(() => (wanted ? [] : keep()))];
  }

  /* Another network forgets what was chosen in the last one, and closes the drawer where there is one. */
  function network(tick, known, view) {
    if (!tick || tick.network === known) return [keep(), keep()];
    return [tick.network, known ? fresh(view, tick) : keep()];
  }

  const fresh = (view, tick) => ({ layer: view.layer, page: view.page, plan: view.plan, network: tick.network });

  /* Two fields of which one is meant: who fills one empties the other. */
  function oneOfTwo(first, second) {
    const filled = triggers().filter(({ value }) => value !== "").map(({ position }) => position);
    if (filled.includes(0) && second) return [keep(), ""];
    if (filled.includes(1) && first) return [null, keep()];
    return [keep(), keep()];
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

  /* The search is emptied once it has been followed. So what stands in it is to be followed, whatever came meanwhile. */
  function reduceView(...inputs) {
    const [view, tick] = inputs.slice(-2), search = inputs[SEARCH];
    const events = triggers().filter(({ position }) => position !== SEARCH);
    if (search) events.push({ position: SEARCH, value: search });
    if (!events.length || !tick) return [keep(), keep(), keep()];
    const moves = [
      tapped, tapped, chosen,
      (_clicks, id) => chosen(JSON.parse(id).asset),
      (layer) => ({ layer }), (paths) => ({ paths }), () => ({ area: null, asset: null }),
      (opened) => (opened ? {} : { asset: null }), (plan) => ({ plan }),
    ];
    const base = view.network === tick.network ? view : fresh(view, tick);
    const next = Object.assign({}, base, ...events.map(({ position, value, id }) => moves[position](value, id)));
    return [JSON.stringify(next) === JSON.stringify(view) ? keep() : next, Boolean(next.asset), search ? null : keep()];
  }

  /* Options of a search. A field forgets a choice when its options change just then; so they stay where they are the
     same, or once its text is one of them, which it is from the moment of choosing on. */
  function offer(found, text, shown) {
    const chosen = found.typed && shown.some(({ label }) => label === text);
    return chosen || JSON.stringify(found.options) === JSON.stringify(shown) ? keep() : found.options;
  }

  /* Mantine writes the look that it shows into the document; its toggle doesn't report the first one. */
  function watchScheme() {
    const root = document.documentElement, attribute = "data-mantine-color-scheme";
    const { id } = context().outputs_list;
    new MutationObserver(() => window.dash_clientside.set_props(id, { data: root.getAttribute(attribute) }))
      .observe(root, { attributeFilter: [attribute] });
    return root.getAttribute(attribute);
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    smartgrid: {
      header, poll, fanOut, fillDrawer, extendLosses, extendTrend, wantedScope, network, reduceView, offer,
      clicked, watchScheme, oneOfTwo, outages,
      closed: () => false, nameUpload: (opened, id) => nameUpload(opened, id),
    },
  });
})();
