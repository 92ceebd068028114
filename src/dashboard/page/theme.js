// Light or dark, before anything is painted; as the system has it unless told otherwise.
(() => {
  let kept = "auto";
  try {
    kept = localStorage.getItem("worq-theme") ?? "auto";
  } catch {
    // Storage is switched off: as the system has it.
  }
  document.documentElement.dataset.theme = kept;
})();
