"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const themes = ["", "light", "dark"];
  const recall = () => { try { return localStorage.getItem("theme") || ""; } catch { return ""; } };
  const remember = (value) => { try { localStorage.setItem("theme", value); } catch { /* then for this page */ } };
  const paint = (value) => {
    if (value) root.dataset.theme = value; else delete root.dataset.theme;
    const button = document.getElementById("theme");
    if (button) button.ariaLabel = "Colours of the page: " + (value || "as the system has them");
  };
  let theme = recall();
  paint(theme);

  const one = (selector) => document.querySelector(selector);
  const links = () => [...document.querySelectorAll(".list a")];
  const go = (selector) => { const link = one(selector); if (link) link.click(); };

  // step moves the focus in the list, or goes to the mail before or after this one.
  const step = (by) => {
    if (document.body.dataset.page === "mail") return go(by > 0 ? "nav a[rel=next]" : "nav a[rel=prev]");
    const all = links();
    const at = all.findIndex((a) => a.parentElement.contains(document.activeElement));
    const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
    if (all[next]) all[next].focus();
  };
  const current = () => links().find((a) => a.parentElement.contains(document.activeElement));
  const choose = () => {
    const link = current();
    if (link) { const box = link.parentElement.querySelector("input"); box.checked = !box.checked; }
  };
  const erase = () => {
    const form = one("#delete") || one("#chosen");
    if (!form) return;
    if (form.id === "chosen" && !form.querySelector(":checked")) choose();
    if (form.id === "delete" || form.querySelector(":checked")) form.requestSubmit();
  };
  const help = () => { const dialog = one("#help"); if (dialog.open) dialog.close(); else dialog.showModal(); };
  const keys = {
    j: () => step(1), k: () => step(-1), u: () => go("nav a[rel=up]"), o: () => { const link = current(); if (link) link.click(); },
    x: choose, "#": erase, Delete: erase, "?": help,
    "/": () => { const field = one("input[type=search]"); if (field) { field.focus(); field.select(); } else go("nav a[rel=up]"); },
  };
  const pressed = (event) => {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.matches("input[type=search], textarea, select")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    if (/^[1-8]$/.test(event.key)) { const tab = document.querySelectorAll(".tabs a")[event.key - 1]; if (tab) tab.click(); return; }
    if (!keys[event.key] || (one("#help").open && event.key !== "?")) return;
    event.preventDefault();
    keys[event.key]();
  };

  // reload puts the list as it is now in the place of the one that is shown. Focus and choice stay with their mails.
  let running = false, again = false;
  const reload = async () => {
    if (running) { again = true; return; }
    running = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("mails");
      if (fresh) replace(fresh);
    } catch { /* the next event tries again */ }
    running = false;
    if (again) { again = false; reload(); }
  };
  const replace = (fresh) => {
    const old = document.getElementById("mails");
    if (old.innerHTML === fresh.innerHTML || old.querySelector(".confirm[open]")) return;
    const known = new Set([...old.querySelectorAll(".list input")].map((box) => box.value));
    const chosen = new Set([...old.querySelectorAll(".list input:checked")].map((box) => box.value));
    const focused = document.activeElement && document.activeElement.closest(".list li");
    const id = focused && focused.querySelector("input").value;
    for (const box of fresh.querySelectorAll(".list input")) {
      box.checked = chosen.has(box.value);
      if (!known.has(box.value)) box.parentElement.classList.add("new");
    }
    const status = fresh.querySelector("#status").textContent;
    fresh.querySelector("#status").replaceWith(old.querySelector("#status"));
    old.replaceChildren(...fresh.childNodes);
    old.querySelector("#status").textContent = status;
    if (id) { const box = [...old.querySelectorAll(".list input")].find((b) => b.value === id); if (box) box.parentElement.querySelector("a").focus(); }
  };

  document.addEventListener("DOMContentLoaded", () => {
    paint(theme);
    one("#theme").addEventListener("click", () => {
      theme = themes[(themes.indexOf(theme) + 1) % themes.length];
      remember(theme);
      paint(theme);
    });
    one("#keys").addEventListener("click", help);
    document.addEventListener("keydown", pressed);
    if (document.body.dataset.page === "list" && !new URLSearchParams(location.search).get("page")) {
      new EventSource("events").addEventListener("message", reload);
    }
  });
})();
