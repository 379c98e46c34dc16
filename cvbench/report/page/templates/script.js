"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Sorting: numbers by data-s, text as it is; missing values stay at the end.
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    if (cell.dataset.s !== undefined) return cell.dataset.s === "" ? null : Number(cell.dataset.s);
    return cell.textContent.trim().toLowerCase();
  };
  const sort = (head) => {
    const table = head.closest("table"), body = table.tBodies[0], column = head.cellIndex;
    const falling = head.getAttribute("aria-sort") === "ascending"
      || (!head.hasAttribute("aria-sort") && head.classList.contains("n"));
    all("th[aria-sort]", table).forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const rows = [...body.rows].map((row) => [valueOf(row, column), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      const order = typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true });
      return falling ? -order : order;
    });
    body.append(...rows.map(([, row]) => row));
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("th button");
    if (button) sort(button.parentElement);
  });

  // Filtering: a row must contain every word; marks and cells of other rows are dimmed or hidden.
  all("input[type=search]").forEach((field) => field.addEventListener("input", () => {
    const section = field.closest("section");
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    all("table.comparison tbody tr", section).forEach((row) => {
      const text = row.textContent.toLowerCase();
      const stays = words.every((word) => text.includes(word));
      left += stays;
      row.classList.toggle("hidden", !stays);
      all(`[data-key="${row.dataset.key}"]`, section).forEach((other) => {
        if (other !== row) other.classList.toggle(other.matches("details") ? "hidden" : "out", !stays);
      });
    });
    const status = section.querySelector("[role=status]");
    status.textContent = words.length ? `${left} shown` : "";
  }));

  // Tooltips of marks, by mouse or keyboard; the row of the same cell is highlighted.
  const tip = document.getElementById("tip");
  let lit = [], shown = null;
  const show = (mark) => {
    hide();
    shown = mark;
    tip.textContent = mark.dataset.tip;
    tip.hidden = false;
    const box = mark.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - own.width / 2), innerWidth - own.width - 8);
    const top = box.top - own.height - 8 > 0 ? box.top - own.height - 8 : box.bottom + 8;
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${top + scrollY}px`;
    if (mark.dataset.key) {
      lit = all(`tr[data-key="${mark.dataset.key}"], .chart [data-key="${mark.dataset.key}"]`);
      lit.forEach((other) => other.classList.add("lit"));
    }
  };
  const hide = () => {
    tip.hidden = true;
    shown = null;
    lit.forEach((other) => other.classList.remove("lit"));
    lit = [];
  };
  for (const [begin, end] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
    document.addEventListener(begin, (event) => {
      const mark = event.target.closest("[data-tip]");
      if (mark) show(mark);
    });
    document.addEventListener(end, (event) => {
      if (shown && event.target.closest("[data-tip]") === shown) hide();
    });
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

  // A link to a cell opens it.
  const open = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const folded = target && target.closest("details");
    if (!folded) return;
    folded.open = true;
    folded.scrollIntoView();
  };
  addEventListener("hashchange", open);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    const to = link && (link.getAttribute("href") || "");
    if (to && to === location.hash) open();
  });
  open();
})();
