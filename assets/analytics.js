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

  const nextDay = (tick, shown) => (tick?.ahead && tick.ahead !== shown ? tick.ahead : keep());

  window.dash_clientside = Object.assign({}, window.dash_clientside, { smartgridAnalytics: { news, nextDay } });
})();
