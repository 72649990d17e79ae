// What is typed into a box with `data-search` hides at once the rows of that table which do not have it in their first cell;
// the form around it asks the server for all that there are.
"use strict";

function sift() {
  for (const box of document.querySelectorAll("[data-search]")) {
    const wanted = box.value.trim().toLowerCase();
    for (const row of document.querySelectorAll(`#${box.dataset.search} tbody tr`)) {
      row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
    }
  }
}

document.addEventListener("input", (event) => {
  if (event.target.dataset.search) {
    sift();
  }
});
document.addEventListener("drawn", sift);
sift();
