/* The optimisation page's script: puts the parts of a tick in place, paints both maps, and says what the form asks.
   Ids never occur here; they come with the callbacks, which app/pages registers. */
(() => {
  "use strict";
  const keep = () => window.dash_clientside.no_update;
  const context = () => window.dash_clientside.callback_context;
  const kept = () => context().outputs_list.map(keep);
  const PARTS = ["head", "steps", "compare", "rooms", "limited", "methods", "title", "code"];
  const FIELDS = ["weight", "pairs", "case", "band", "loading", "n1"];
  const REST_MS = 350, SETTLE_MS = 1500;
  const proposed = { scope: null, values: null };
  const wish = { names: new Set(), values: null, timer: null, settled: 0, form: "" };

  function answer(tick) {
    const part = tick?.plan;
    if (!part?.answer) return [...kept().slice(1), part?.status ?? keep()];
    return [...PARTS.map((name) => part.answer[name]), ...part.answer.disabled, part.keys.answer, part.status];
  }

  /* A proposed map comes with the answer; without a plan it is the present one. */
  function maps(tick, scope, present, other) {
    if (!tick) return keep();
    if (tick.plan && "proposed" in tick.plan) Object.assign(proposed, { scope: tick.scope, values: tick.plan.proposed });
    const values = tick.scope === scope ? tick.map : null;
    const changes = values && proposed.scope === scope && proposed.values;
    const after = changes ? { ...proposed.values, k: values.k, past: true } : values;
    const { show } = window.dash_clientside.smartgridMaps;
    show(present, { values, scope, view: null });
    show(other, { values: after, scope, view: null });
    return tick.version;
  }

  const emptiness = (figure, traces) =>
    figure.layout.annotations.map((words) => ({ ...words, visible: traces.every((trace) => !trace.x.length) }));

  function figures(tick, ...drawn) {
    const traces = tick?.plan?.figures;
    if (!traces) return kept();
    const changed = drawn.map((figure, i) => ({
      ...figure,
      data: figure.data.map((trace, k) => ({ ...trace, ...traces[i][k] })),
      layout: { ...figure.layout, annotations: emptiness(figure, traces[i]) },
    }));
    return [...changed, tick.plan.keys.figures];
  }

  function tapped() {
    const [tap] = context().triggered.filter(({ value }) => value);
    return tap ? { code: tap.value.data.id, at: Date.now() } : keep();
  }

  /* Someone who holds an input, or has just changed one, keeps it; what the others asked comes with a later tick.
     The inputs aren't touched by ticks that bring no form: Dash draws them anew, which ends a drag. */
  function takeForm(tick, id) {
    const part = tick?.plan;
    wish.form = id;
    if (!part?.form) return kept();
    const [values, words] = part.form, held = mine() || document.getElementById(id)?.matches(":active");
    return [...words, held ? keep() : { values, key: part.keys.form }];
  }

  const mine = () => wish.timer !== null || performance.now() < wish.settled;

  /* A hand that has come down since the tick is heard before the change that it makes. */
  function touch(event) {
    if (document.getElementById(wish.form)?.contains(event.target)) wish.settled = performance.now() + SETTLE_MS;
  }
  for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, touch, true);

  const fillForm = (form) => (form && !mine() ? [...form.values, form.values, form.key] : kept());

  /* Only what differs from what is shown is asked, once it rests: what a tick has set is no wish of this browser. */
  function askForm(...inputs) {
    const shown = inputs.at(-1), values = inputs.slice(0, -1), off = values[FIELDS.indexOf("case")];
    const changed = FIELDS.filter((_, i) => JSON.stringify(values[i]) !== JSON.stringify(shown[i]));
    if (!changed.length) return [keep(), keep(), off];
    changed.forEach((name) => wish.names.add(name));
    wish.values = Object.fromEntries(FIELDS.map((name, i) => [name, values[i]]));
    clearTimeout(wish.timer);
    wish.timer = setTimeout(ask, REST_MS, context().outputs_list[0].id);
    return [keep(), values, off];
  }

  function ask(id) {
    window.dash_clientside.set_props(id, { data: { changed: [...wish.names], values: wish.values, at: Date.now() } });
    wish.names.clear();
    Object.assign(wish, { timer: null, settled: performance.now() + SETTLE_MS });
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    smartgridPlan: { answer, maps, figures, tapped, takeForm, fillForm, askForm },
  });
})();
