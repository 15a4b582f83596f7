// Runs before the first paint, so that a chosen theme or language does not flash in after another one.
try {
  const theme = localStorage.getItem('parvis.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
  if (localStorage.getItem('parvis.language') === 'en') document.documentElement.lang = 'en'
} catch {
  // Storage is switched off: the defaults stand.
}
