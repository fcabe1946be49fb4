// The details of an event open in a dialog, and the list waits with its news while somebody is busy with it.
(() => {
  "use strict";

  const dialog = () => document.getElementById("event-dialog");

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === dialog() && !dialog().open) dialog().showModal();
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    const list = event.detail.elt;
    if (!list.hasAttribute("data-live")) return;
    if (document.hidden || dialog().open || list.contains(document.activeElement)) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-closes]") || event.target === dialog()) dialog()?.close();
  });

  // What was in it would go on asking the server.
  document.addEventListener("close", (event) => {
    if (event.target === dialog()) dialog().replaceChildren();
  }, true);
})();
