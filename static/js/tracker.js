// Comfort only: everything here has a way that works without it.
(() => {
  "use strict";

  const copy = async (field) => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      return true;
    } catch {
      return document.execCommand("copy"); // over plain http, as on most home networks, there is no clipboard API
    }
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copies]");
    if (button) {
      const done = await copy(document.getElementById(button.dataset.copies));
      document.getElementById(button.dataset.tells).textContent = done ? "Copied." : "Press Ctrl+C to copy.";
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.removeAttribute("open");
    }
  });

  // A poster that cannot be loaded leaves the initials that are under it.
  document.addEventListener("error", (event) => {
    if (event.target.matches?.(".poster > img")) event.target.remove();
  }, true);

  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (menu) {
      menu.removeAttribute("open");
      menu.querySelector("summary").focus();
    }
  });

  // What htmx could not do is told; without this a press would seem to do nothing.
  const told = (text) => {
    const box = document.getElementById("messages");
    if (!box) return;
    const notice = document.createElement("div"), words = document.createElement("p");
    notice.className = "notice notice-bad";
    notice.setAttribute("role", "alert");
    words.textContent = text;
    notice.append(words);
    box.replaceChildren(notice);
  };
  document.addEventListener("htmx:sendError", () => told("The tracker did not answer. Check that it is running, then try again."));
  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    if (status !== 401) told(status === 403 ? "You may not do this. Load the page again if you were signed in." : `That did not work (${status}). Load the page again, then try once more.`);
  });
})();
