/* The analytics page's script, and the overview's figure of the next day: say when there is another report.
   Ids never occur here; they come with the callbacks, which app/pages registers. */
(() => {
  "use strict";
  const keep = () => window.dash_clientside.no_update;
  let said = null;

  /* The page's parts are fetched when the key is another one; a status that says the same isn't put in place again. */
  function news(tick, shown) {
    const part = tick?.analytics;
    if (!part) return [keep(), keep()];
    const status = JSON.stringify(part.status), same = status === said && Boolean(shown);
    said = status;
    return [part.key === shown ? keep() : part.key, same ? keep() : part.status];
  }

  /* The slider of issues follows the latest until a hand moves it; then it stays at that moment while others come.
     A move shows in a value that isn't the one put in place before. It is told, and the slider set, in one go here:
     an answer of the server would come some time later, on top of a move made meanwhile. memory: moments in ISO 8601
     that the slider stands for, its place, and the chosen one; null follows the latest. The slider is set only where
     that changes it, since setting it calls this again, and what the first call returns is dropped then. */
  function issue(moments, value, id, store, memory, told) {
    if (!moments) return keep();
    const moved = memory && value !== memory.place;
    const held = memory && document.getElementById(id)?.matches(":active");
    const known = held ? memory.moments : moments, last = Math.max(0, known.length - 1);
    const wanted = known.indexOf(moved ? memory.moments.slice(0, -1)[value] : memory?.chosen);
    const place = wanted < 0 ? last : wanted, chosen = place < last ? known[place] : null;
    const { set_props } = window.dash_clientside, longer = known.length !== memory?.moments.length;
    set_props(store, { data: { moments: known, place: held ? value : place, chosen } });
    if (!held && (longer || value !== place)) set_props(id, { value: place, max: Math.max(1, last), disabled: !last });
    return chosen === (told ?? null) ? keep() : chosen;
  }

  const nextDay = (tick, shown) => (tick?.ahead && tick.ahead !== shown ? tick.ahead : keep());

  window.dash_clientside = Object.assign({}, window.dash_clientside, { smartgridAnalytics: { news, issue, nextDay } });
})();
