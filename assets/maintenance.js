/* The maintenance page's script: says which parts are new, keeps the chosen asset in the address, and asks for files.
   Ids never occur here; they come with the callbacks, which app/pages registers. */
(() => {
  "use strict";
  const keep = () => window.dash_clientside.no_update;
  const context = () => window.dash_clientside.callback_context;
  const PARTS = ["risk", "condition", "schedule", "card"];
  const KEY = "asset";
  const said = {};
  const table = { id: null, touched: false };  // whether a hand has been on it since a row was last chosen
  let chosen = null;  // the store of the similar asset that was clicked

  /* Each part has a key; a part is fetched when its key is another one. */
  function news(tick, ...shown) {
    const part = tick?.maintenance;
    if (!part) return context().outputs_list.map(keep);
    const fresh = PARTS.map((name, i) => (part.keys[name] === shown[i] ? keep() : part.keys[name]));
    return [...fresh, part.keys, changed("status", part.status, shown)];
  }

  /* What says the same as before isn't put in place again; a page that has just been opened has shown nothing. */
  function changed(name, words, shown) {
    const now = JSON.stringify(words), same = now === said[name];
    said[name] = now;
    return same && shown.some(Boolean) ? keep() : words;
  }

  const asset = (tick) => tick?.maintenance?.asset ?? context().outputs_list.map(keep);

  /* ---- the chosen asset ----------------------------------------------------------------------------------- */

  const address = (code) => {
    const url = new URL(window.location.href);
    if (code) url.searchParams.set(KEY, code);
    else url.searchParams.delete(KEY);
    if (url.href !== window.location.href) window.history.replaceState(window.history.state, "", url);
  };

  /* A view without a network has just been opened; one that has lost its asset has changed to another network. */
  function fromLink(view) {
    if (view.asset) return null;
    if (view.network === undefined) return new URL(window.location.href).searchParams.get(KEY);
    address(null);
    return null;
  }

  /* Rows of another network may have the codes of the last one's. */
  function forget(grid) {
    address(null);
    window.dash_clientside.set_props(grid, { selectedRows: [] });
  }

  function touch(event) {
    if (document.getElementById(table.id)?.contains(event.target)) table.touched = true;
  }
  for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, touch, true);

  /* A click on a similar asset. Dash would lose it where the list is drawn anew before callbacks hear of the click. */
  document.addEventListener("click", ({ target }) => {
    const code = target.closest?.("[data-asset]")?.dataset.asset;
    if (code && chosen) window.dash_clientside.set_props(chosen, { data: { code, at: Date.now() } });
  });

  /* The row that was selected by hand. The grid also tells of rows that we have selected, maybe after another click,
     and of the selected one again when it gets new rows. */
  function byRow(rows, shown) {
    const code = Array.isArray(rows) ? rows[0]?.code : undefined;
    if (!code || code === shown || !table.touched) return null;
    table.touched = false;
    return code;
  }

  /* What was asked for by hand: a similar asset, a point of the matrix, or, after those, a row. */
  function wish(names, rows, click, similar, shown) {
    const told = (end) => names.some((one) => one.endsWith(end));
    const row = told(".selectedRows") ? byRow(rows, shown) : null;
    if (names.includes(`${chosen}.data`)) return [similar.code, true];
    return told(".clickData") ? [click?.points?.[0]?.customdata, true] : [row, false];
  }

  /* The asset of a click, or else of the address that the page was opened with. */
  function choose(rows, click, similar, tick, grid, store, view) {
    if (!tick || view.page !== "maintenance") return keep();
    [table.id, chosen] = [grid, store];
    const names = context().triggered.filter(({ value }) => value !== null && value !== undefined)
      .map(({ prop_id }) => prop_id);
    let [code, follow] = wish(names, rows, click, similar, view.network === tick.network ? view.asset : null);
    if (!code && names.some((one) => one.endsWith(".selectedRows"))) return keep();
    if (!code && view.asset && view.network && view.network !== tick.network) forget(grid);
    else if (!code) [code, follow] = [fromLink(view), true];
    if (!code || (code === view.asset && view.network === tick.network)) return keep();
    if (follow && grid) {
      table.touched = false;
      window.dash_clientside.set_props(grid, { selectedRows: { ids: [code] }, scrollTo: { rowId: code } });
    }
    address(code);
    return { ...(view.network === tick.network ? view : { page: view.page, network: tick.network }), asset: code };
  }

  /* Around the chosen asset, the last trace of the matrix; it comes with the figure where that isn't drawn yet. */
  function ring(points, figure) {
    if (!figure?.data?.length) return keep();
    return { ...figure, data: [...figure.data.slice(0, -1), { ...figure.data.at(-1), ...points }] };
  }

  /* ---- the schedule's table -------------------------------------------------------------------------------- */

  /* What was set by hand is kept until it has been sent; a week that was chosen is meant to stay. */
  function edited(cells, served, edits) {
    if (!served || !cells?.length) return [keep(), keep()];
    const changes = edits && !edits.sent && edits.network === served.network ? { ...edits.changes } : {};
    for (const { data, colId } of cells) {
      changes[data.code] = { week: data.week, pinned: data.pinned || colId === "week" };
    }
    const update = cells.filter(({ colId }) => colId === "week").map(({ data }) => ({ ...data, pinned: true }));
    return [update.length ? { update, async: false } : keep(), { network: served.network, changes, sent: false }];
  }

  /* The served rows with what was set by hand and isn't sent. A week keeps its date where its number has changed; what
     was set for a week or a job that is no more goes with it. */
  function planned(served, edits, columns) {
    if (!served) return keep();
    if (!edits || edits.sent || edits.network !== served.network) return served.rows;
    const weeks = columns.find(({ field }) => field === "week").cellEditorParams.values;
    const day = (week) => week.split(": ").at(-1);
    return served.rows.map((row) => {
      const change = edits.changes[row.code], week = change && weeks.find((one) => day(one) === day(change.week));
      return week ? { ...row, pinned: change.pinned, week } : row;
    });
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    smartgridMaintenance: { news, asset, choose, ring, edited, planned, pressed: () => true, unfiltered: () => ({}) },
  });
})();
