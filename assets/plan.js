/* The optimisation page's script: puts the parts of a tick in place, paints both maps, and says what the form asks.
   Ids never occur here; they come with the callbacks, which app/pages registers. */
(() => {
  "use strict";
  const keep = () => window.dash_clientside.no_update;
  const context = () => window.dash_clientside.callback_context;
  const kept = () => context().outputs_list.map(keep);
  const PARTS = ["head", "steps", "compare", "rooms", "limited", "methods", "title", "code"];
  const FIELDS = ["weight", "pairs", "case", "band", "loading", "n1"];
  const proposed = { scope: null, values: null };

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
    const after = values && proposed.scope === scope && proposed.values ? { ...proposed.values, k: values.k, past: true } : values;
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

  /* Someone who holds an input keeps it; what the others asked comes with a later tick. */
  function fillForm(tick, id) {
    const part = tick?.plan, held = document.getElementById(id)?.matches(":active");
    if (!part?.form || held) return kept();
    const [values, words] = part.form;
    return [...values, ...words, values, part.keys.form];
  }

  /* Only what differs from what is shown is asked: values that a tick has set are no wish of this browser. */
  function askForm(...inputs) {
    const shown = inputs.at(-1), values = inputs.slice(0, -1), off = values[FIELDS.indexOf("case")];
    const changed = FIELDS.filter((_, i) => JSON.stringify(values[i]) !== JSON.stringify(shown[i]));
    if (!changed.length) return [keep(), keep(), off];
    const byName = Object.fromEntries(FIELDS.map((name, i) => [name, values[i]]));
    return [{ changed, values: byName, at: Date.now() }, values, off];
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    smartgridPlan: { answer, maps, figures, tapped, fillForm, askForm },
  });
})();
