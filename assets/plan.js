/* The optimisation page's script: puts the parts of a tick in place, paints both maps, and says what the form asks.
   Ids never occur here; they come with the callbacks, which app/pages registers. */
(() => {
  "use strict";
  const keep = () => window.dash_clientside.no_update;
  const context = () => window.dash_clientside.callback_context;
  const kept = () => context().outputs_list.map(keep);
  const PARTS = ["head", "steps", "compare", "rooms", "limited", "methods", "promised", "title", "back", "code", "back_code"];
  const FIELDS = ["weight", "pairs", "case", "band", "loading", "n1", "worst", "em_loading", "em_low", "em_high", "em_minutes"];
  const PROPS = ["value", "value", "checked", "value", "value", "checked", "checked", "value", "value", "value", "value"];
  const REST_MS = 350, TOUCH_MS = 1500, SETTLE_MS = 4000, ANSWER_MS = 15000;
  const proposed = { scope: null, values: null };
  const wish = { names: new Set(), values: null, timer: null, touched: 0, settled: 0, form: "", taken: null };

  function answer(tick) {
    const part = tick?.plan, words = [part?.status ?? keep(), tick?.held ?? keep()];
    if (!part?.answer) return [...kept().slice(2), ...words];
    return [...PARTS.map((name) => part.answer[name]), ...part.answer.disabled, part.keys.answer, ...words];
  }

  /* A proposed map comes with the answer; without a plan it is the present one. */
  function maps(tick, scope, present, other) {
    if (!tick) return keep();
    if (tick.plan && "proposed" in tick.plan) Object.assign(proposed, { scope: tick.scope, values: tick.plan.proposed });
    const values = tick.scope === scope ? tick.map : null;
    const changes = values && proposed.scope === scope && proposed.values;
    const { k, kn, kb } = values ?? {};
    const after = changes ? { ...proposed.values, k, kn, kb, past: true } : values;
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
     The inputs aren't touched by ticks that bring no form: Dash draws them anew, which ends a drag. They are filled
     at once, not by a callback's outputs: those would come some time later, on top of a change made meanwhile.
     Ticks may be older than one's own change: what it made is waited for, unless another one's change came first. */
  function takeForm(tick, form, memory, ...inputs) {
    const part = tick?.plan;
    wish.form = form;
    if (part && part.keys.form === wish.taken) Object.assign(wish, { settled: 0, taken: null });
    if (!part?.form) return kept();
    const [values, words] = part.form, held = mine() || document.getElementById(form)?.matches(":active");
    if (held) return [...words, keep()];
    show(memory, "data", values);
    inputs.forEach((id, i) => show(id, PROPS[i], values[i]));
    return [...words, part.keys.form];
  }

  const show = (id, prop, value) => window.dash_clientside.set_props(id, { [prop]: value });
  const mine = () => wish.timer !== null || performance.now() < Math.max(wish.touched, wish.settled);

  /* A hand that has come down since the tick is heard before the change that it makes. */
  function touch(event) {
    if (document.getElementById(wish.form)?.contains(event.target)) wish.touched = performance.now() + TOUCH_MS;
  }
  for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, touch, true);

  /* Only what differs from what is shown is asked, once it rests: what a tick has set is no wish of this browser. */
  function askForm(...arguments_) {
    const [memory, shown] = arguments_.slice(-2), values = arguments_.slice(0, -2);
    const changed = FIELDS.filter((_, i) => JSON.stringify(values[i]) !== JSON.stringify(shown[i]));
    const off = values[FIELDS.indexOf("case")];
    if (!changed.length) return [keep(), off];
    changed.forEach((name) => wish.names.add(name));
    wish.values = Object.fromEntries(FIELDS.map((name, i) => [name, values[i]]));
    clearTimeout(wish.timer);
    wish.timer = setTimeout(ask, REST_MS, context().outputs_list[0].id);
    show(memory, "data", values);
    return [keep(), off];
  }

  function ask(id) {
    show(id, "data", { changed: [...wish.names], values: wish.values, at: Date.now() });
    wish.names.clear();
    Object.assign(wish, { timer: null, settled: performance.now() + ANSWER_MS, taken: null });
  }

  /* taken: the key of the form that the server has made of the latest change. */
  function formTaken(taken) {
    if (taken) Object.assign(wish, { settled: performance.now() + SETTLE_MS, taken: taken.key });
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    smartgridPlan: { answer, maps, figures, tapped, takeForm, askForm, formTaken },
  });
})();
