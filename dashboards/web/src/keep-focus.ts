/**
 * A list that is drawn anew moves lines, and what is moved in a document loses the focus: it gets it back, so that nobody
 * who goes by keyboard is thrown out of a list by what was heard meanwhile. An attachment of what holds the lists.
 */
export function keepFocus(element: HTMLElement): () => void {
  let last: HTMLElement | null = null
  const note = ({ target }: Event) => {
    last = target as HTMLElement
  }
  // A press beside everything takes the focus away, and means it.
  const forget = () => {
    last = null
  }
  const observer = new MutationObserver(() => {
    if (document.activeElement === document.body && last?.isConnected) last.focus({ preventScroll: true })
  })
  element.addEventListener('focusin', note)
  document.addEventListener('pointerdown', forget)
  observer.observe(element, { childList: true, subtree: true })
  return () => {
    observer.disconnect()
    element.removeEventListener('focusin', note)
    document.removeEventListener('pointerdown', forget)
  }
}
