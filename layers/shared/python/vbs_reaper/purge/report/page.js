// Marks the squares of backups that will be deleted by the selected day. The table of later runs has the same data.
(() => {
  const box = document.getElementById("ahead");
  box.hidden = false;
  const slider = box.querySelector("input");
  const output = box.querySelector("output");
  const days = JSON.parse(box.dataset.days);
  const squares = [...document.querySelectorAll("[data-g]")].map((square) => {
    const text = square.querySelector("text");
    return { square, text, letter: text.textContent, day: Number(square.dataset.g) };
  });
  const show = () => {
    const day = Number(slider.value);
    for (const { square, text, letter, day: last } of squares) {
      const gone = day > 0 && last <= day;
      square.classList.toggle("gone", gone);
      text.textContent = gone ? "x" : letter;
    }
    output.textContent = days[day].join(": ");
    slider.setAttribute("aria-valuetext", output.textContent);
  };
  slider.addEventListener("input", show);
  show();
  // A calendar can be focused, to be scrolled with the keyboard, only if it does not fit.
  for (const calendar of document.querySelectorAll(".cal")) {
    if (calendar.scrollWidth > calendar.clientWidth) calendar.tabIndex = 0;
  }
})();
