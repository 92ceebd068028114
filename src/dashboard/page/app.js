/** Shows the overview as text, as it comes. */
const shown = document.querySelector("#overview");
const events = new EventSource("api/events");
events.addEventListener("overview", ({ data }) => {
  shown.textContent = JSON.stringify(JSON.parse(data), null, 2);
});
events.addEventListener("error", () => {
  shown.textContent = "The connection is lost.";
});
